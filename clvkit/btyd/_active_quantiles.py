"""Quantiles of the spend of customers who buy at all, by a grid in place of a search."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from clvkit.btyd._spend_intervals import Posteriors, posteriors_of

__all__ = ["active_quantiles"]

Array = NDArray[np.float64]

#: Points of the logarithm of the spend at which the distribution is computed, twice: over what
#: is possible, then between the outermost levels.
_POINTS = 33
_BEYOND = 1e-6


def active_quantiles(
    purchase_model: Any, spend_model: Any, data: tuple[Any, Any, Any], levels: Array
) -> Array:
    """Return quantiles of the spend of each customer, given at least one purchase.

    Parameters
    ----------
    purchase_model, spend_model : fitted estimators
    data : (summary of purchases, horizon, summary of spend)
    levels : ndarray of shape (n_levels,)
        In ascending order.

    Returns
    -------
    ndarray of shape (n_customers, n_levels)
        Right to about a percent.
    """
    purchases, horizon, spends = data
    posteriors = posteriors_of(spend_model, spends)
    out = np.empty((len(posteriors.center()), len(levels)))
    for rows, pmf in purchase_model.predictive_pmf(purchases, horizon, beyond=_BEYOND):
        active = pmf.copy()
        active[:, 0] = 0.0
        active /= np.maximum(active.sum(axis=1, keepdims=True), 1e-300)
        out[rows] = np.exp(_on_grid(active, posteriors.take(rows), levels))
    return out


def _on_grid(pmf: Array, posteriors: Posteriors, levels: Array) -> Array:
    middle = posteriors.center() + np.log(np.maximum(pmf @ np.arange(pmf.shape[1]), 1.0))
    ends = np.column_stack([middle - 8.0, middle + 6.0])
    outermost = levels[[0, -1]]
    ends = _invert(pmf, posteriors, ends, outermost) + np.array([-0.2, 0.2])
    return _invert(pmf, posteriors, ends, levels)


def _invert(pmf: Array, posteriors: Posteriors, ends: Array, levels: Array) -> Array:
    share = np.linspace(0.0, 1.0, _POINTS)
    points = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * share
    below = np.column_stack([posteriors.distribution(pmf, at)[0] for at in points.T])
    # The logit is nearer to a line than the probability, in the tails above all.
    odds = logit(np.clip(np.maximum.accumulate(below, axis=1), 1e-12, 1.0 - 1e-12))
    wanted = logit(levels)
    return np.array([np.interp(wanted, row, at) for row, at in zip(odds, points, strict=True)])
