"""Purchases: the periods in which a customer bought, and what each of them was worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clvkit.history._granularity import Granularity
from clvkit.history._history_array import FlatEvents, HistoryArray
from clvkit.history._net_amount import net_amount
from clvkit.utils._ragged import segment_reduce, starts_of_runs

__all__ = ["Purchases", "find_purchases"]


@dataclass(frozen=True)
class Purchases:
    """Purchases of each row, one after the other.

    Attributes
    ----------
    offsets : ndarray of int64 of shape (n_rows + 1,)
        Row ``i`` owns the purchases ``offsets[i]:offsets[i + 1]``.
    period : ndarray of int64 of shape (n_purchases,)
        Number of the period of each purchase, ascending within a row.
    amount : ndarray of float64 of shape (n_purchases,)
        Net amount of the period, less the refunds that came before the next purchase.
    birth : ndarray of int64 of shape (n_rows,)
        Period of the first purchase; of the first event for customers with refunds only; the
        cutoff's for a history without events.
    now : ndarray of int64 of shape (n_rows,)
        Period of the cutoff.
    granularity : Granularity
    """

    offsets: NDArray[np.int64]
    period: NDArray[np.int64]
    amount: NDArray[np.float64]
    birth: NDArray[np.int64]
    now: NDArray[np.int64]
    granularity: Granularity

    @property
    def count(self) -> NDArray[np.int64]:
        """Number of purchases of each row, the first one included."""
        return np.diff(self.offsets)

    @property
    def begin(self) -> NDArray[np.int64]:
        """Position of each row's first purchase."""
        return self.offsets[:-1]

    @property
    def end(self) -> NDArray[np.int64]:
        """Position after each row's last purchase."""
        return self.offsets[1:]

    @property
    def age(self) -> NDArray[np.int64]:
        """Age of each row at its cutoff, in periods (T of the literature)."""
        return self.now - self.birth

    @property
    def age_at_last(self) -> NDArray[np.int64]:
        """Age at the last purchase, in periods; 0 without a purchase (recency)."""
        bought = self.count > 0
        last = self.birth.copy()
        last[bought] = self.period[self.end[bought] - 1]
        return last - self.birth


def find_purchases(array: HistoryArray, granularity: Granularity | None = None) -> Purchases:
    """Find the purchases of every row.

    A purchase is a period with a net amount above 0, or of amount 0 without a refund in it:
    free orders count, as in the published CDNOW fits, and fully refunded ones do not. A refund
    in a later period lowers the value of the purchase before it and does not undo it.

    Parameters
    ----------
    array : HistoryArray
    granularity : Granularity or None, default=None
        The period; that of the histories unless given.

    Returns
    -------
    Purchases
    """
    granularity = granularity or array.dtype.period
    resolution = array.dtype.resolution
    flat = array.flat_events()
    period = granularity.period(flat.time, resolution)
    is_start = starts_of_runs(flat.offsets, period)
    starts = np.flatnonzero(is_start)
    net, bought = _settle(flat, starts)
    first = _count_before(is_start)[flat.offsets]  # each row's first period, by position
    where = np.flatnonzero(bought)
    offsets = _count_before(bought)[first]
    # What happens until the next purchase of the same row belongs to this purchase.
    until = np.minimum(np.append(where[1:], len(starts)), np.repeat(first[1:], np.diff(offsets)))
    begin, end = starts[where], np.append(starts, len(flat.time))[until]
    amount = net[where]
    refunded = until > where + 1
    amount[refunded] = net_amount(flat.amount, begin[refunded], end[refunded])
    now = granularity.period(array.cutoff_moments, resolution)
    birth = _first_of_rows(now, period, flat.offsets)
    birth = _first_of_rows(birth, period[begin], offsets)
    return Purchases(offsets, period[begin], amount, birth, now, granularity)


def _count_before(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many marks stand before each position, and before the end."""
    count = np.zeros(len(marks) + 1, dtype=np.int64)
    np.cumsum(marks, out=count[1:])
    return count


def _first_of_rows(default: NDArray, values: NDArray, offsets: NDArray) -> NDArray:
    """Return the first value of each row that has any, else the default."""
    filled = offsets[:-1] < offsets[1:]
    first = default.copy()
    first[filled] = values[offsets[:-1][filled]]
    return first


def _settle(flat: FlatEvents, starts: NDArray) -> tuple[NDArray, NDArray]:
    """Return each period's net amount and whether it is a purchase."""
    if not len(starts):
        return np.empty(0), np.empty(0, dtype=bool)
    ends = np.append(starts[1:], len(flat.amount))
    net = flat.amount[starts]
    lowest = net.copy()
    # Most periods hold one event, and then nothing is to be added up.
    several = np.flatnonzero(ends > starts + 1)
    if len(several):
        begin, end = starts[several], ends[several]
        net[several] = net_amount(flat.amount, begin, end)
        lowest[several] = segment_reduce(np.minimum, flat.amount, begin, end, empty=0.0)
    return net, (net > 0) | ((net == 0) & (lowest >= 0))
