"""Histories to and from Arrow: ``struct<cutoff, events: list<struct<time, amount, ...>>>``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clvkit.errors import HistoryTypeError
from clvkit.history._dtype import HistoryDtype
from clvkit.history._event_store import Attribute, EventStore
from clvkit.history._history import as_cutoffs, as_datetime
from clvkit.history._history_array import MISSING, HistoryArray
from clvkit.history._moments import as_moments
from clvkit.utils._duration import ticks_per_day

__all__ = ["from_arrow", "to_arrow"]

#: Arrow's plain lists count with 32 bits.
_LIST_LIMIT = 2**31 - 1


def to_arrow(array: HistoryArray) -> pa.StructArray:
    """Return the histories as an Arrow struct array that Parquet and Spark can hold."""
    resolution = array.dtype.resolution
    flat = array.flat_events()
    columns = {
        "time": pa.array(as_datetime(flat.time, resolution)),
        "amount": pa.array(flat.amount),
    }
    for name in array.store.attributes:
        columns[name] = _column(array.flat_attribute(name))
    events = pa.StructArray.from_arrays(list(columns.values()), names=list(columns))
    wide = len(flat.time) > _LIST_LIMIT
    kind, width = (pa.LargeListArray, np.int64) if wide else (pa.ListArray, np.int32)
    lists = kind.from_arrays(pa.array(flat.offsets.astype(width)), events)
    missing = array.isna()
    cutoff = pa.array(as_cutoffs(array.cutoff_moments, resolution), mask=missing)
    return pa.StructArray.from_arrays(
        [cutoff, lists], names=["cutoff", "events"], mask=pa.array(missing)
    )


def from_arrow(array: Any, dtype: HistoryDtype | None = None) -> HistoryArray:
    """Return the histories of an Arrow array that :func:`to_arrow` made.

    Parameters
    ----------
    array : pyarrow.StructArray or ChunkedArray
    dtype : HistoryDtype or None, default=None
        By default days, or the coarsest granularity that rounds no time.

    Returns
    -------
    HistoryArray

    Raises
    ------
    HistoryTypeError
        When it has another structure, or events that are out of order or after the cutoff.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    if not pa.types.is_struct(array.type) or {"cutoff", "events"} - set(array.type.names):
        raise HistoryTypeError(
            f"an Arrow array of type {array.type} holds no histories: they are "
            "struct<cutoff, events: list<struct<time, amount, ...>>>."
        )
    missing = np.asarray(array.is_null())
    lists = array.field("events")
    offsets = np.asarray(lists.offsets).astype(np.int64)
    events = lists.values
    names = tuple(name for name in events.type.names if name not in ("time", "amount"))
    time = np.asarray(events.field("time")).astype("M8[us]")
    cutoff = np.asarray(array.field("cutoff")).astype("M8[us]")
    dtype = dtype or HistoryDtype(_coarsest(time, cutoff[~missing]))
    store = EventStore(
        as_moments(time, dtype.resolution),
        np.asarray(events.field("amount"), dtype=np.float64),
        {name: _attribute(events.field(name)) for name in names},
    )
    moments = np.where(missing, MISSING, _cutoff_moments(cutoff, dtype.resolution))
    begin, end = offsets[:-1].copy(), offsets[1:].copy()
    begin[missing] = end[missing] = 0
    histories = HistoryArray(store, begin, end, moments, dtype.replace(attributes=names))
    _check_order(histories)
    return histories


def _coarsest(time: NDArray, cutoff: NDArray) -> str:
    """Return the coarsest granularity in which no time of an event or a cutoff is rounded."""
    if not _has_rest(time, "D") and not _has_rest(cutoff, "D"):
        return "D"
    # A cutoff is shown by its last second, the first second of a day by its last microsecond.
    timed = cutoff[cutoff != cutoff.astype("M8[D]")]
    following = timed.astype("M8[s]") + np.timedelta64(1, "s")
    for name in ("h", "min"):
        if not _has_rest(time, name) and not _has_rest(following, name):
            return name
    return "s"


def _has_rest(moments: NDArray, resolution: str) -> bool:
    rounded = as_datetime(as_moments(moments, resolution), resolution)
    return bool((rounded != moments).any())


def _cutoff_moments(cutoff: NDArray, resolution: str) -> NDArray[np.int64]:
    """Return cutoffs as moments; a midnight means the end of its day."""
    days = cutoff.astype("M8[D]")
    whole = cutoff == days
    last = (days.astype(np.int64) + 1) * ticks_per_day(resolution) - 1
    return np.where(whole, last, as_moments(cutoff, resolution))


def _check_order(array: HistoryArray) -> None:
    """Refuse events that do not ascend, or come after the cutoff: other software made them."""
    flat = array.flat_events()
    later = np.diff(flat.time, prepend=flat.time[:1]) < 0
    first, last = flat.offsets[:-1], flat.offsets[1:]
    filled = first < last
    later[first[filled]] = False
    after = int((flat.time[last[filled] - 1] > array.cutoff_moments[filled]).sum())
    if later.any() or after:
        raise HistoryTypeError(
            f"{int(later.sum())} events are earlier than the one before them, and {after} "
            "histories have events after their cutoff. Sort the events of each by time, and leave "
            "out what comes after the cutoff."
        )


def _column(attribute: Attribute) -> pa.Array:
    """Return numbers or text, missing values as null."""
    if attribute.categories is None:
        return pa.array(attribute.values, from_pandas=True)
    codes = pa.array(attribute.values, mask=attribute.values < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(attribute.categories, pa.string())).cast(
        pa.string()
    )


def _attribute(column: pa.Array) -> Attribute:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return Attribute(column.to_numpy(zero_copy_only=False).astype(np.float64))
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    coded = column.cast(pa.string()).dictionary_encode()
    categories, new = np.unique(
        coded.dictionary.to_numpy(zero_copy_only=False), return_inverse=True
    )
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Attribute(np.append(new, -1)[codes].astype(np.int32), categories.tolist())
