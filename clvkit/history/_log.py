"""A log behind the door: checked, sorted, and laid out customer by customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import CutoffError, EmptyLogError, LogError
from clvkit.history._clean import (
    apply_duplicates,
    apply_refunds,
    check_policy,
    clean_columns,
    warn_after_end,
    warn_far_before,
    with_one_zero,
)
from clvkit.history._covariates import Covariates
from clvkit.history._dtype import HistoryDtype
from clvkit.history._event_store import Attribute, EventStore
from clvkit.history._granularity import Granularity, get_granularity
from clvkit.history._history import format_cutoff
from clvkit.history._history_array import HistoryArray
from clvkit.history._moments import as_moments, format_moment, parse_cutoff
from clvkit.history._read import read_table
from clvkit.history._sample_index import sample_index

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Log", "open_log"]

_RESERVED = ("time", "date", "amount")


@dataclass(frozen=True)
class Log:
    """A checked log.

    Attributes
    ----------
    customers : Index of shape (n_customers,)
        In ascending order.
    known : HistoryArray of shape (n_customers,)
        Each customer's history at ``end``.
    start, end : int
        First event and end of observation, as moments.
    covariates : Covariates or None
    """

    customers: pd.Index
    known: HistoryArray
    start: int
    end: int
    covariates: Covariates | None

    def samples(self, rows: NDArray[np.int64], histories: HistoryArray) -> pd.DataFrame:
        """Return X for these customers and their histories."""
        index = sample_index(self.customers, rows, histories)
        X = pd.DataFrame({"history": pd.Series(histories, index=index)})
        return X if self.covariates is None else self.covariates.join(X, histories)


def open_log(
    log: Any,
    *,
    customer_id: str,
    date: str,
    amount: str,
    attributes: Sequence[str],
    covariates: Any,
    end: Any,
    last: Any = None,
    refunds: str,
    duplicates: str,
    granularity: str,
) -> Log:
    """Read, check and sort a log; ``last`` drops later events without a word (a cutoff)."""
    period = get_granularity(granularity)
    check_policy("refunds", refunds, ("net", "drop", "raise"))
    check_policy("duplicates", duplicates, ("keep", "drop", "raise"))
    stop, limit = _read_limits(end, last, period)
    names = _attribute_names(attributes)
    roles = {"customer_id": customer_id, "date": date, "amount": amount}
    roles |= {f"attributes[{i}]": name for i, name in enumerate(names)}
    frame = read_table(log, roles, whole=duplicates != "keep")
    frame = apply_duplicates(frame, duplicates).select(list(dict.fromkeys(roles.values())))
    frame = clean_columns(frame, customer_id, date, amount)
    frame = apply_refunds(frame, refunds, amount)
    events = _as_events(frame, customer_id, date, amount, names, period.resolution)
    del frame
    events = _observed(events, stop, limit, period.resolution)
    warn_far_before(events["time"].to_numpy(), events["customer"], date, period.resolution)
    customers, known = _lay_out(events, HistoryDtype(granularity, attributes=names))
    start, latest = int(known.store.time.min()), int(known.store.time.max())
    end_ = next(moment for moment in (stop, limit, latest) if moment is not None)
    known = known.at_cutoff(end_)
    known = known.with_dtype(known.dtype.replace(end=format_cutoff(end_, period.resolution)))
    table = None if covariates is None else Covariates(covariates, customer_id, period.resolution)
    return Log(customers, known, start, end_, table)


def _read_limits(end: Any, last: Any, period: Granularity) -> tuple[int | None, int | None]:
    stop = None if end is None else parse_cutoff(end, period, name="end")
    limit = None if last is None else parse_cutoff(last, period)
    if stop is not None and limit is not None and limit > stop:
        raise CutoffError(
            f"cutoff={str(last)!r} is after end={str(end)!r}, the end of observation. Give an "
            "earlier cutoff or a later end."
        )
    return stop, limit


def _attribute_names(attributes: Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys([attributes] if isinstance(attributes, str) else attributes))
    taken = [name for name in names if name in _RESERVED]
    if taken:
        raise LogError(
            f"attributes may not be called {', '.join(map(repr, taken))}, as histories have a "
            "field of that name. Rename the column."
        )
    return names


def _as_events(
    frame: pl.DataFrame,
    customer_id: str,
    date: str,
    amount: str,
    names: tuple[str, ...],
    resolution: str,
) -> pl.DataFrame:
    """Return the columns that histories hold, under names that cannot collide."""
    import polars as pl

    columns = {
        "customer": frame[customer_id],
        "time": as_moments(frame[date].to_numpy(), resolution),
        "amount": frame[amount],
    }
    attributes = {f"attribute_{i}": _sortable(frame[name]) for i, name in enumerate(names)}
    return pl.DataFrame(columns | attributes)


def _observed(
    events: pl.DataFrame, stop: int | None, limit: int | None, resolution: str
) -> pl.DataFrame:
    """Return the events that may be used."""
    latest = stop if limit is None else limit
    if latest is None:
        return events
    time = events["time"].to_numpy()
    if stop is not None and (late := time > stop).any():
        example = format_moment(time[late][0], resolution)
        warn_after_end(int(late.sum()), len(time), example, format_cutoff(stop, resolution))
    keep = time <= latest
    if not keep.any():
        raise EmptyLogError(
            f"no event is left: the log starts on {format_moment(time.min(), resolution)}, after "
            f"the {'end' if limit is None else 'cutoff'} that was given. Give a later one."
        )
    return events.filter(keep)


def _lay_out(events: pl.DataFrame, dtype: HistoryDtype) -> tuple[pd.Index, HistoryArray]:
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
