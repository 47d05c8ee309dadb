"""Is there dropout at all: how much better a model fits than without it.

Estimates alone do not tell. Where nobody drops out the likelihood is flat far from the edge of
the range of the parameters, and a search may end wherever its slope is small enough. What the
likelihood gains by dropout is the same number everywhere on such a plain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._covariates import shifts
from clvkit.btyd._likelihood_model import Boundary, shifted
from clvkit.btyd._maximum_likelihood import Estimate
from clvkit.btyd._newton import Derivatives, maximize
from clvkit.btyd._summary import Rows

__all__ = ["dropout_gain", "no_dropout", "shows_dropout"]

Array = NDArray[np.float64]

#: A logarithm of dropout known to this leaves no doubt that there is some: dropping it would
#: cost several units of log-likelihood.
_KNOWN = 0.3
#: Below this share of the largest one a curvature is rounding.
_SINGULAR = 1e-11
#: Of so many rows some are asked first.
_MANY = 20_000
#: A gain of some rows that all rows cannot take back.
_PLAIN = 10.0


def shows_dropout(model: Any, found: Estimate, names: tuple[str, ...]) -> bool:
    """Tell from the curvature alone whether there is dropout, where that is beyond doubt.

    Dropout grows with the ratio of the two parameters. Where there is none the likelihood is flat
    in it, and its logarithm is anything.

    Parameters
    ----------
    model : PurchaseModel
    found : Estimate
    names : (str, str)
        The parameters whose ratio it is.

    Returns
    -------
    bool
        False where a closer look is needed.
    """
    information = -found.optimum.at.hessian
    contrast = np.zeros(len(information))
    first, second = (model._param_names.index(name) for name in names)
    contrast[first], contrast[second] = 1.0, -1.0
    size, axes = np.linalg.eigh(information)
    flat = size <= _SINGULAR * size[-1]
    share = (contrast @ axes) ** 2
    # Coefficients of which nothing is known do not matter, if the ratio does not depend on them.
    if size[0] < -_SINGULAR * size[-1] or (share[flat] > _SINGULAR).any():
        return False
    return float((share[~flat] / size[~flat]).sum()) < _KNOWN**2


def dropout_gain(model: Any, found: Estimate, rows: Rows, design: Array, weights: Array) -> float:
    """Return by how much the log-likelihood exceeds that of the model without dropout.

    The rate of purchases and its spread are fitted anew; coefficients of covariates stay as they
    are. Of many rows a part may answer, and then it is the gain of that part.

    Parameters
    ----------
    model : PurchaseModel
    found : Estimate
        Without a prior.
    rows : Rows
    design : ndarray of shape (n, m)
    weights : ndarray of shape (n,)

    Returns
    -------
    float
    """
    theta, k = found.optimum.log_params, len(model._param_names)
    moved = shifts(model._names_and_terms()[1], design, theta[k:], k)
    rows = rows._replace(shifts=moved)
    if len(weights) > _MANY:
        some = np.linspace(0, len(weights) - 1, _MANY).astype(np.intp)
        part, w = rows.take(some), weights[some]
        params = shifted(dict(model._as_params(theta)), model._effects, part.shifts)
        value = float(w @ model._row_derivatives(params, part).value)
        gain = value - _without(model, theta, part, w)
        if gain > _PLAIN:
            return gain
    return found.optimum.at.value - _without(model, theta, rows, weights)


def _without(model: Any, theta: Array, rows: Rows, weights: Array) -> float:
    """Return the highest log-likelihood without dropout."""

    def objective(log_params: Array) -> Derivatives:
        r, alpha = np.exp(log_params).tolist()
        own = {**model._as_params(theta), "r": r, "alpha": alpha}
        params = shifted(own, model._effects, rows.shifts)
        at: Derivatives = model._without_dropout(params, rows).sum(weights)
        return at

    start = theta[[model._param_names.index(name) for name in ("r", "alpha")]]
    n = float(weights.sum())
    # The log-likelihood is then right to about a thousandth, whatever n is.
    return maximize(objective, start, n=n, tol=0.01 / np.sqrt(n), max_iter=50).at.value


def no_dropout(parameters: tuple[str, ...], gain: float, nested: str) -> Boundary:
    """Say that the model without dropout fits as well."""
    lower = f" (its log-likelihood is lower by {gain:.2g} only)" if gain >= 0.005 else ""
    return Boundary(parameters, f"no dropout detected: {nested} fits as well{lower}.")
