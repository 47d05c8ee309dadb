"""What acquisition cohorts had done by each age: a triangle of cohorts by ages.

The cell (cohort, age) is about one calendar period, the one that is ``age`` periods after the
cohort's own. It is filled when that period is over, and is looked up only for rows whose cutoff
is not before its end. So what a row gets never comes from later events than its cutoff, and no
copy of the table a cutoff is needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.features._calendar import calendar_period, last_complete_period
from clvkit.features._view import Floats, HistoryView, blocks_of_rows
from clvkit.history import HistoryArray
from clvkit.utils._ragged import starts_of_runs

__all__ = ["CohortTable", "learn_cohorts", "nearest_known"]

Ints = NDArray[np.int64]


#: Fifty years. One placeholder date, 0001-01-01, shall not widen the table by millennia.
MAX_AGES = {"W": 2_609, "M": 600, "Q": 200}


class CohortTable(NamedTuple):
    """Sums over the members of each cohort, by age in completed periods.

    Attributes
    ----------
    cohorts : ndarray of int64 of shape (n_cohorts,)
        Cohorts that occur, ascending: one a row.
    members : ndarray of shape (n_cohorts, n_ages)
        Customers observed to the end of that age.
    active, purchases, spend, gross : ndarray of shape (n_cohorts, n_ages)
        Of these customers: how many bought in that period, their purchases, their net amount,
        and the sum of the absolute amounts, which tells what of the net amount is rounding.
    """

    cohorts: Ints
    members: Floats
    active: Floats
    purchases: Floats
    spend: Floats
    gross: Floats


def learn_cohorts(latest: HistoryArray, freq: str) -> CohortTable:
    """Fill the table from one history a customer."""
    resolution = latest.dtype.resolution
    cohort = calendar_period(latest.first_moments, resolution, freq)
    until = last_complete_period(latest.cutoff_moments, resolution, freq)
    observed = (until >= cohort) & (latest.n_events > 0)
    latest, cohort, until = latest[observed], cohort[observed], until[observed]
    cohorts, row = np.unique(cohort, return_inverse=True)
    reached = np.minimum(until - cohort, MAX_AGES[freq] - 1)
    shape = len(cohorts), int(reached.max(initial=-1)) + 1
    ends = np.bincount(row * shape[1] + reached, minlength=shape[0] * shape[1])
    members = np.cumsum(ends.reshape(shape)[:, ::-1], axis=1)[:, ::-1].astype(np.float64)
    sums = np.zeros((4, shape[0] * shape[1]))
    for block in blocks_of_rows(latest):
        view = HistoryView(latest[block])
        base = row[block] * shape[1] - cohort[block]
        _add_purchases(sums, view, base, (cohort + reached)[block], freq)
        _add_spend(sums, view, base, (cohort + reached)[block], freq)
    return CohortTable(cohorts, members, *sums.reshape(4, *shape))


def _add_purchases(sums: Floats, view: HistoryView, base: Ints, until: Ints, freq: str) -> None:
    """Count purchases and buyers in the calendar period in which the purchase was complete."""
    purchases, granularity = view.purchases, view.purchases.granularity
    last_moment = purchases.period * granularity.length + granularity.origin
    last_moment += granularity.length - 1
    period = calendar_period(last_moment, granularity.resolution, freq)
    seen = period <= np.repeat(until, purchases.count)
    cell = np.repeat(base, purchases.count) + period
    buyers = seen & starts_of_runs(purchases.offsets, period)
    sums[0] += np.bincount(cell[buyers], minlength=sums.shape[1])
    sums[1] += np.bincount(cell[seen], minlength=sums.shape[1])


def _add_spend(sums: Floats, view: HistoryView, base: Ints, until: Ints, freq: str) -> None:
    offsets, time, amount = view.histories.flat_events()
    period = calendar_period(time, view.histories.dtype.resolution, freq)
    n_events = np.diff(offsets)
    seen = period <= np.repeat(until, n_events)
    cell = (np.repeat(base, n_events) + period)[seen]
    amount = amount[seen]
    sums[2] += np.bincount(cell, weights=amount, minlength=sums.shape[1])
    sums[3] += np.bincount(cell, weights=np.abs(amount), minlength=sums.shape[1])


def nearest_known(members: Floats) -> Ints:
    """Return for each (cohort, age) the row of the nearest cohort up to it that has members.

    -1 where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> nearest_known(np.array([[5.0, 5.0], [0.0, 0.0], [3.0, 0.0]]))
    array([[0, 0],
           [0, 0],
           [2, 0]])
    """
    own = np.where(members > 0, np.arange(len(members))[:, None], -1)
    return np.maximum.accumulate(own, axis=0)
