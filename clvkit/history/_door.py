"""The one door: a transaction log comes in, and a table of histories comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from clvkit.errors import CutoffError, ShortLogError
from clvkit.history._clean import check_policy
from clvkit.history._cutoffs import least_history, past_cutoffs
from clvkit.history._history import as_datetime, format_cutoff
from clvkit.history._log import Log, open_log
from clvkit.history._moments import format_moment, parse_cutoff, parse_cutoffs
from clvkit.history._snapshots import take_snapshots
from clvkit.history._targets import TARGETS, check_floor
from clvkit.utils._duration import Duration, parse_duration

__all__ = ["Samples", "latest_histories", "make_samples"]


class Samples(NamedTuple):
    """Samples for training and validation.

    Attributes
    ----------
    X : DataFrame of shape (n_samples, 1 + n_covariates)
        Indexed by (``customer_id``, ``cutoff``), with a column ``history``.
    y : Series of shape (n_samples,)
        What each customer did in the horizon after the cutoff.
    """

    X: pd.DataFrame
    y: pd.Series


def latest_histories(
    log: Any,
    cutoff: Any = None,
    *,
    customer_id: str | Mapping[str, str] = "customer_id",
    date: str | Mapping[str, str] = "date",
    amount: str | Mapping[str, str | None] = "amount",
    attributes: Sequence[str] | Mapping[str, Sequence[str]] = (),
    covariates: Any = None,
    end: Any = None,
    refunds: str = "net",
    duplicates: str = "keep",
    granularity: str = "D",
) -> pd.DataFrame:
    """Turn a transaction log into one history a customer, as known at the cutoff.

    Use it to fit and to predict: every model of clvkit takes what it returns. For samples with
    a ``y`` see :func:`make_samples`.

    Parameters
    ----------
    log : table or path
        One row a transaction line: a pandas, Polars (eager or lazy) or PyArrow table, a DuckDB
        relation, or the path of a CSV or Parquet file or of a folder of them. Several logs are
        given by name, ``{"transactions": log, "visits": visits}``: the transactions become the
        column ``history``, every other log a history column of its name, of the same customers
        and at the same cutoffs.
    cutoff : date-like or None, default=None
        The last known day; later events are left out. By default ``end``, or the day of the
        last event. Where the granularity is finer than a day it may be a whole period of it, by
        its label or its last second: "2021-01-03 14:00" and "2021-01-03 14:59:59" are the hour
        14, known to its end. A midnight is a whole day.
    customer_id, date, amount : str, or dict by the name of the log
        Names of the columns. Dates may be dates, timestamps (the wall-clock time counts, a time
        zone is dropped) or ISO 8601 text; amounts are net line values, negative for refunds.
        Rows without a customer are dropped with a warning. Of several logs, those beside the
        transactions may lack the amount (or have None for it): their events are of amount 0.
    attributes : sequence of str, or dict by the name of the log, default=()
        Further columns that the events should carry (category, channel, ...). Given for all of
        several logs, only the transactions must have them.
    covariates : table, path or None, default=None
        Attributes of customers, keyed by the column ``customer_id``, one row each; or with a
        column ``valid_from``, and then joined as of the cutoff.
    end : date-like or None, default=None
        End of observation of all logs; by default the day of the last transaction. Later events
        are dropped with a warning.
    refunds : {"net", "drop", "raise"}, default="net"
        Net negative amounts into their period, leave them out, or refuse them. It concerns the
        transactions only.
    duplicates : {"keep", "drop", "raise"}, default="keep"
        What to do with rows that repeat another one in every column of the log. It concerns the
        transactions only.
    granularity : {"D", "W", "h", "min", "s"}, default="D"
        Period in which several purchases count as one.

    Returns
    -------
    DataFrame of shape (n_customers, 1 + n_covariates)
        Indexed by (``customer_id``, ``cutoff``), with a column ``history`` and one of each further
        log; customers in ascending order, all with a transaction by the cutoff, those with refunds
        only included.

    Raises
    ------
    LogTypeError, MissingColumnError, DateError, AmountError, RefundError, DuplicateRowsError, \
