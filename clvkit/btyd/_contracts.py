"""Contracts in histories of payments: when they began, how often they were renewed, what is due."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._contract_periods import advance, infer_period, periods_between
from clvkit.btyd._tenures import Tenures
from clvkit.history import HistoryArray, Purchases, find_purchases
from clvkit.history._granularity import get_granularity
from clvkit.utils._duration import Duration, parse_duration
from clvkit.utils._ragged import segment_reduce

__all__ = [
    "Contracts",
    "Terms",
    "learn_terms",
    "read_contracts",
    "read_payments",
    "renewals_due",
]

Days = NDArray[np.int64]
Array = NDArray[np.float64]

#: Share of the renewals whose payment may come later than what counts as late at most.
_LATEST = 0.995
#: Months differ by up to three days: 28 February is followed by 31 March.
_CALENDAR_DAYS = 3


class Terms(NamedTuple):
    """Length of a period, and how many days after it is due a payment still renews."""

    period: Duration
    grace: int


class Contracts(NamedTuple):
    """Contracts, those of a row one after the other; all arrays of one length but ``n_rows``.

    Attributes
    ----------
    row : ndarray of int64
        Whose contract it is.
    begin, end : ndarrays of int64
        Its payments, by position among all.
    start, due : ndarrays of int64
        Day of the first payment, and on which the next renewal is, or was, due.
    renewals : ndarray of int64
        Renewals taken since ``start``.
    entry : ndarray of int64
        Renewals taken before the first payment that is seen.
    open : ndarray of bool
        Whether it may go on: the last one of its row, and not overdue for longer than the grace.
    overdue : ndarray of bool
        Whether it is open, and a payment is due that has not come.
    last_main : ndarray of int64
        The payment of its last period, by position among all.
    """

    row: Days
    begin: Days
    end: Days
    start: Days
    due: Days
    renewals: Days
    entry: Days
    open: NDArray[np.bool_]
    overdue: NDArray[np.bool_]
    last_main: Days

    def take(self, index: Any) -> Contracts:
        """Return some of the contracts."""
        return Contracts(*(column[index] for column in self))

    def tenures(self) -> Tenures:
        """Return how long contracts have lasted; one that is not open was not renewed."""
        ended = ~self.open
        tenure = self.entry + self.renewals + ended
        return Tenures(tenure.astype(float), ended.astype(float), self.entry.astype(float))


def read_payments(array: HistoryArray) -> Purchases:
    """Return the payments of each row, one a day."""
    return find_purchases(array, get_granularity("D"))


def learn_terms(payments: Purchases, period: Duration | None, grace: int | None) -> Terms:
    """Return the terms, those that are not given as the payments show them."""
    day = payments.period
    same = np.ones(len(day), dtype=bool)
    same[payments.begin[payments.count > 0]] = False
    after = np.flatnonzero(same)
    earlier, later = day[after - 1], day[after]
    if period is None:
        twice = payments.count > 1
        ends = day[payments.begin[twice]], day[payments.end[twice] - 1]
        period = parse_duration(infer_period(earlier, later, *ends))
    if grace is not None:
        return Terms(period, grace)
    late = later - advance(earlier, period)
    late = late[np.abs(late) < 0.5 * period.days]
    least = _CALENDAR_DAYS if period.is_calendar else 0
    learnt = np.quantile(late, _LATEST, method="higher") if len(late) else 0
    return Terms(period, int(np.clip(learnt, least, max(least, int(0.5 * period.days)))))


def read_contracts(payments: Purchases, terms: Terms, acquired: Days | None = None) -> Contracts:
    """Find the contracts of each row.

    A payment later than due and grace begins a new contract. Renewals are counted by the calendar
    from the first payment, which further payments within a period do not disturb, and are never
    more than payments: who is always a little late drifts through the calendar.

    Parameters
    ----------
    payments : Purchases
    terms : Terms
    acquired : ndarray of int64 of shape (n_rows,), optional
        Day on which each customer's first contract began, where that is before the log does;
        the first payment unless it is earlier.

    Returns
    -------
    Contracts
    """
    period, grace = terms
    day, count = payments.period, payments.count
    row_of = np.repeat(np.arange(len(count)), count)
    first = np.zeros(len(day), dtype=bool)
    first[payments.begin[count > 0]] = True
    gap_due = np.empty_like(day)
    gap_due[1:] = advance(day[:-1], period) + grace
    new = first | (day > np.where(first, day, gap_due))
    begin = np.flatnonzero(new)
    end = np.append(begin[1:], len(day))[: len(begin)]
    row, start = row_of[begin], day[begin]
    passed = periods_between(start, day[end - 1], period)
    renewals = np.minimum(passed, end - begin - 1)
    last_main = _last_main(day, new, begin, end, period)
    due = np.maximum(advance(day[last_main], period), advance(start, period, renewals + 1))
    now = payments.now[row]
    is_last = np.append(row[1:] != row[:-1], True)[: len(row)]
    open_ = is_last & (now <= due + grace)
    entry = np.zeros(len(row), dtype=np.int64)
    if acquired is not None:
        before = first[begin] & (acquired[row] < start)
        entry[before] = periods_between(acquired[row[before]], start[before], period)
    overdue = open_ & (now >= due)
    return Contracts(row, begin, end, start, due, renewals, entry, open_, overdue, last_main)


def _last_main(day: Days, new: NDArray[np.bool_], begin: Days, end: Days, period: Duration) -> Days:
    """Return the last payment of each contract that is no addition within a period."""
    main = new.copy()
    main[1:] |= np.diff(day) >= 0.5 * period.days
    position = np.where(main, np.arange(len(day)), 0)
    return segment_reduce(np.maximum, position, begin, end, empty=0).astype(np.int64)


def renewals_due(contracts: Contracts, terms: Terms, until: Days) -> Days:
    """Return how many renewals of each contract are due by a day, the next one included."""
    since = contracts.renewals + 1
    drift = contracts.due - advance(contracts.start, terms.period, since)
    total = np.zeros(len(until), dtype=np.int64)
    step = 0
    while True:
        falls = advance(contracts.start, terms.period, since + step) + drift <= until
        if not falls.any():
            return total
        total += falls
        step += 1
