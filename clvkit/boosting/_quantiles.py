"""Levels of quantiles: their check, and what lies between two of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.errors import ArgumentError

__all__ = ["check_levels", "interpolate"]

FloatArray = NDArray[np.float64]


def check_levels(q: ArrayLike, name: str = "q") -> FloatArray:
    """Return levels as a 1-d array.

    Raises
    ------
    ArgumentError
        When there is none, or one is not between 0 and 1.
    """
    levels = np.atleast_1d(np.asarray(q, dtype=np.float64))
    if levels.ndim != 1 or not levels.size:
        raise ArgumentError(
            f"{name} must be one level or a list of them, got shape {levels.shape}."
        )
    outside = ~((levels > 0) & (levels < 1))
    if outside.any():
        raise ArgumentError(
            f"{name} holds {levels[outside][0]}; each level must lie between 0 and 1, both "
            "excluded."
        )
    return levels


def interpolate(levels: FloatArray, known: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Return quantiles at ``levels`` from those at ``known`` levels, linear between them.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Within the range of ``known``.
    known : ndarray of shape (n_known,)
        In ascending order.
    quantiles : ndarray of shape (n_samples, n_known)

    Returns
    -------
    quantiles : ndarray of shape (n_samples, n_levels)
    """
    upper = np.searchsorted(known, levels)
    lower = np.where(known[upper] == levels, upper, np.maximum(upper - 1, 0))
    span = np.where(upper > lower, known[upper] - known[lower], 1.0)
    share = (levels - known[lower]) / span
    return (1 - share) * quantiles[:, lower] + share * quantiles[:, upper]
