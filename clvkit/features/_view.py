"""What the groups of features share: a block of rows, and reductions made of it once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clvkit.history import HistoryArray, Purchases, find_purchases
from clvkit.history._history_array import FlatEvents
from clvkit.history._net_amount import net_amount
from clvkit.utils._duration import ticks_per_day
from clvkit.utils._ragged import segment_reduce

__all__ = ["Floats", "HistoryView", "Ints", "blocks_of_rows", "divide"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A block's temporary arrays should stay in the processor's cache: three times as fast, and
#: the memory that a transform takes does not grow with the log.
_EVENTS_PER_BLOCK = 2**18
_ROWS_PER_BLOCK = 2**16


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
    def event_days_ago(self) -> Ints:
        """Whole days from each event to its row's cutoff, 0 on the cutoff's day."""
        now = np.repeat(self.histories.cutoff_moments, self.histories.n_events)
        ticks = ticks_per_day(self.histories.dtype.resolution)
        ago = now - self.events.time
        return ago if ticks == 1 else ago // ticks

    @cached_property
    def purchase_days_ago(self) -> Ints:
        """Whole days from each purchase to its row's cutoff, by their periods."""
        purchases = self.purchases
        ago = np.repeat(purchases.now, purchases.count) - purchases.period
        seconds = purchases.granularity.seconds
        return ago if seconds == 86_400 else ago * seconds // 86_400

    @cached_property
    def purchases(self) -> Purchases:
        """The purchases of each row."""
        return find_purchases(self.histories)

    @cached_property
    def gaps(self) -> tuple[Floats, Ints]:
        """Days between purchases that follow each other, and their offsets by row."""
        purchases = self.purchases
        follows = np.ones(len(purchases.period), dtype=bool)
        follows[purchases.begin[self.bought]] = False
        periods = np.diff(purchases.period)[follows[1:]]
        offsets = purchases.offsets.copy()
        offsets[1:] -= np.cumsum(self.bought)
        return self.in_days(periods), offsets

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
        return divide(self.reduce(np.add, self.purchases.amount, empty=0.0), self.n_purchases)

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
        return self.in_days(self.purchases.age_at_last)

    @cached_property
    def days_since_last(self) -> Floats:
        """Days from the last purchase to the cutoff; NaN without a purchase."""
        return self.where_bought(self.age - self.age_at_last)

    @cached_property
    def bought(self) -> NDArray[np.bool_]:
        """Rows with a purchase."""
        return self.purchases.count > 0

    def in_days(self, periods: NDArray) -> Floats:
        """Return a number of periods as days."""
        return np.asarray(periods * self.purchases.granularity.seconds / 86_400)

    def reduce(self, ufunc: np.ufunc, values: NDArray, *, empty: float) -> Floats:
        """Reduce one value a purchase to one value a row."""
        return segment_reduce(
            ufunc, values, self.purchases.begin, self.purchases.end, empty=empty
        ).astype(np.float64, copy=False)

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


def divide(numerator: NDArray, denominator: NDArray) -> Floats:
    """Divide; NaN where the denominator is 0, or below, or NaN."""
    result = np.full(len(denominator), np.nan)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)
