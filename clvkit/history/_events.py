"""One log as checked events in order, whatever kind of table it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvkit.errors import LogError
from clvkit.history._clean import (
    apply_duplicates,
    apply_refunds,
    clean_columns,
    with_one_zero,
)
from clvkit.history._dtype import HistoryDtype
from clvkit.history._event_store import Attribute, EventStore
from clvkit.history._history_array import HistoryArray
from clvkit.history._log_columns import LogColumns
from clvkit.history._moments import as_moments
from clvkit.history._read import read_table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["lay_out", "read_events"]


def read_events(
    log: Any,
    columns: LogColumns,
    resolution: str,
    *,
    refunds: str = "net",
    duplicates: str = "keep",
    name: str = "the log",
    may_be_empty: bool = False,
) -> pl.DataFrame:
    """Read and check one log, and return what histories hold, under names that cannot collide.

    Returns
    -------
    polars.DataFrame
        ``customer``, ``time`` (moments), ``amount`` (0 where the log has none), ``attribute_0``
        and so on, in the order of the log.
    """
    import polars as pl

    roles = columns.roles
    frame = read_table(log, roles, whole=duplicates != "keep", name=name)
    frame = apply_duplicates(frame, duplicates).select(list(dict.fromkeys(roles.values())))
    customer_id, date, amount = columns[:3]
    frame = clean_columns(frame, customer_id, date, amount, name=name, may_be_empty=may_be_empty)
    if amount is not None:
        frame = apply_refunds(frame, refunds, amount)
    events = {
        "customer": frame[customer_id],
        "time": as_moments(frame[date].to_numpy(), resolution),
        "amount": frame[amount] if amount is not None else np.zeros(len(frame)),
    }
    attributes = {
        f"attribute_{i}": _sortable(frame[name]) for i, name in enumerate(columns.attributes)
    }
    return pl.DataFrame(events | attributes)


def lay_out(events: pl.DataFrame, dtype: HistoryDtype) -> tuple[pd.Index, HistoryArray]:
    """Sort events by (customer, time, amount, attributes), so that line order cannot matter."""
    events = events.sort(events.columns)
    runs = events["customer"].rle().struct.unnest()
    end = np.cumsum(runs["len"].to_numpy(), dtype=np.int64)
    begin = np.append(0, end[:-1])
    attributes = {
        name: _encode(events[f"attribute_{i}"]) for i, name in enumerate(dtype.attributes)
    }
    store = EventStore(events["time"].to_numpy(), events["amount"].to_numpy(), attributes)
    array = HistoryArray(store, begin, end, np.zeros(len(end), dtype=np.int64), dtype)
    return pd.Index(runs["value"].to_pandas(), name="customer_id"), array


def _sortable(column: pl.Series) -> pl.Series:
    """Return numbers as floats and everything else as text, missing values as null."""
    import polars as pl

    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return with_one_zero(column.cast(pl.Float64).fill_nan(None))
    if column.dtype.is_nested() or column.dtype == pl.Object:
        raise LogError(
            f"attribute '{column.name}' holds {column.dtype}, such as {column.head(1).to_list()}. "
            "Make it numbers or text."
        )
    return column.cast(pl.String)


def _encode(column: pl.Series) -> Attribute:
    import polars as pl

    if column.dtype == pl.Float64:
        return Attribute(column.to_numpy())
    categories = column.drop_nulls().unique().sort()
    codes = column.replace_strict(
        categories,
        pl.Series(range(len(categories)), dtype=pl.Int32),
        default=-1,
        return_dtype=pl.Int32,
    )
    return Attribute(codes.fill_null(-1).to_numpy(), categories.to_list())
