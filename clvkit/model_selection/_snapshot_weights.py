"""Which past cutoffs a regressor is trained at, and how much the rows of each count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from clvkit.history import least_history
from clvkit.utils._duration import Duration

__all__ = ["fit_weighted", "same_season", "sample_customers", "snapshot_weights"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def same_season(start: int, end: int, horizon: Duration, resolution: str) -> list[int]:
    """Return the cutoffs whole years before ``end``, the latest first.

    Parameters
    ----------
    start, end : int
        First event and end of observation, as moments. Each cutoff has its horizon before
        ``end`` and the least history after ``start``.
    horizon : Duration
    resolution : str
    """
    least = int(least_history(horizon).after(start, resolution))
    latest = horizon.latest_start(end, resolution)
    cutoffs: list[int] = []
    cutoff = int(Duration(1, "Y").before(end, resolution))
    while cutoff >= least:
        cutoffs.append(cutoff)
        cutoff = int(Duration(len(cutoffs) + 1, "Y").before(end, resolution))
    return [cutoff for cutoff in cutoffs if cutoff <= latest]


def snapshot_weights(
    cutoffs: Ints,
    end: int,
    horizon: Duration,
    resolution: str,
    *,
    half_life: Duration | None = None,
    season_weight: float | None = None,
) -> Floats:
    """Return the weight of a row at each cutoff, 1 for the latest one outside of the season.

    Parameters
    ----------
    cutoffs : ndarray of int64 of shape (n_cutoffs,)
    end : int
        End of observation: the period to predict is the horizon after it.
    horizon : Duration
    resolution : str
    half_life : Duration or None
        A cutoff so much before the latest one weighs half.
    season_weight : float or None
        Weight of a cutoff whose horizon covers the same days of the year as the period to
        predict. One that covers a part of them weighs in between, by that part.
    """
    weight = np.ones(len(cutoffs))
    if half_life is not None and len(cutoffs):
        weight *= 0.5 ** ((cutoffs.max() - cutoffs) / int(half_life.after(0, resolution)))
    if season_weight is not None:
        share = _share_of_season(cutoffs, end, horizon, resolution)
        weight *= 1.0 + (season_weight - 1.0) * share
    return weight


def _share_of_season(cutoffs: Ints, end: int, horizon: Duration, resolution: str) -> Floats:
    """Return which part of the horizon after each cutoff lies in the season to predict."""
    length = horizon.after(cutoffs, resolution) - cutoffs
    share = np.zeros(len(cutoffs))
    n_years = 1 + int((end - cutoffs.min()) // int(Duration(365, "D").after(0, resolution)))
    for years in range(1, n_years + 1):
        apart = np.abs(cutoffs - int(Duration(years, "Y").before(end, resolution)))
        share = np.maximum(share, 1.0 - apart / length)
    return share


def sample_customers(customers: NDArray, max_rows: int, rng: np.random.RandomState) -> Ints:
    """Return rows of customers drawn at random: all rows of each, at most ``max_rows`` in all.

    One customer is drawn at least. The rows are ascending.
    """
    code, unique = pd.factorize(customers)
    drawn = rng.permutation(len(unique))
    n_rows = np.cumsum(np.bincount(code, minlength=len(unique))[drawn])
    n_drawn = max(1, int(np.searchsorted(n_rows, max_rows, side="right")))
    is_drawn = np.zeros(len(unique), dtype=bool)
    is_drawn[drawn[:n_drawn]] = True
    return np.flatnonzero(is_drawn[code])


def fit_weighted(estimator: Any, X: Any, y: Any, weight: Floats) -> Any:
    """Fit with sample weights, where what is fitted last takes them, and without otherwise."""
    name = _weight_name(estimator)
    return estimator.fit(X, y) if name is None else estimator.fit(X, y, **{name: weight})


def _weight_name(estimator: Any) -> str | None:
    """Return the name of the fit parameter that leads to the last step's ``sample_weight``."""
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        inner = _weight_name(last)
        return None if inner is None else f"{step}__{inner}"
    if isinstance(estimator, TransformedTargetRegressor):
        return _weight_name(estimator.regressor)
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None