EmptyLogError
        When the log cannot be used; the message says which column and rows, and what helps.
    CutoffError
        When the cutoff cannot be read, has a time of day that is no whole period, or is after
        ``end``.

    See Also
    --------
    get_histories : The events of one history column.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> latest_histories(load_cdnow(), cutoff="1997-09-30").head(2)
                                                                   history
    customer_id cutoff
    1           1997-09-30  3 events 1997-01-01..1997-08-02, at 1997-09-30
    2           1997-09-30  2 events 1997-01-01..1997-01-13, at 1997-09-30
    >>> latest_histories(load_cdnow(), amount="price")
    Traceback (most recent call last):
        ...
    clvkit.errors.MissingColumnError: the log has no column 'price' (amount). Its columns: ...
    """
    opened = open_log(
        log,
        customer_id=customer_id,
        date=date,
        amount=amount,
        attributes=attributes,
        covariates=covariates,
        end=end,
        last=cutoff,
        refunds=refunds,
        duplicates=duplicates,
        granularity=granularity,
    )
    known = opened.known
    if cutoff is not None:
        known = known.at_cutoff(parse_cutoff(cutoff, known.dtype.period))
    return opened.samples(np.arange(len(known)), known)


def make_samples(
    log: Any,
    horizon: str,
    cutoffs: Any = None,
    *,
    target: str = "spend",
    customer_id: str | Mapping[str, str] = "customer_id",
    date: str | Mapping[str, str] = "date",
    amount: str | Mapping[str, str | None] = "amount",
    attributes: Sequence[str] | Mapping[str, Sequence[str]] = (),
    covariates: Any = None,
    end: Any = None,
    refunds: str = "net",
    duplicates: str = "keep",
    granularity: str = "D",
    floor: float | None = 0.0,
) -> Samples:
    """Turn a transaction log into samples: histories at past cutoffs, and what came after.

    Parameters
    ----------
    log : table or path
        See :func:`latest_histories`.
    horizon : str
        Length of the period after each cutoff: ``"90D"``, ``"26W"``, ``"12M"``, ``"1Y"``.
    cutoffs : date-like, sequence of them, int or None, default=None
        Past cutoffs. By default every quarter of a horizon, back from the latest one whose
        horizon the log covers, as long as half a horizon (at least 28 days) of history is left;
        an int is at most so many of these.
    target : {"spend", "purchases", "active"}, default="spend"
        What ``y`` is: net amount, number of purchases, or 1.0 for at least one purchase.
    customer_id, date, amount, attributes, covariates, end, refunds, duplicates, granularity
        See :func:`latest_histories`. ``end`` matters here: a horizon that ends after it has no
        known ``y``.
    floor : float or None, default=0.0
        Least ``y`` of a customer who returned more than he bought; None keeps the sign.

    Returns
    -------
    Samples
        Named tuple of ``X`` (rows of the oldest cutoff first) and ``y``. A customer is in the
        rows of every cutoff by which he was seen in the transactions; ``y`` is theirs, too.

    Raises
    ------
    ShortLogError
        When the log does not cover the horizon after a cutoff.
    ArgumentError
        When ``floor`` is neither a finite number nor None.
    LogError, LogTypeError, CutoffError, DurationError
        See :func:`latest_histories`.

    See Also
    --------
    clvkit.model_selection.RollingOrigin : splits such samples by time.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import make_samples
    >>> X, y = make_samples(load_cdnow(), "13W", cutoffs=["1997-09-30", "1997-12-31"])
    >>> X.shape, round(y.sum())
    ((4714, 1), 52948)
    >>> make_samples(load_cdnow(), "2Y")
    Traceback (most recent call last):
        ...
    clvkit.errors.ShortLogError: the log covers 546 days (1997-01-01 to 1998-06-30), which ...
    """
    length = parse_duration(horizon)
    check_policy("target", target, TARGETS)
    check_floor(floor)
    opened = open_log(
        log,
        customer_id=customer_id,
        date=date,
        amount=amount,
        attributes=attributes,
        covariates=covariates,
        end=end,
        refunds=refunds,
        duplicates=duplicates,
        granularity=granularity,
    )
    moments = _choose_cutoffs(opened, length, cutoffs)
    rows, histories, y = take_snapshots(opened.known, moments, length, target=target, floor=floor)
    X = opened.samples(rows, histories)
    return Samples(X, pd.Series(y, index=X.index, name=target))


def _choose_cutoffs(opened: Log, horizon: Duration, cutoffs: Any) -> list[int]:
    period, resolution = opened.known.dtype.period, opened.known.dtype.resolution
    is_count = isinstance(cutoffs, (int, np.integer)) and not isinstance(cutoffs, bool)
    if cutoffs is None or is_count:
        if cutoffs is not None and cutoffs < 1:
            raise CutoffError(f"cutoffs={cutoffs} must be at least 1, or a list of dates.")
        chosen = past_cutoffs(
            opened.start,
            opened.end,
            horizon,
            step=horizon.part(4),
            n=None if cutoffs is None else int(cutoffs),
            resolution=resolution,
        )
        if not chosen:
            raise ShortLogError(_too_short(opened, horizon))
        return chosen
    moments = np.unique(np.atleast_1d(parse_cutoffs(cutoffs, period)))
    if not len(moments):
        raise CutoffError("cutoffs is empty. Give dates, or None for all that the log allows.")
    late = moments[horizon.after(moments, resolution) > opened.end]
    if len(late):
        stop = format_cutoff(int(horizon.after(late[-1], resolution)), resolution)
        raise ShortLogError(
            f"the horizon {horizon} of {len(late)} of {len(moments)} cutoffs ends after the end of "
            f"observation, {format_cutoff(opened.end, resolution)}: that of "
            f"{format_cutoff(late[-1], resolution)} on {stop}. Give earlier cutoffs, a shorter "
            "horizon, or the true end= of a log whose last days had no sales."
        )
    early = moments[moments < opened.start]
    if len(early):
        raise CutoffError(
            f"{len(early)} of {len(moments)} cutoffs are before the first event, "
            f"{format_moment(opened.start, resolution)}, such as "
            f"{format_cutoff(early[0], resolution)}: nobody is known there. Leave them out."
        )
    return moments.tolist()


def _too_short(opened: Log, horizon: Duration) -> str:
    resolution = opened.known.dtype.resolution
    start, end = format_moment(opened.start, resolution), format_cutoff(opened.end, resolution)
    first, last = (as_datetime(m, resolution).astype("M8[D]") for m in (opened.start, opened.end))
    days = (last - first).astype(int) + 1
    least = least_history(horizon)
    return (
        f"the log covers {days} days ({start} to {end}), which is too short for samples with a "
        f"horizon of {horizon}: it takes the horizon and {least.count} days of history before it. "
        "Give a shorter horizon or a longer log; AutoCLV(horizon).fit(log) works with a short log "
        "too, with a warning."
    )
