"""Quintile scores among the customers who were known at the time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.features._calendar import (
    calendar_period,
    last_complete_period,
    start_day,
)
from clvkit.features._view import Floats, HistoryView, blocks_of_rows
from clvkit.history import HistoryArray
from clvkit.utils._duration import ticks_per_day

__all__ = ["SCORED", "learn_quintiles", "reference_times", "scored_values", "scores"]

#: The scores and what they rank; greater is better.
SCORED = ("recency_score", "frequency_score", "monetary_score")

#: Enough for quintiles that a larger sample would move by less than a hundredth of the customers.
_MAX_CUSTOMERS = 10_000


def scored_values(view: HistoryView) -> Floats:
    """Return what the scores rank, of shape (3, n_rows); no purchase is the worst recency."""
    recency = np.where(view.bought, view.age_at_last - view.age, -np.inf)
    return np.stack([recency, view.n_purchases, view.total_spend])


def reference_times(latest: HistoryArray) -> NDArray[np.int64]:
    """Return the moments at which quintiles are learnt: the ends of calendar weeks (Sundays).

    They run from the first event, or 1970, to the last cutoff of fit. The grid is that of the
    calendar, and not the cutoffs of fit: which time a row is compared at then depends neither on
    the other cutoffs nor on who came after its own.
    """
    known = latest.n_events > 0
    if not known.any():
        return np.empty(0, dtype=np.int64)
    resolution = latest.dtype.resolution
    first = latest.first_moments[known].min(keepdims=True)
    last = latest.cutoff_moments[known].max(keepdims=True)
    start = max(int(calendar_period(first, resolution, "W")[0]), 0)
    stop = int(last_complete_period(last, resolution, "W")[0])
    following = start_day(np.arange(start, stop + 1) + 1, "W")
    return following * ticks_per_day(resolution) - 1


def learn_quintiles(
    latest: HistoryArray, times: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats]:
    """Learn the quintile edges among the customers known at each time.

    Parameters
    ----------
    latest : HistoryArray of shape (n_customers,)
    times : ndarray of int64 of shape (n_times,)

    Returns
    -------
    times : ndarray of int64 of shape (n_known,)
        Those at which somebody was known, and still under observation.
    edges : ndarray of shape (n_known, 3, 4)
        The values that two, four, six and eight tenths of these customers do not exceed. They
        see events up to the time only. From many customers an evenly spaced sample is used.
    """
    first, last = latest.first_moments, latest.cutoff_moments
    known_times, edges = [], []
    for time in times.tolist():
        known = np.flatnonzero((first <= time) & (last >= time) & (latest.n_events > 0))
        if not len(known):
            continue
        known = known[:: -(-len(known) // _MAX_CUSTOMERS)]
        known_times.append(time)
        edges.append(_quintiles(latest[known].cut_back(time)))
    return np.array(known_times, dtype=np.int64), np.array(edges).reshape(-1, len(SCORED), 4)


def _quintiles(histories: HistoryArray) -> Floats:
    blocks = [scored_values(HistoryView(histories[rows])) for rows in blocks_of_rows(histories)]
    values = np.sort(np.concatenate(blocks, axis=1), axis=1)
    # Observed values, never interpolated: scores are then the same in any currency.
    position = np.ceil(np.arange(1, 5) / 5 * values.shape[1]).astype(int) - 1
    return values[:, position]


def scores(view: HistoryView, times: NDArray[np.int64], edges: Floats) -> dict[str, Floats]:
    """Score each row, 1 (lowest) to 5, among the customers known by its cutoff.

    Equal values have equal scores: one more than the number of edges below the value. A row
    before the first time has nobody to be compared with, and NaN.
    """
    position = np.searchsorted(times, view.histories.cutoff_moments, side="right") - 1
    values = scored_values(view)
    score = np.full(values.shape, np.nan)
    compared = position >= 0
    above = values.T[compared][:, :, None] > edges[position[compared]]
    score[:, compared] = 1.0 + above.sum(axis=2).T
    return dict(zip(SCORED, score, strict=True))
