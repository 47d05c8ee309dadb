"""A pandas column of histories: three integers a row over one shared store of events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray, no_default, take
from pandas.api.indexers import check_array_indexer

from clvkit.errors import CutoffError, HistoryTypeError
from clvkit.history._dtype import HistoryDtype
from clvkit.history._event_store import EventStore
from clvkit.history._history import NO_NUMBERS, History, as_cutoffs, format_cutoff
from clvkit.history._moments import parse_cutoffs
from clvkit.history._net_amount import net_amount
from clvkit.history._order import ArbitraryOrder
from clvkit.utils._ragged import concatenated_ranges, ragged_searchsorted

__all__ = ["FlatEvents", "HistoryArray"]

#: The cutoff of a missing history; also what NumPy stores for NaT.
MISSING = np.iinfo(np.int64).min


class FlatEvents(NamedTuple):
    """Events of the rows one after the other: row ``i`` owns ``offsets[i]:offsets[i + 1]``."""

    offsets: NDArray[np.int64]
    time: NDArray[np.int64]
    amount: NDArray[np.float64]


class HistoryArray(ArbitraryOrder, ExtensionArray):
    """A column of customers' histories (dtype ``history``).

    Each row is a range of a shared, columnar event store and a cutoff. Slicing, masking and
    cutting back copy these three integers a row and never an event.

    Users meet it as ``X["history"].array``; it is made by :func:`clvkit.latest_histories` and
    :func:`clvkit.make_samples`.

    Parameters
    ----------
    store : EventStore
    begin, end, cutoff : ndarray of int64 of shape (n_rows,)
        Row ``i`` holds the events ``begin[i]:end[i]`` of the store, all of them at or before
        ``cutoff[i]``.
    dtype : HistoryDtype

    Examples
    --------
    >>> import numpy as np
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow())
    >>> array = X["history"].array
    >>> array[0]
    History(4 events 1997-01-01..1997-12-12, at 1998-06-30)
    >>> array.cut_back("1997-06-30")[0]
    History(2 events 1997-01-01..1997-01-18, at 1997-06-30)

    A history knows nothing of later events, so it can be cut back but never forward:

    >>> array.cut_back("1999-01-01")
    Traceback (most recent call last):
        ...
    clvkit.errors.CutoffError: 2357 of 2357 histories end before the cutoff 1999-01-01 ...
    """

    def __init__(
        self,
        store: EventStore,
        begin: NDArray[np.int64],
        end: NDArray[np.int64],
        cutoff: NDArray[np.int64],
        dtype: HistoryDtype,
    ) -> None:
        self._store = store
        self._begin = begin
        self._end = end
        self._cutoff = cutoff
        self._dtype = dtype

    # --- what the histories hold ------------------------------------------------------------

    @property
    def dtype(self) -> HistoryDtype:
        """The dtype, with the settings the histories were made with."""
        return self._dtype

    @property
    def store(self) -> EventStore:
        """The event store, shared by every array that was cut or sliced from the same log."""
        return self._store

    @property
    def nbytes(self) -> int:
        """Bytes of the rows and of the shared store."""
        return self._begin.nbytes + self._end.nbytes + self._cutoff.nbytes + self._store.nbytes

    @property
    def n_events(self) -> NDArray[np.int64]:
        """Number of events of each row."""
        return self._end - self._begin

    @property
    def begin(self) -> NDArray[np.int64]:
        """Position of each row's first event in the store; one customer's rows share it."""
        return self._begin

    @property
    def first_moments(self) -> NDArray[np.int64]:
        """Moment of each row's first event; its cutoff where there is no event."""
        first = self._cutoff.copy()
        known = self._end > self._begin
        first[known] = self._store.time[self._begin[known]]
        return first

    @property
    def cutoff_moments(self) -> NDArray[np.int64]:
        """Cutoffs in units of the resolution since 1970-01-01."""
        return self._cutoff

    @property
    def cutoffs(self) -> pd.DatetimeIndex:
        """Cutoffs as dates: midnights that stand for the end of their day, or last seconds."""
        return pd.DatetimeIndex(as_cutoffs(self._cutoff, self.dtype.resolution))

    def flat_events(self) -> FlatEvents:
        """Return the events of the rows one after the other.

        Where the rows are one stretch of the store, as the latest histories of a log are, these
        are views of the store and nothing is copied.
        """
        offsets = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(self._end - self._begin, out=offsets[1:])
        index = self._event_index()
        return FlatEvents(offsets, self._store.time[index], self._store.amount[index])

    def flat_attribute(self, name: str) -> Any:
        """Return one attribute of the events, in the order of :meth:`flat_events`."""
        return self._store.attributes[name].take(self._event_index())

    def net_amount(self, begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the net amount of ranges of the store; what only rounding left counts as 0."""
        return net_amount(self._store.amount, begin, end)

    def _event_index(self) -> slice | NDArray[np.int64]:
        if len(self) == 0:
            return slice(0, 0)
        if np.array_equal(self._begin[1:], self._end[:-1]):
            return slice(int(self._begin[0]), int(self._end[-1]))
        return concatenated_ranges(self._begin, self._end)

    # --- cutting back -------------------------------------------------------------------------

    def cut_back(self, cutoff: Any) -> HistoryArray:
        """Return the same customers' histories as they were known at an earlier cutoff.

        Parameters
        ----------
        cutoff : date-like, or array-like of shape (n_rows,)
            One cutoff for all rows or one a row. Integers are moments in units of the
            resolution.

        Returns
        -------
        HistoryArray
            Over the same store. A customer who was unknown then has a history without events.

        Raises
        ------
        CutoffError
            If a cutoff is later than the row's own.
        """
        moments = np.asarray(cutoff)
        if not np.issubdtype(moments.dtype, np.integer):
            moments = parse_cutoffs(cutoff, self.dtype.period)
        one = moments if moments.ndim == 0 else None
        moments = np.broadcast_to(moments, len(self)).astype(np.int64)
        present = ~self.isna()
        late = present & (moments > self._cutoff)
        if late.any():
            first = np.flatnonzero(late)[0]
            resolution = self.dtype.resolution
            raise CutoffError(
                f"{late.sum()} of {len(self)} histories end before the cutoff "
                f"{format_cutoff(moments[first], resolution)} (the first one at "
                f"{format_cutoff(self._cutoff[first], resolution)}): a history can be cut back, "
                "never forward. Make the histories anew from a log that reaches that far."
            )
        target = moments if one is None else one
        end = ragged_searchsorted(self._store.time, self._begin, self._end, target)
        moments = np.where(present, moments, MISSING)
        return HistoryArray(self._store, self._begin, end, moments, self._dtype)

    def at_cutoff(self, cutoff: int) -> HistoryArray:
        """Return the same events as known at a moment by which there were no others.

        Only who has seen the whole log can know that: the door.
        """
        moments = np.full(len(self), cutoff, dtype=np.int64)
        return HistoryArray(self._store, self._begin, self._end, moments, self._dtype)

    def since(self, past: HistoryArray) -> HistoryArray:
        """Return the events that the same customers' earlier histories, cut back, do not hold."""
        return HistoryArray(self._store, past._end, self._end, self._cutoff, self._dtype)

    def with_dtype(self, dtype: HistoryDtype) -> HistoryArray:
        """Return the same histories with other recorded settings (same granularity)."""
        return HistoryArray(self._store, self._begin, self._end, self._cutoff, dtype)

    # --- the interface of a pandas extension array -------------------------------------------

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> HistoryArray:
        if isinstance(scalars, HistoryArray):
            return scalars.copy() if copy else scalars
        from clvkit.history._history_sequence import from_histories

        return from_histories(list(scalars), dtype)

    @classmethod
    def _from_factorized(cls, values: Any, original: HistoryArray) -> HistoryArray:
        return cls._from_sequence(values, dtype=original.dtype)

    def _values_for_argsort(self) -> NDArray:
        return np.asarray(self, dtype=object)

    def _values_for_factorize(self) -> tuple[NDArray, Any]:
        values = np.asarray(self, dtype=object)
        values[self.isna()] = None
        return values, None

    def _values_for_json(self) -> NDArray:
        """Return one line about each history; pandas' JSON writer crashes where this raises."""
        lines = [h.describe() if isinstance(h, History) else None for h in self.to_numpy()]
        return np.array(lines, dtype=object)

    def __len__(self) -> int:
        return len(self._begin)

    def __getitem__(self, item: Any) -> Any:
        item = check_array_indexer(self, item)
        if isinstance(item, (int, np.integer)):
            return self._scalar(int(item))
        if isinstance(item, tuple) and len(item) == 2 and item[0] is Ellipsis:
            return self[item[1]]
        return self._rowwise(lambda row: row[item])

    def __setitem__(self, key: Any, value: Any) -> None:
        if getattr(self, "_readonly", False):
            raise ValueError("Cannot modify read-only array")
        if isinstance(key, tuple) and len(key) == 1:
            key = key[0]
        key = check_array_indexer(self, key)
        if isinstance(value, History) or pd.api.types.is_scalar(value):
            value = self._from_sequence([value], dtype=self.dtype)
        elif not isinstance(value, HistoryArray):
            value = self._from_sequence(value, dtype=self.dtype)
        if value._store is not self._store:
            both = self._concat_same_type([self, value])
            self._store, value = both._store, both[len(self) :]
        if pd.api.types.is_integer(key):
            key = [key]
        # Rows are written to copies, for slices of this array are views of them.
        for name in ("_begin", "_end", "_cutoff"):
            row = getattr(self, name).copy()
            row[key] = getattr(value, name)
            setattr(self, name, row)

    def isna(self) -> NDArray[np.bool_]:
        """Return True where there is no history (not: a history without events)."""
        return self._cutoff == MISSING

    def isin(self, values: Any) -> NDArray[np.bool_]:
        """Return True where the history, or a missing one, is among the values."""
        from clvkit.history._history_sequence import contained_rows

        return contained_rows(self, list(values))

    def take(
        self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None
    ) -> HistoryArray:
        """Return the rows at those positions; -1 is missing where ``allow_fill``."""
        indices = np.asarray(indices, dtype=np.intp)
        if allow_fill and isinstance(fill_value, History):
            filler = self._from_sequence([fill_value], dtype=self.dtype)
            both = self._concat_same_type([self, filler])
            return both.take(np.where(indices == -1, len(self), indices))

        def pick(row: NDArray, filler: int) -> NDArray:
            return np.asarray(take(row, indices, allow_fill=allow_fill, fill_value=filler))

        begin, end = pick(self._begin, 0), pick(self._end, 0)
        return HistoryArray(self._store, begin, end, pick(self._cutoff, MISSING), self._dtype)

    def copy(self) -> HistoryArray:
        """Return a copy of the rows over the same store."""
        return self._rowwise(np.ndarray.copy)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[HistoryArray]) -> HistoryArray:
        from clvkit.history._history_sequence import concatenate

        return concatenate(to_concat)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Cast to another dtype: histories with other settings, objects or strings."""
        dtype = pd.api.types.pandas_dtype(dtype)
        if isinstance(dtype, HistoryDtype):
            if dtype == self.dtype:
                return self.copy() if copy else self
            if dtype.granularity != self.dtype.granularity:
                raise HistoryTypeError(
                    f"histories of granularity {self.dtype.granularity!r} cannot be cast to "
                    f"{dtype.granularity!r}: make them anew from the log."
                )
            return self.with_dtype(dtype.replace(attributes=self.dtype.attributes))
        return super().astype(dtype, copy=copy)

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, (pd.Series, pd.Index, pd.DataFrame)):
            return NotImplemented
        if isinstance(other, History):
            other = self._from_sequence([other], dtype=self.dtype).take(np.zeros(len(self), int))
        if not isinstance(other, HistoryArray):
            if np.ndim(other) == 0:
                return np.zeros(len(self), dtype=bool)
            other = self._from_sequence(other, dtype=self.dtype)
        if len(other) != len(self):
            raise ValueError(f"Lengths must match to compare: {len(self)} and {len(other)}")
        from clvkit.history._history_sequence import equal_rows

        return equal_rows(self, other)

    def __ne__(self, other: Any) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else ~equal

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        if dtype is None or np.dtype(dtype) != np.dtype(object):
            raise HistoryTypeError(NO_NUMBERS)
        values = np.empty(len(self), dtype=object)
        values[:] = [self._scalar(i) for i in range(len(self))]
        return values

    def to_numpy(
        self, dtype: Any = None, copy: bool = False, na_value: Any = no_default
    ) -> NDArray:
        """Return the :class:`History` objects (``np.asarray`` without a dtype refuses)."""
        values = np.asarray(self, dtype=object if dtype is None else dtype)
        if na_value is not no_default:
            values[self.isna()] = na_value
        return values

    def __arrow_array__(self, type: Any = None) -> Any:
        from clvkit.history._arrow import to_arrow

        return to_arrow(self)

    def __reduce__(self) -> tuple:
        from clvkit.history._history_sequence import compact

        slim = compact(self)
        return HistoryArray, (slim._store, slim._begin, slim._end, slim._cutoff, slim._dtype)

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str]:
        if not boxed:
            return repr
        return lambda value: value.describe() if isinstance(value, History) else str(value)

    def _scalar(self, i: int) -> Any:
        if self._cutoff[i] == MISSING:
            return self.dtype.na_value
        events = self._store.take(slice(self._begin[i], self._end[i]))
        attributes = {name: column.decode() for name, column in events.attributes.items()}
        cutoff, resolution = int(self._cutoff[i]), self.dtype.resolution
        return History(events.time, events.amount, cutoff, attributes, resolution)

    def _rowwise(self, change: Callable[[NDArray], NDArray]) -> HistoryArray:
        rows = change(self._begin), change(self._end), change(self._cutoff)
        return HistoryArray(self._store, *rows, self._dtype)
