r"""How far the data leave a prediction open: parameters, and what will happen given them.

Estimates of (log-)parameters are near normal with the covariance of the fit (Laplace). Functions
of them are evaluated at the :math:`2m` points :math:`\theta \pm \sqrt{m}\, L_j`, with L the
Cholesky factor of the covariance of m free parameters: equally weighted, they have exactly its
mean and covariance (the unscented rule of Julier and Uhlmann 1997), and no random number is
needed.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["drawn_models", "models_around"]

Array = NDArray[np.float64]

#: No parameter is moved by more than a factor of e^16, over which the search looks for it: where a
#: likelihood is flat, its curvature may ask for more than floats hold.
_FARTHEST = 16.0


def models_around(model: Any) -> list[Any]:
    """Return models whose parameters have the mean and covariance of the estimates.

    The model alone where it was not fitted, or where nothing tells how far it may be off.
    """
    root = _root(model)
    m = root.shape[1]
    if m == 0:
        return [model]
    steps = np.sqrt(m) * root
    return [_moved(model, sign * step) for step in steps.T for sign in (1.0, -1.0)]


def drawn_models(model: Any, n: int, rng: np.random.Generator) -> list[Any]:
    """Return ``n`` models with parameters drawn from their normal approximation."""
    root = _root(model)
    return [_moved(model, root @ rng.standard_normal(root.shape[1])) for _ in range(n)]


def _root(model: Any) -> Array:
    """Return a root of the covariance; parameters on a boundary stay where they are."""
    k = len(model.params_)
    covariance = getattr(model, "covariance_", None)
    if covariance is None:
        return np.zeros((k, 0))
    known = np.isfinite(np.diag(covariance))
    root = np.zeros((k, int(known.sum())))
    root[known] = np.linalg.cholesky(covariance[np.ix_(known, known)])
    return root


def _moved(model: Any, step: Array) -> Any:
    other = copy(model)
    k = len(model._param_names)
    values = np.array(list(model.params_.values()))
    factors = np.exp(np.clip(step[:k], -_FARTHEST, _FARTHEST))
    moved = np.append(values[:k] * factors, values[k:] + step[k:])
    other.params_ = dict(zip(model.params_, moved.tolist(), strict=True))
    return other
