"""A log behind the door: checked, sorted, and laid out customer by customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import CutoffError, EmptyLogError
from clvkit.history._clean import (
    apply_duplicates,
    apply_refunds,
    check_policy,
    clean_columns,
    warn_after_end,
)
from clvkit.history._covariates import Covariates
from clvkit.history._dtype import HistoryDtype
from clvkit.history._event_store import Attribute, EventStore
from clvkit.history._granularity import get_granularity
from clvkit.history._history_array import HistoryArray
from clvkit.history._moments import as_moments, format_moment, parse_cutoff
from clvkit.history._read import read_table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Log", "open_log"]


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
        index = pd.MultiIndex.from_arrays(
            [self.customers.take(rows), histories.cutoffs], names=["customer_id", "cutoff"]
        )
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
    attributes = tuple([attributes] if isinstance(attributes, str) else attributes)
    roles = {"customer_id": customer_id, "date": date, "amount": amount}
    roles |= {f"attributes[{i}]": name for i, name in enumerate(attributes)}
    frame = read_table(log, roles, whole=duplicates != "keep")
    frame = apply_duplicates(frame, duplicates).select(list(dict.fromkeys(roles.values())))
    frame = clean_columns(frame, customer_id, date, amount)
    frame = apply_refunds(frame, refunds, amount)
    time = as_moments(frame[date].to_numpy(), period.resolution)
    stop = None if end is None else parse_cutoff(end, period, name="end")
    limit = None if last is None else parse_cutoff(last, period)
    if stop is not None and limit is not None and limit > stop:
        raise CutoffError(
            f"cutoff={str(last)!r} is after end={str(end)!r}, the end of observation. Give an "
            "earlier cutoff or a later end."
        )
    keep = _observed(time, frame, date, stop, limit, str(end))
    columns = {"customer": frame[customer_id], "amount": frame[amount]}
    columns |= {f"attribute_{i}": frame[name] for i, name in enumerate(attributes)}
    customers, array = _lay_out(columns, time, keep, attributes, granularity)
    start, end_ = int(array.store.time.min()), stop if stop is not None else limit
    end_ = int(array.store.time.max()) if end_ is None else end_
    dtype = array.dtype.replace(end=format_moment(end_, period.resolution))
    cutoff = np.full(len(customers), end_, dtype=np.int64)
    known = HistoryArray(array.store, array._begin, array._end, cutoff, dtype)
    table = None if covariates is None else Covariates(covariates, customer_id, period.resolution)
    return Log(customers, known, start, end_, table)


def _observed(
    time: NDArray, frame: pl.DataFrame, date: str, stop: int | None, limit: int | None, end: str
) -> NDArray[np.bool_] | None:
    """Mark the events that may be used; None where all may."""
    keep = None
    if stop is not None and (late := time > stop).any():
        example = str(frame[date][int(np.flatnonzero(late)[0])])
        warn_after_end(int(late.sum()), len(time), example, end)
        keep = ~late
    if limit is not None and (late := time > limit).any():
        keep = ~late if keep is None else keep & ~late
    if keep is not None and not keep.any():
        raise EmptyLogError(
            f"no event is left: the log starts on {frame[date].min()!s}, after the "
            f"{'cutoff' if limit is not None else 'end'} that was given. Give a later one."
        )
    return keep


def _lay_out(
    columns: dict[str, Any],
    time: NDArray,
    keep: NDArray | None,
    names: tuple[str, ...],
    granularity: str,
) -> tuple[pd.Index, HistoryArray]:
    """Sort events by (customer, time, amount, attributes), so that line order cannot matter."""
    import polars as pl

    frame = pl.DataFrame({"customer": columns.pop("customer"), "time": time, **columns})
    if keep is not None:
        frame = frame.filter(pl.Series(keep))
    if not len(frame):
        raise EmptyLogError("the log has no rows left. Check the rows and the refund policy.")
    frame = frame.with_columns(_sortable(frame[f"attribute_{i}"]) for i in range(len(names)))
    frame = frame.sort(frame.columns)
    runs = frame["customer"].rle().struct.unnest()
    end = np.cumsum(runs["len"].to_numpy().astype(np.int64))
    begin = np.append(0, end[:-1])
    attributes = {name: _encode(frame[f"attribute_{i}"]) for i, name in enumerate(names)}
    store = EventStore(frame["time"].to_numpy(), frame["amount"].to_numpy(), attributes)
    dtype = HistoryDtype(granularity, attributes=names)
    array = HistoryArray(store, begin, end, np.zeros(len(end), dtype=np.int64), dtype)
    return pd.Index(runs["value"].to_pandas(), name="customer_id"), array


def _sortable(column: pl.Series) -> pl.Series:
    """Return numbers as floats and everything else as text."""
    import polars as pl

    numeric = column.dtype.is_numeric() or column.dtype == pl.Boolean
    return column.cast(pl.Float64 if numeric else pl.String)


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
