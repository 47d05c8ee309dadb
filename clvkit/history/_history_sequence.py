"""Making, comparing and compacting history arrays by their contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import HistoryTypeError
from clvkit.history._dtype import HistoryDtype
from clvkit.history._event_store import Attribute, EventStore
from clvkit.history._history import History
from clvkit.history._history_array import MISSING, HistoryArray
from clvkit.utils._ragged import concatenated_ranges, segment_reduce

__all__ = ["compact", "concatenate", "contained_rows", "equal_rows", "from_histories"]


def from_histories(histories: list[Any], dtype: Any = None) -> HistoryArray:
    """Make an array from :class:`History` objects and missing values.

    Raises
    ------
    HistoryTypeError
        When an element is neither.
    """
    present = [history for history in histories if isinstance(history, History)]
    strangers = [h for h in histories if not isinstance(h, History) and not _is_missing(h)]
    if strangers:
        raise HistoryTypeError(
            f"{len(strangers)} of {len(histories)} values are not histories, such as "
            f"{strangers[0]!r}. Histories are made from a log by clvkit.latest_histories(log) "
            "or clvkit.make_samples(log, horizon)."
        )
    if isinstance(dtype, str):
        dtype = HistoryDtype.construct_from_string(dtype)
    dtype = _check_kind(present, dtype or _infer_dtype(present))
    length = np.array([len(h) if isinstance(h, History) else 0 for h in histories], dtype=int)
    end = np.cumsum(length, dtype=np.int64)
    cutoff = [h._cutoff if isinstance(h, History) else MISSING for h in histories]
    attributes = {
        name: Attribute.encode(np.concatenate([h.attributes[name] for h in present]))
        if present
        else Attribute(np.empty(0))
        for name in dtype.attributes
    }
    time = np.concatenate([np.empty(0, np.int64), *(h.time for h in present)])
    amount = np.concatenate([np.empty(0), *(h.amount for h in present)])
    store = EventStore(time, amount, attributes)
    return HistoryArray(store, end - length, end, np.array(cutoff, dtype=np.int64), dtype)


def concatenate(parts: Sequence[HistoryArray]) -> HistoryArray:
    """Join arrays one after the other, with the settings of the first.

    Raises
    ------
    HistoryTypeError
        When their granularities or attributes differ: their moments would be read in one unit.
    """
    _check_alike([part.dtype for part in parts])
    stores = list({id(part._store): part._store for part in parts}.values())
    starts = np.cumsum([0, *map(len, stores)])
    shift = {id(store): start for store, start in zip(stores, starts, strict=False)}

    def join(name: str, moved: bool) -> NDArray[np.int64]:
        return np.concatenate(
            [getattr(part, name) + (shift[id(part._store)] if moved else 0) for part in parts]
        )

    return HistoryArray(
        stores[0] if len(stores) == 1 else EventStore.concatenate(stores),
        join("_begin", True),
        join("_end", True),
        join("_cutoff", False),
        parts[0].dtype,
    )


def equal_rows(left: HistoryArray, right: HistoryArray) -> NDArray[np.bool_]:
    """Compare row by row: same cutoff and the same events. A missing history equals nothing."""
    if left.dtype.resolution != right.dtype.resolution:
        return np.zeros(len(left), dtype=bool)
    equal = ~left.isna() & ~right.isna()
    equal &= (left._cutoff == right._cutoff) & (left.n_events == right.n_events)
    if set(left._store.attributes) != set(right._store.attributes):
        return np.zeros(len(left), dtype=bool)
    rows = np.flatnonzero(equal)
    ours = left._store.take(concatenated_ranges(left._begin[rows], left._end[rows]))
    theirs = right._store.take(concatenated_ranges(right._begin[rows], right._end[rows]))
    same = (ours.time == theirs.time) & (ours.amount == theirs.amount)
    for name, column in ours.attributes.items():
        same &= column.equals(theirs.attributes[name])
    stop = np.cumsum(left.n_events[rows])
    start = stop - left.n_events[rows]
    equal[rows] = segment_reduce(np.logical_and, same, start, stop, empty=True)
    return equal


def contained_rows(array: HistoryArray, values: list[Any]) -> NDArray[np.bool_]:
    """Return which rows are among the values; other things than histories are no row's equal."""
    wanted = [value for value in values if isinstance(value, History)]
    contained = np.asarray(pd.Series(array.to_numpy(), dtype=object).isin(wanted))
    return contained | array.isna() if any(map(_is_missing, values)) else contained


def compact(array: HistoryArray) -> HistoryArray:
    """Return the array over a store that holds its own events only, each of them once.

    A slice of a shared store would otherwise take the whole store along into a pickle. Prefixes
    of one customer's events overlap: the union of their ranges is kept, and of the categories of
    attributes those that occur. An array that uses its
    whole store is returned as it is.
    """
    filled = array._end > array._begin
    first, group = np.unique(array._begin[filled], return_inverse=True)
    last = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(last, group, array._end[filled])
    # Ranges that start inside an earlier one are merged with it.
    reach = np.maximum.accumulate(last) if len(last) else last
    opens = np.ones(len(first), dtype=bool)
    opens[1:] = first[1:] >= reach[:-1]
    starts = first[opens]
    stops = reach[np.append(np.flatnonzero(opens)[1:] - 1, len(first) - 1)] if len(first) else reach
    if (stops - starts).sum() == len(array._store):
        return array
    store = array._store.take(concatenated_ranges(starts, stops)).pruned()
    room = np.cumsum(stops - starts) - (stops - starts)
    union = np.searchsorted(starts, array._begin, side="right") - 1
    shift = np.where(filled, (room - starts)[union] if len(starts) else 0, -array._begin)
    begin = array._begin + shift
    return HistoryArray(store, begin, begin + array.n_events, array._cutoff, array.dtype)


def _check_alike(dtypes: list[HistoryDtype]) -> None:
    """Refuse arrays whose moments or attributes do not mean the same."""
    first = dtypes[0]
    for other in dtypes[1:]:
        if not first.holds_like(other):
            raise HistoryTypeError(
                f"histories of {other!r} do not fit into a column of {first!r}: granularity and "
                f"attributes must be the same. Make both with granularity={first.granularity!r} "
                f"and attributes={list(first.attributes)}."
            )


def _infer_dtype(present: list[History]) -> HistoryDtype:
    if not present:
        return HistoryDtype()
    return HistoryDtype(present[0].resolution, attributes=tuple(present[0].attributes))


def _check_kind(present: list[History], dtype: HistoryDtype) -> HistoryDtype:
    """Return the dtype with the histories' attributes; refuse histories of several kinds."""
    names = tuple(present[0].attributes) if present else dtype.attributes
    for history in present:
        if history.resolution != dtype.resolution or set(history.attributes) != set(names):
            raise HistoryTypeError(
                f"{history!r} (granularity {history.resolution!r}, attributes "
                f"{list(history.attributes)}) does not fit into a column of granularity "
                f"{dtype.granularity!r} with attributes {list(names)}. Make the histories alike."
            )
    return dtype.replace(attributes=names)


def _is_missing(value: Any) -> bool:
    return value is None or (np.ndim(value) == 0 and bool(pd.isna(value)))
