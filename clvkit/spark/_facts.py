"""What all partitions of a log must agree upon, found in one pass over it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from clvkit.errors import (
    AmountError,
    DataWarning,
    DateError,
    DuplicateRowsError,
    EmptyLogError,
    RefundError,
)
from clvkit.history._clean import warn_after_end, warn_far_before
from clvkit.history._granularity import Granularity
from clvkit.history._history import as_datetime, format_cutoff
from clvkit.history._log_columns import LogColumns
from clvkit.history._moments import as_moments, format_moment
from clvkit.spark._frames import column, modules, wall_clock
from clvkit.utils._warnings import warn_user

__all__ = [
    "Facts",
    "Limits",
    "before",
    "check_duplicates",
    "find_facts",
    "is_missing",
    "names_no_integer",
]

#: As in :func:`clvkit.history._clean.read_customers`.
_WHOLE_LIMIT = 2.0**53
_BLANKS = "".join(map(chr, (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B))))
_BLANKS += "\u2028\u2029\u202f\u205f\u3000"


class Limits(NamedTuple):
    """The end of observation and the cutoff as moments, where they were given.

    Attributes
    ----------
    stop, limit : int or None
    period : Granularity
    given : bool, default=True
        Whether ``stop`` was given, and not taken from the transactions.
    """

    stop: int | None
    limit: int | None
    period: Granularity
    given: bool = True

    @property
    def known(self) -> int | None:
        """The last moment that counts, where it was given."""
        return self.stop if self.limit is None else self.limit


class Facts(NamedTuple):
    """What is true of a whole log.

    Attributes
    ----------
    n_events : int
        Rows that count.
    latest : int or None
        The last of their moments; None without rows.
    whole : bool
        Whether customers of a floating type are whole numbers, all of them.
    """

    n_events: int
    latest: int | None
    whole: bool


def is_missing(frame: Any, name: str) -> Any:
    """Return a condition: the row names no customer."""
    F, T = modules()
    own, kind = column(name), frame.schema[name].dataType
    if isinstance(kind, (T.FloatType, T.DoubleType)):
        return own.isNull() | F.isnan(own)
    if isinstance(kind, T.StringType):
        return own.isNull() | (F.btrim(own, F.lit(_BLANKS)) == "")
    return own.isNull()


def names_no_integer(frame: Any, name: str) -> Any:
    """Return a condition: the customer of the row is a float that must stay one."""
    F, T = modules()
    if not isinstance(frame.schema[name].dataType, (T.FloatType, T.DoubleType)):
        return ~is_missing(frame, name)
    own = column(name)
    return ~is_missing(frame, name) & ((own != F.rint(own)) | (F.abs(own) >= _WHOLE_LIMIT))


def before(moment: int, resolution: str) -> Any:
    """Return the first instant after a moment, which is all that is not known, as a column."""
    F, _ = modules()
    return F.lit(str(as_datetime(moment + 1, resolution))).cast("timestamp_ntz")


def find_facts(
    frame: Any, columns: LogColumns, limits: Limits, refunds: str = "net", *, name: str = ""
) -> Facts:
    """Look at a whole log once: raise and warn as the door would, and return its facts.

    A partition knows its own rows only. It cannot tell what day the log ends, whether all
    identifiers are whole numbers, or how many rows of how many are wrong.

    Parameters
    ----------
    frame : Spark DataFrame
    columns : LogColumns
    limits : Limits
    refunds : {"net", "drop", "raise"}, default="net"
    name : str, default=""
        Name of a log beside the transactions, which may be empty.
    """
    label = f"log {name!r}" if name else "the log"
    row = frame.agg(*_questions(frame, columns, limits, refunds)).first()
    _check_customers(row, columns, label, optional=bool(name))
    _check_dates(row, columns, frame, limits, f"{label}: " if name else "")
    if columns.amount is not None:
        _check_amounts(row, columns, refunds)
    if not row.n_events and not name:
        resolution = limits.period.resolution
        first = int(as_moments(np.array(row.first, "M8[us]"), resolution))
        raise EmptyLogError(
            f"no event is left: the log starts on {format_moment(first, resolution)}, after "
            f"the {'end' if limits.limit is None else 'cutoff'} that was given. Give a later one."
        )
    latest = None
    if row.last is not None:
        latest = int(as_moments(np.array(row.last, "M8[us]"), limits.period.resolution))
    return Facts(row.n_events, latest, row.n_parts == 0)


def _questions(frame: Any, columns: LogColumns, limits: Limits, refunds: str) -> list[Any]:
    F, _ = modules()
    named, when = ~is_missing(frame, columns.customer_id), wall_clock(frame, columns.date)
    own = column(columns.customer_id)
    kept, asked = named, []
    if columns.amount is not None:
        value = column(columns.amount).cast("double")
        bad = named & (value.isNull() | F.isnan(value) | (F.abs(value) == float("inf")))
        negative = named & (value < 0)
        if refunds == "drop":
            kept = kept & ~F.coalesce(value < 0, F.lit(False))
        asked = [
            F.count_if(bad).alias("n_bad"),
            F.min(F.when(bad, own)).alias("bad_customer"),
            F.count_if(negative).alias("n_negative"),
            F.min(F.when(negative, own)).alias("negative_customer"),
            F.sum(F.when(named & ~bad, F.abs(value))).alias("total"),
            F.max(F.when(named & ~bad, F.abs(value))).alias("largest"),
        ]
    undated = named & when.isNull()
    known = kept
    if limits.known is not None:
        known = kept & (when < before(limits.known, limits.period.resolution))
    late = F.lit(False)
    if limits.stop is not None:
        late = kept & (when >= before(limits.stop, limits.period.resolution))
    return [
        F.count(F.lit(1)).alias("n"),
        F.count_if(named).alias("n_named"),
        F.count_if(kept).alias("n_kept"),
        F.count_if(undated).alias("n_undated"),
        F.min(F.when(undated, own)).alias("undated_customer"),
        F.count_if(known).alias("n_events"),
        F.count_if(late).alias("n_late"),
        F.min(F.when(late, when)).alias("late_date"),
        F.min(F.when(kept, when)).alias("first"),
        F.max(F.when(known, when)).alias("last"),
        F.count_if(names_no_integer(frame, columns.customer_id)).alias("n_parts"),
        *asked,
    ]


def _check_customers(row: Any, columns: LogColumns, name: str, *, optional: bool) -> None:
    if not row.n and not optional:
        raise EmptyLogError(f"{name} has no rows. Give at least one transaction.")
    missing = row.n - row.n_named
    if missing and missing == row.n:
        raise EmptyLogError(
            f"no row of {name} names a customer: column '{columns.customer_id}' is missing in all "
            f"{missing} rows. Check customer_id=."
        )
    if missing:
        label = "" if name == "the log" else f"{name}: "
        warn_user(
            f"{label}{missing} of {row.n} rows have no customer in column '{columns.customer_id}' "
            "and were left out. Drop them beforehand to silence this: "
            f"sdf.dropna(subset=['{columns.customer_id}']).",
            DataWarning,
        )


def _check_dates(row: Any, columns: LogColumns, frame: Any, limits: Limits, label: str) -> None:
    if row.n_undated:
        raise DateError(
            f"column '{columns.date}' has no date in {row.n_undated} of {row.n_named} rows, such "
            f"as one of customer {row.undated_customer!r}. Fill them in, or drop these rows: "
            f"sdf.dropna(subset=['{columns.date}'])."
        )
    if row.n_late:
        assert limits.stop is not None
        end = format_cutoff(limits.stop, limits.period.resolution)
        warn_after_end(row.n_late, row.n_kept, row.late_date, end, label=label, given=limits.given)
    if row.n_events and (row.first.year < 1900 or (row.last - row.first).days > 30 * 365):
        _warn_far_before(frame, columns, limits, label)


def _warn_far_before(frame: Any, columns: LogColumns, limits: Limits, label: str) -> None:
    """Count the events of each day, of which there are few, and look at these."""
    import polars as pl

    F, _ = modules()
    day = wall_clock(frame, columns.date).cast("date")
    known = ~is_missing(frame, columns.customer_id)
    if limits.known is not None:
        known = known & (day < before(limits.known, limits.period.resolution))
    own = F.min(column(columns.customer_id)).alias("customer")
    days = frame.filter(known).groupBy(day.alias("day")).agg(F.count(F.lit(1)).alias("n"), own)
    table: Any = pl.from_arrow(days.toArrow())
    time = table["day"].to_numpy().astype("M8[D]").astype(np.int64)
    counts = table["n"].to_numpy()
    warn_far_before(
        time, table["customer"], columns.date, "D", label=label, counts=counts, log="sdf"
    )


def _check_amounts(row: Any, columns: LogColumns, refunds: str) -> None:
    name = columns.amount
    if row.n_bad:
        raise AmountError(
            f"column '{name}' is missing or not finite in {row.n_bad} of {row.n_named} rows, such "
            f"as one of customer {row.bad_customer!r}. Correct or drop these rows."
        )
    if row.total == float("inf"):
        raise AmountError(
            f"column '{name}' holds amounts too large to add up, such as {row.largest}. Correct or "
            "drop these rows."
        )
    if refunds == "raise" and row.n_negative:
        raise RefundError(
            f"column '{name}' is negative in {row.n_negative} of {row.n_named} rows, such as one "
            f"of customer {row.negative_customer!r}. Pass refunds='net' to net them into their "
            "period, or 'drop' to leave them out."
        )
    if refunds == "drop" and row.n_negative and not row.n_kept:
        raise EmptyLogError(
            f"column '{name}' is negative in all {row.n_negative} rows, and refunds='drop' leaves "
            "none of them. Check the sign of the amounts, or pass refunds='net'."
        )


def check_duplicates(frame: Any) -> None:
    """Raise if rows repeat others in every column; this counts the distinct rows.

    Raises
    ------
    DuplicateRowsError
    """
    n = frame.count()
    repeated = n - frame.distinct().count()
    if repeated:
        raise DuplicateRowsError(
            f"{repeated} of {n} rows of the log repeat an earlier row in every column. Pass "
            "duplicates='drop' to use each once, or 'keep' if a log may hold the same line twice "
            "(two equal items in one order)."
        )
