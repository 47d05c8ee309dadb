"""The search for the estimates where covariates vary with time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._covariates import Regression
from clvkit.btyd._maximum_likelihood import Estimate
from clvkit.btyd._newton import Objective, Optimum, maximize_over_rows
from clvkit.btyd._priors import Prior, make_prior
from clvkit.btyd._summary import Rows
from clvkit.btyd._varying_likelihood import Data, VaryingLikelihood

__all__ = ["data_of", "estimate_varying"]

Array = NDArray[np.float64]

#: Parameters of the Pareto/NBD.
_K = 4
#: A rate that is lower by a factor of e^10 is nothing.
_NOTHING = 10.0


def estimate_varying(model: Any, rows: Rows, design: Array, weights: Array) -> Estimate:
    """Fit parameters and coefficients together, from the optimum without covariates.

    Parameters
    ----------
    model : TimeVaryingParetoNBD
    rows : Rows
    design : ndarray of shape (n, m)
        Static covariates.
    weights : ndarray of shape (n,)

    Returns
    -------
    Estimate
    """
    data = data_of(model, rows, design)
    static, calendar = data.static, data.calendar
    static_names, names = model._names_and_terms()[0], model._calendar_terms()[0]
    n_static, coef_names = len(static_names), [*static_names, *names]
    scale = np.append(static.scale_of_coefs()[:n_static], calendar.scale_of_coefs())
    center = model._typical(rows, weights)
    beliefs = make_prior(model.prior, model._param_names, center, coef_names, scale)
    optimum = _optimum(model, data, beliefs, weights)
    theta = optimum.log_params
    extreme = _extreme(theta[_K + n_static :], calendar)
    alone = Regression(model._names_and_terms()[1], design, _K, n_static)
    told = (alone.remarks(static_names), calendar.remarks(names), _of_extremes(names, extreme))
    return Estimate(
        static.in_own_units(calendar.in_own_units(optimum)),
        coef_names,
        beliefs.log_density(theta),
        np.append(static.fixed()[:n_static], calendar.fixed() | extreme),
        theta[:_K],
        [remark for some in told for remark in some],
    )


def _optimum(model: Any, data: Data, beliefs: Prior, weights: Array) -> Optimum:
    """Search from the optimum without covariates, in standardised ones."""

    def objective_of(index: Any, own: Array) -> Objective:
        likelihood = VaryingLikelihood(data.take(index), own)
        return lambda theta: beliefs.plus(likelihood(theta), theta)

    start = model._start(data.rows, weights)
    plain = model._plain(data.rows, weights).optimum.log_params
    # A parameter on its boundary would stay there whatever the coefficients are.
    near = np.clip(plain, start - 4.0, start + 4.0)
    return maximize_over_rows(
        objective_of,
        np.append(near, np.zeros(len(beliefs.mean) - _K)),
        weights,
        tol=model.tol,
        max_iter=model.max_iter,
        many=model._many_rows,
    )


def data_of(model: Any, rows: Rows, design: Array) -> Data:
    """Return the data of a search, in which covariates are centred and scaled."""
    static_names, static_terms = model._names_and_terms()
    names, terms = model._calendar_terms()
    pieces = model._pieces_of(rows, model._begin(rows) + rows.T)
    calendar = Regression(terms, pieces.table, _K + len(static_names), len(names))
    sums = model._sums(rows) - rows.frequency[:, None] * calendar.center
    return Data(
        rows,
        model._begin(rows),
        model._code(rows),
        np.where(calendar.varies, sums / calendar.scale, 0.0),
        Regression(static_terms, design, _K, len(static_names) + len(names)),
        calendar,
        pieces._replace(values=calendar.design.reshape(pieces.values.shape)),
    )


def _extreme(coefs: Array, calendar: Regression) -> NDArray[np.bool_]:
    """Return which coefficients make one of the calendar's rates nothing beside another."""
    reach = np.zeros(len(coefs))
    for term in calendar.terms:
        for column, coef in zip(term.columns, term.coefs, strict=True):
            place = coef - calendar.n_params
            spread = float(np.ptp(calendar.design[:, column]))
            reach[place] = max(reach[place], abs(coefs[place]) * spread)
    return reach > _NOTHING


def _of_extremes(names: list[str], extreme: NDArray[np.bool_]) -> list[tuple[list[str], str]]:
    found = [name for name, is_one in zip(names, extreme, strict=True) if is_one]
    meaning = (
        "it makes the rate nothing at some times beside others, and by how much the data do not "
        "tell. Leave it out for this process, or give a prior."
    )
    return [(found, meaning)] if found else []
