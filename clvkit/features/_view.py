"""What the groups of features share: a block of rows, and reductions made of it once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.history import HistoryArray, Purchases, find_purchases
from clvkit.history._history_array import FlatEvents
from clvkit.history._net_amount import net_amount
from clvkit.utils._duration import ticks_per_day

__all__ = ["Floats", "Gaps", "HistoryView", "Ints", "blocks_of_rows", "divide", "sum_by_row"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A block's temporary arrays should stay in the processor's cache: three times as fast, and
#: the memory that a transform takes does not grow with the log.
_EVENTS_PER_BLOCK = 2**18
_ROWS_PER_BLOCK = 2**16


class Gaps(NamedTuple):
    """Days between purchases that follow each other.

    Attributes
    ----------
    days : ndarray of float64 of shape (n_gaps,)
    offsets : ndarray of int64 of shape (n_rows + 1,)
        Row ``i`` owns the gaps ``offsets[i]:offsets[i + 1]``.
    row : ndarray of int64 of shape (n_gaps,)
        The row of each gap.
    """

    days: Floats
    offsets: Ints
    row: Ints


class HistoryView:
    """A block of histories with what several groups of features need, computed at most once.

    Every property has one value a row (or a purchase) and depends on that row alone.

    Parameters
    ----------
    histories : HistoryArray of shape (n_rows,)
    """

    def __init__(self, histories: HistoryArray) -> None:
        self.histories = histories

    @cached_property
    def events(self) -> FlatEvents:
        """The events of each row, refunds included."""
        return self.histories.flat_events()

    @cached_property
    def event_row(self) -> Ints:
        """The row of each event."""
        return _rows_of(self.histories.n_events)

    @cached_property
    def purchase_row(self) -> Ints:
        """The row of each purchase."""
        purchases = self.purchases
        if len(purchases.period) == len(self.events.time):
            return self.event_row  # every event is a purchase
        return _rows_of(purchases.count)

    @cached_property
    def event_days_ago(self) -> Ints:
        """Whole days from each event to its row's cutoff, 0 on the cutoff's day."""
        ticks = ticks_per_day(self.histories.dtype.resolution)
        ago = _spread(self.histories.cutoff_moments, self.event_row) - self.events.time
        return ago if ticks == 1 else ago // ticks

    @cached_property
    def purchase_days_ago(self) -> Ints:
        """Whole days from each purchase to its row's cutoff, by their periods."""
        purchases = self.purchases
        ago = _spread(purchases.now, self.purchase_row) - purchases.period
        seconds = purchases.granularity.seconds
        return ago if seconds == 86_400 else ago * seconds // 86_400

    @cached_property
    def purchases(self) -> Purchases:
        """The purchases of each row."""
        return find_purchases(self.histories)

    @cached_property
    def gaps(self) -> Gaps:
        """Times between purchases that follow each other."""
        purchases = self.purchases
        follows = np.ones(len(purchases.period), dtype=bool)
        follows[purchases.begin[self.bought]] = False
        later = np.flatnonzero(follows)
        periods = purchases.period[later] - purchases.period[later - 1]
        offsets = purchases.offsets.copy()
        offsets[1:] -= np.cumsum(self.bought)
        return Gaps(self.in_days(periods), offsets, self.purchase_row[later])

    @cached_property
    def n_purchases(self) -> Floats:
        """Number of purchases, the first one included."""
        return self.purchases.count.astype(np.float64)

    @cached_property
    def total_spend(self) -> Floats:
        """Net amount of all events; what rounding left of a full refund is 0."""
        offsets, _, amount = self.events
        return net_amount(amount, offsets[:-1], offsets[1:])

    @cached_property
    def mean_purchase(self) -> Floats:
        """Mean net amount of a purchase; NaN without one."""
        purchases = self.purchases
        return divide(
            net_amount(purchases.amount, purchases.begin, purchases.end), self.n_purchases
        )

    @cached_property
    def age(self) -> Floats:
        """Days from the first purchase to the cutoff (T of the literature)."""
        return self.in_days(self.purchases.age)

    @cached_property
    def days_lived(self) -> Floats:
        """Days from the first purchase to the cutoff, the periods of both included."""
        return self.in_days(self.purchases.age + 1)

    @cached_property
    def age_at_last(self) -> Floats:
        """Days from the first to the last purchase, 0 without a purchase (recency)."""
        return self.in_days(self.periods_at_last)

    @cached_property
    def periods_at_last(self) -> Ints:
        """Periods from the first to the last purchase, 0 without a purchase."""
        return self.purchases.age_at_last

    @cached_property
    def days_since_last(self) -> Floats:
        """Days from the last purchase to the cutoff; NaN without a purchase."""
        return self.where_bought(self.in_days(self.periods_since_last))

    @cached_property
    def periods_since_last(self) -> Ints:
        """Periods from the last purchase to the cutoff."""
        return self.purchases.age - self.periods_at_last

    @cached_property
    def bought(self) -> NDArray[np.bool_]:
        """Rows with a purchase."""
        return self.purchases.count > 0

    def in_days(self, periods: NDArray) -> Floats:
        """Return a number of periods as days."""
        return np.asarray(periods * self.purchases.granularity.seconds / 86_400)

    def sum_by_row(self, values: NDArray) -> Floats:
        """Sum one value a purchase, a row's one after the other; 0 without a purchase."""
        return sum_by_row(values, self.purchase_row, len(self.histories))

    def nth_purchase(self, values: NDArray, n: int) -> Floats:
        """Return the value of the ``n``-th purchase of each row (-1: the last), NaN without."""
        needed = n + 1 if n >= 0 else -n
        rows = np.flatnonzero(self.purchases.count >= needed)
        result = np.full(len(self.histories), np.nan)
        anchor = self.purchases.begin if n >= 0 else self.purchases.end
        result[rows] = values[anchor[rows] + n]
        return result

    def where_bought(self, values: NDArray) -> Floats:
        """Return the values with NaN in rows without a purchase."""
        return np.where(self.bought, values, np.nan)


def blocks_of_rows(histories: HistoryArray) -> Iterator[slice]:
    """Cut the rows into blocks of a bounded number of rows and, if possible, events."""
    n_rows = len(histories)
    events = np.cumsum(histories.n_events)
    total = int(events[-1]) if n_rows else 0
    by_events = np.searchsorted(events, np.arange(0, total, _EVENTS_PER_BLOCK), side="right")
    edges = np.unique([0, *by_events, *range(0, n_rows, _ROWS_PER_BLOCK), n_rows])
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield slice(start, stop)


def sum_by_row(values: NDArray, row: Ints, n_rows: int) -> Floats:
    """Sum the values of each row one after the other, in the same order in any batch.

    Rows have few values, and for these it is several times as fast as ``np.add.reduceat``.
    """
    total = np.bincount(row, weights=values, minlength=n_rows)
    return total.astype(np.float64, copy=False)  # whole numbers where there is no value


def _rows_of(count: Ints) -> Ints:
    return np.repeat(np.arange(len(count)), count)


def _spread(values: Ints, row: Ints) -> Ints:
    """Return a row's value for each of its members; one value if it is the same in all rows."""
    same = len(values) > 0 and bool((values == values[0]).all())
    return values[:1] if same else values[row]


def divide(numerator: NDArray, denominator: NDArray) -> Floats:
    """Divide; NaN where the denominator is 0, or below, or NaN."""
    result = np.full(len(denominator), np.nan)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)
