"""Histories to and from Arrow: ``struct<cutoff, events: list<struct<time, amount, ...>>>``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from clvkit.errors import HistoryTypeError
from clvkit.history._dtype import HistoryDtype
from clvkit.history._event_store import Attribute, EventStore
from clvkit.history._history import as_datetime
from clvkit.history._history_array import MISSING, HistoryArray
from clvkit.history._moments import as_moments

__all__ = ["from_arrow", "to_arrow"]

#: Arrow's plain lists count with 32 bits.
_LIST_LIMIT = 2**31 - 1


def to_arrow(array: HistoryArray) -> pa.StructArray:
    """Return the histories as an Arrow struct array that Parquet and Spark can hold."""
    resolution = array.dtype.resolution
    flat = array.flat_events()
    columns = {"time": pa.array(as_datetime(flat.time, resolution)), "amount": flat.amount}
    for name in array.store.attributes:
        attribute = array.flat_attribute(name)
        columns[name] = pa.array(attribute.decode(), from_pandas=True)
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column) for column in columns.values()
    ]
    events = pa.StructArray.from_arrays(arrays, names=list(columns))
    wide = len(flat.time) > _LIST_LIMIT
    kind, width = (pa.LargeListArray, np.int64) if wide else (pa.ListArray, np.int32)
    lists = kind.from_arrays(pa.array(flat.offsets.astype(width)), events)
    missing = array.isna()
    cutoff = pa.array(as_datetime(array.cutoff_moments, resolution), mask=missing)
    return pa.StructArray.from_arrays(
        [cutoff, lists], names=["cutoff", "events"], mask=pa.array(missing)
    )


def from_arrow(array: Any, dtype: HistoryDtype | None = None) -> HistoryArray:
    """Return the histories of an Arrow array that :func:`to_arrow` made.

    Raises
    ------
    HistoryTypeError
        When it has another structure.
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
    dtype = dtype or HistoryDtype("D")
    time = np.asarray(events.field("time")).astype("M8[s]")
    store = EventStore(
        as_moments(time, dtype.resolution),
        np.asarray(events.field("amount"), dtype=np.float64),
        {name: _attribute(events.field(name)) for name in names},
    )
    cutoff = np.asarray(array.field("cutoff")).astype("M8[s]")
    moments = np.where(missing, MISSING, as_moments(cutoff, dtype.resolution))
    begin, end = offsets[:-1].copy(), offsets[1:].copy()
    begin[missing] = end[missing] = 0
    return HistoryArray(store, begin, end, moments, dtype.replace(attributes=names))


def _attribute(column: pa.Array) -> Attribute:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return Attribute.encode(column.to_numpy(zero_copy_only=False).astype(np.float64))
    return Attribute.encode(np.array(column.to_pylist(), dtype=object))
