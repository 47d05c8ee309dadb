"""Further logs beside the transactions: visits, clicks, returns, service contacts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvkit.errors import ClvkitError, DataWarning
from clvkit.history._clean import match_customers, warn_after_end, warn_far_before
from clvkit.history._dtype import HistoryDtype
from clvkit.history._events import lay_out, read_events
from clvkit.history._history import format_cutoff
from clvkit.history._history_array import HistoryArray
from clvkit.history._log_columns import LogColumns
from clvkit.history._moments import format_moment
from clvkit.utils._warnings import warn_user

if TYPE_CHECKING:
    import polars as pl

__all__ = ["open_stream"]


def open_stream(
    table: Any,
    columns: LogColumns,
    name: str,
    customers: pd.Index,
    like: HistoryDtype,
    end: int,
    *,
    stop: int | None,
    limit: int | None,
) -> HistoryArray:
    """Return the events of one more log as histories at ``end``, one for each of the customers.

    Events of others are left out: who never bought is no sample. A customer without events has
    a history without events, which is not a missing one.

    Parameters
    ----------
    table : table or path
    columns : LogColumns
    name : str
        Name of the log, for messages.
    customers : Index
        Those of the transactions, in ascending order.
    like : HistoryDtype
        That of the transactions' histories.
    end : int
        The cutoff of the histories.
    stop, limit : int or None
        The end of observation and the cutoff that were given.
    """
    import polars as pl

    label = f"log {name!r}"
    resolution = like.resolution
    with _naming(label):
        events = read_events(table, columns, resolution, name=label, may_be_empty=True)
        known = pl.from_pandas(customers.to_series(), include_index=False).rename("customer")
        ids = match_customers(
            events["customer"].alias(columns.customer_id),
            known,
            of="this log",
            than="transactions",
            table="log",
            read_as_text=isinstance(table, (str, os.PathLike)),
        )
        events = events.with_columns(ids.alias("customer"))
    events = _observed(events, end, stop, limit, resolution, label)
    if len(events):
        time = events["time"].to_numpy()
        warn_far_before(time, events["customer"], columns.date, resolution, label=f"{label}: ")
    rows = pl.DataFrame({"customer": known})
    theirs = events.join(rows, on="customer", how="semi")
    if len(events) and not len(theirs):
        warn_user(
            f"{label}: none of its customers, such as {events['customer'][0]!r}, is among those of "
            f"the transactions, such as {known[0]!r}, so that its histories are all empty. Check "
            f"that {columns.customer_id!r} means the same in both.",
            DataWarning,
        )
    dtype = like.replace(attributes=columns.attributes)
    found, array = lay_out(theirs, dtype)
    return _align(array, found, customers).at_cutoff(end)


@contextmanager
def _naming(label: str) -> Iterator[None]:
    """Let the message of an error begin with the log that it is about."""
    try:
        yield
    except ClvkitError as error:
        message = str(error)
        if label in message:
            raise
        raise type(error)(f"{label}: {message}") from error


def _observed(
    events: pl.DataFrame,
    end: int,
    stop: int | None,
    limit: int | None,
    resolution: str,
    label: str,
) -> pl.DataFrame:
    """Return the events up to the cutoff or the end; a cutoff drops others without a word."""
    time = events["time"].to_numpy()
    late = time > end
    if (stop is not None or limit is None) and late.any():
        example = format_moment(time[late][0], resolution)
        until = format_cutoff(end, resolution)
        warn_after_end(
            int(late.sum()), len(time), example, until, label=f"{label}: ", given=stop is not None
        )
    keep = time <= (end if limit is None else min(limit, end))
    return events if keep.all() else events.filter(keep)


def _align(array: HistoryArray, found: pd.Index, customers: pd.Index) -> HistoryArray:
    """Return a row for each customer; both are in ascending order, and so are the events."""
    n_events = np.zeros(len(customers), dtype=np.int64)
    n_events[customers.get_indexer(found)] = array.n_events
    end = np.cumsum(n_events)
    return HistoryArray(array.store, end - n_events, end, np.zeros_like(end), array.dtype)
