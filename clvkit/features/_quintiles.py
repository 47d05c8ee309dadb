"""Quintile scores among the customers who were known at the time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clvkit.features._calendar import (
    calendar_period,
    last_complete_period,
    start_day,
)
from clvkit.features._view import Floats, HistoryView
from clvkit.history import HistoryArray
from clvkit.utils._duration import ticks_per_day

__all__ = ["SCORED", "learn_quintiles", "reference_times", "scored_values", "scores"]

#: The scores and what they rank; greater is better.
SCORED = ("recency_score", "frequency_score", "monetary_score")

#: Enough for quintiles that a larger sample would move by less than a hundredth of the customers.
_MAX_CUSTOMERS = 10_000


def scored_values(view: HistoryView) -> Floats:
    """Return what the scores rank, of shape (3, n_rows); no purchase is the worst recency."""
    recency = np.where(view.bought, -view.in_days(view.periods_since_last), -np.inf)
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
        see events up to the time only. Of many customers an evenly spaced sample is used, in
        the order in which they came.
    """
    sampler = _Sampler(latest)
    used = np.zeros(len(latest), dtype=bool)
    for time in times.tolist():
        used[sampler.at(time)] = True
    period, resolution = latest.dtype.period, latest.dtype.resolution
    # A customer's own values change with his events only, recency apart, which is told by the
    # period of the last purchase. So each week only those with events are looked at.
    last = np.zeros(len(latest), dtype=np.int64)
    values = np.full((len(SCORED), len(latest)), np.nan)
    known, edges = [], []
    weeks = _active(latest, np.flatnonzero(used), times)
    for time, active in zip(times.tolist(), weeks, strict=True):
        view = HistoryView(latest[active].cut_back(time))
        values[:, active] = scored_values(view)
        last[active] = view.purchases.now - view.periods_since_last
        sample = sampler.at(time)
        if len(sample):
            now = period.period(np.array([time]), resolution)
            current = values[:, sample]
            since = view.in_days(now - last[sample])
            current[0] = np.where(current[1] > 0, -since, -np.inf)
            known.append(time)
            edges.append(_quintiles(current))
    return np.array(known, dtype=np.int64), np.array(edges).reshape(-1, len(SCORED), 4)


class _Sampler:
    """Chooses customers who are known at a time, and still under observation.

    Parameters
    ----------
    latest : HistoryArray of shape (n_customers,)
        In the order of the customers.
    """

    def __init__(self, latest: HistoryArray) -> None:
        rows = np.flatnonzero(latest.n_events > 0)
        first = latest.first_moments[rows]
        order = np.argsort(first, kind="stable")
        self._rows, self._first = rows[order], first[order]
        self._until = latest.cutoff_moments[self._rows]
        self._all_until = self._until.min(initial=np.iinfo(np.int64).max)

    def at(self, time: int) -> NDArray[np.int64]:
        """Return the rows of the sample at that time; it depends on nothing that came later."""
        n_known = np.searchsorted(self._first, time, side="right")
        rows = self._rows[:n_known]
        if time > self._all_until:
            rows = rows[self._until[:n_known] >= time]
        # Every second, fourth, eighth, ...: most of a sample are in that of the week before.
        step = 1
        while len(rows) > step * _MAX_CUSTOMERS:
            step *= 2
        return rows[::step]


def _active(
    latest: HistoryArray, rows: NDArray[np.int64], times: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    """Yield for each time those of the rows, under observation, with events in its week."""
    histories, until = latest[rows], latest.cutoff_moments
    offsets, moments, _ = histories.flat_events()
    order, bounds = by_week(moments, times, histories.dtype.resolution)
    row = np.repeat(rows, np.diff(offsets))[order]
    for time, begin, end in zip(times, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        own = row[begin:end]
        yield own[(np.diff(own, prepend=-1) != 0) & (until[own] >= time)]


def by_week(
    moments: NDArray[np.int64], times: NDArray[np.int64], resolution: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort events by the first of some :func:`reference_times` that knows of them.

    Returns
    -------
    order : ndarray of int64 of shape (n_events,)
        Events of one week in the order given; those that no time knows of at the end.
    bounds : ndarray of int64 of shape (n_times + 1,)
        Where each time's events begin in that order, and where the last ones end.
    """
    n_times = len(times)
    week = calendar_period(moments, resolution, "W")
    first = calendar_period(times[:1], resolution, "W")
    week = np.clip(week - first, 0, n_times) if n_times else np.zeros_like(week)
    # NumPy sorts 16 bits by counting, many times as fast; fifty years have 2,609 weeks.
    order = np.argsort(week.astype(np.int16 if n_times < 2**15 else np.int64), kind="stable")
    bounds = np.append(0, np.cumsum(np.bincount(week, minlength=n_times + 1)[:n_times]))
    return order, bounds


def _quintiles(values: Floats) -> Floats:
    # Observed values, never interpolated: scores are then the same in any currency.
    position = np.ceil(np.arange(1, 5) / 5 * values.shape[1]).astype(int) - 1
    return np.partition(values, position, axis=1)[:, position]


def scores(view: HistoryView, times: NDArray[np.int64], edges: Floats) -> dict[str, Floats]:
    """Score each row, 1 (lowest) to 5, among the customers known by its cutoff.

    Equal values have equal scores: one more than the number of edges below the value. A row
    before the first time has nobody to be compared with, and NaN.
    """
    position = np.searchsorted(times, view.histories.cutoff_moments, side="right") - 1
    compared = position >= 0
    if not compared.any():
        return {name: np.full(len(position), np.nan) for name in SCORED}
    # Rows of one cutoff have one set of edges, and the comparison need not look it up for each.
    own = edges[position[:1]] if (position == position[0]).all() else edges[position]
    columns: dict[str, Floats] = {}
    for k, (name, values) in enumerate(zip(SCORED, scored_values(view), strict=True)):
        score = np.where(compared, 1.0, np.nan)
        for j in range(own.shape[2]):
            score += values > own[:, k, j]
        columns[name] = score
    return columns
