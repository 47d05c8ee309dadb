"""A log behind the door: checked, sorted, and laid out customer by customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import CutoffError, EmptyLogError, LogError
from clvkit.history._clean import check_policy, warn_after_end, warn_far_before
from clvkit.history._covariates import Covariates
from clvkit.history._dtype import HistoryDtype
from clvkit.history._events import lay_out, read_events
from clvkit.history._granularity import Granularity, get_granularity
from clvkit.history._history import format_cutoff
from clvkit.history._history_array import HistoryArray
from clvkit.history._log_columns import TRANSACTIONS, columns_of_logs, name_logs
from clvkit.history._moments import format_moment, parse_cutoff
from clvkit.history._sample_index import sample_index
from clvkit.history._streams import open_stream

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Log", "open_log", "read_limits"]


@dataclass(frozen=True)
class Log:
    """A checked log, and the streams of other events beside it.

    Attributes
    ----------
    customers : Index of shape (n_customers,)
        In ascending order.
    known : HistoryArray of shape (n_customers,)
        Each customer's history at ``end``.
    start, end : int
        First event and end of observation, as moments.
    covariates : Covariates or None
    streams : dict of str to HistoryArray of shape (n_customers,)
        Each customer's other events at ``end``, by the name of their log.
    """

    customers: pd.Index
    known: HistoryArray
    start: int
    end: int
    covariates: Covariates | None
    streams: dict[str, HistoryArray] = field(default_factory=dict)

    def samples(self, rows: NDArray[np.int64], histories: HistoryArray) -> pd.DataFrame:
        """Return X for these customers and their histories."""
        index = sample_index(self.customers, rows, histories)
        columns = {"history": histories}
        for name, stream in self.streams.items():
            columns[name] = stream[rows].cut_back(histories.cutoff_moments)
        X = pd.DataFrame({name: pd.Series(array, index=index) for name, array in columns.items()})
        if self.covariates is None:
            return X
        taken = [name for name in self.streams if name in self.covariates.frame.columns]
        if taken:
            raise LogError(
                f"the covariates table has columns {taken}, which are also names of logs. Rename "
                "the columns or the logs."
            )
        return self.covariates.join(X, histories)


def open_log(
    log: Any,
    *,
    customer_id: str | Mapping[str, str],
    date: str | Mapping[str, str],
    amount: str | Mapping[str, str | None],
    attributes: Sequence[str] | Mapping[str, Sequence[str]],
    covariates: Any,
    end: Any,
    last: Any = None,
    observed_until: int | None = None,
    refunds: str,
    duplicates: str,
    granularity: str,
) -> Log:
    """Read, check and sort a log, or several by name.

    Parameters
    ----------
    last : date-like or None, default=None
        A cutoff: later events are dropped without a word.
    observed_until : int or None, default=None
        A moment until which events would have been seen, if neither ``end`` nor ``last`` says
        so: the end of observation is not before it.
    log, customer_id, date, amount, attributes, covariates, end, refunds, duplicates, granularity
        See :func:`clvkit.history.latest_histories`.
    """
    period = get_granularity(granularity)
    check_policy("refunds", refunds, ("net", "drop", "raise"))
    check_policy("duplicates", duplicates, ("keep", "drop", "raise"))
    stop, limit = read_limits(end, last, period)
    logs = name_logs(log)
    columns = columns_of_logs(
        logs, customer_id=customer_id, date=date, amount=amount, attributes=attributes
    )
    own = columns.pop(TRANSACTIONS)
    events = read_events(
        logs[TRANSACTIONS], own, period.resolution, refunds=refunds, duplicates=duplicates
    )
    events = _observed(events, stop, limit, period.resolution)
    warn_far_before(events["time"].to_numpy(), events["customer"], own.date, period.resolution)
    customers, known = lay_out(events, HistoryDtype(granularity, attributes=own.attributes))
    del events
    start, latest = int(known.store.time.min()), int(known.store.time.max())
    if observed_until is not None:
        latest = max(latest, observed_until)
    end_ = next(moment for moment in (stop, limit, latest) if moment is not None)
    known = known.at_cutoff(end_)
    known = known.with_dtype(known.dtype.replace(end=format_cutoff(end_, period.resolution)))
    streams = {
        name: open_stream(
            logs[name], columns[name], name, customers, known.dtype, end_, stop=stop, limit=limit
        )
        for name in columns
    }
    table = covariates if isinstance(covariates, Covariates) else None
    if covariates is not None and table is None:
        table = Covariates(covariates, own.customer_id, period.resolution)
    return Log(customers, known, start, end_, table, streams)


def read_limits(end: Any, last: Any, period: Granularity) -> tuple[int | None, int | None]:
    """Return the end of observation and the cutoff as moments, where they were given."""
    stop = None if end is None else parse_cutoff(end, period, name="end")
    limit = None if last is None else parse_cutoff(last, period)
    if stop is not None and limit is not None and limit > stop:
        raise CutoffError(
            f"cutoff={str(last)!r} is after end={str(end)!r}, the end of observation. Give an "
            "earlier cutoff or a later end."
        )
    return stop, limit


def _observed(
    events: pl.DataFrame, stop: int | None, limit: int | None, resolution: str
) -> pl.DataFrame:
    """Return the transactions that may be used."""
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
