"""The checks at the door: each says what is wrong, how often, where, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import (
    AmountError,
    DataWarning,
    DuplicateRowsError,
    EmptyLogError,
    LogError,
    RefundError,
    UnknownNameError,
)
from clvkit.history._dates import read_dates
from clvkit.history._moments import format_moment
from clvkit.utils._duration import ticks_per_day
from clvkit.utils._warnings import warn_user

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "apply_duplicates",
    "apply_refunds",
    "check_policy",
    "clean_columns",
    "match_customers",
    "may_be_far_before",
    "read_customers",
    "warn_after_end",
    "warn_far_before",
    "warn_missing_customers",
    "with_one_zero",
]

#: Beyond it not every whole number is a float, and so a float is no safe identifier.
_WHOLE_LIMIT = 2**53


def check_policy(name: str, value: object, options: tuple[str, ...]) -> None:
    """Raise unless ``value`` is one of the options of the parameter ``name``."""
    if value not in options:
        raise UnknownNameError(
            f"{name}={value!r} is not known. Choose one of {', '.join(map(repr, options))}."
        )


def clean_columns(
    frame: pl.DataFrame,
    id_: str,
    date: str,
    amount: str | None,
    *,
    name: str = "the log",
    may_be_empty: bool = False,
) -> pl.DataFrame:
    """Check customer, date and amount; return the frame with dates and amounts of one type.

    Rows without a customer are dropped with a warning; everything else that cannot be used
    raises. A log beside the transactions may be empty, and may have no amounts.
    """
    if not len(frame) and not may_be_empty:
        raise EmptyLogError(f"{name} has no rows. Give at least one transaction.")
    frame = _drop_missing_customers(frame, id_, name)
    customers = frame[id_]
    if not len(frame):
        return _empty_columns(frame, date, amount)
    frame = frame.with_columns(read_dates(frame[date], customers))
    return frame if amount is None else frame.with_columns(_read_amounts(frame[amount], customers))


def _empty_columns(frame: pl.DataFrame, date: str, amount: str | None) -> pl.DataFrame:
    """Give columns without rows, of which no type can be expected, those of dates and amounts."""
    import polars as pl

    types: dict[str, Any] = {date: pl.Datetime("us")}
    if amount is not None:
        types[amount] = pl.Float64
    return frame.with_columns(pl.Series(column, [], dtype=dtype) for column, dtype in types.items())


def apply_duplicates(frame: pl.DataFrame, policy: str) -> pl.DataFrame:
    """Treat rows that repeat an earlier row in every column."""
    if policy == "keep":
        return frame
    unique = frame.unique(maintain_order=True)
    repeated = len(frame) - len(unique)
    if repeated and policy == "raise":
        example = frame.filter(frame.is_duplicated()).row(0, named=True)
        raise DuplicateRowsError(
            f"{repeated} of {len(frame)} rows of the log repeat an earlier row in every column, "
            f"such as {_show(example)}. Pass duplicates='drop' to use each once, or 'keep' if a "
            "log may hold the same line twice (two equal items in one order)."
        )
    return unique


def apply_refunds(frame: pl.DataFrame, policy: str, amount: str) -> pl.DataFrame:
    """Treat negative amounts."""
    import polars as pl

    if policy == "net":
        return frame
    negative = int((frame[amount] < 0).sum())
    if not negative:
        return frame
    if policy == "raise":
        example = frame.filter(pl.col(amount) < 0).row(0, named=True)
        raise RefundError(
            f"column '{amount}' is negative in {negative} of {len(frame)} rows, such as "
            f"{_show(example)}. Pass refunds='net' to net them into their period, or 'drop' to "
            "leave them out."
        )
    if negative == len(frame):
        raise EmptyLogError(
            f"column '{amount}' is negative in all {negative} rows, and refunds='drop' leaves "
            "none of them. Check the sign of the amounts, or pass refunds='net'."
        )
    return frame.filter(pl.col(amount) >= 0)


def read_customers(column: pl.Series) -> pl.Series:
    """Return identifiers of customers as whole numbers or text, null where they are missing.

    Categories become text. Whole floats become integers, for pandas makes floats of integers
    as soon as one is missing, and customer 17.0 is customer 17. Empty text is missing.

    Raises
    ------
    LogError
        When the column holds what cannot name a customer, such as lists.
    """
    import polars as pl

    if column.dtype.is_float():
        column = column.fill_nan(None)
        known = column.drop_nulls()
        if ((known == known.round()) & (known.abs() < _WHOLE_LIMIT)).all():
            return column.cast(pl.Int64)
        return column
    if isinstance(column.dtype, (pl.Categorical, pl.Enum)):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        empty = column.str.strip_chars() == ""
        return column.set(empty.fill_null(False), None) if empty.any() else column
    if column.dtype.is_nested() or column.dtype in (pl.Object, pl.Binary, pl.Int128, pl.UInt128):
        # Binary is what Arrow makes of UUIDs: nobody would find his customers again. 128 bits are
        # what Polars makes of two kinds of 64, and pandas has no such numbers.
        raise LogError(
            f"column '{column.name}' holds {column.dtype}, such as {column.head(1).to_list()}, "
            "which cannot name a customer. Make it numbers or text."
        )
    return column


def match_customers(
    ids: pl.Series,
    customers: pl.Series,
    *,
    of: str,
    than: str,
    table: str,
    read_as_text: bool,
) -> pl.Series:
    """Return identifiers in the type of the log's customers, where that changes none.

    Parameters
    ----------
    ids, customers : polars.Series
        Cleaned by :func:`read_customers`.
    of, than : str
        Whose the identifiers and the customers are, for the message.
    table : str
        What the table is called in the remedy.
    read_as_text : bool
        Take whole numbers for text where the customers are text: a file without types may hold
        numbers only by chance.

    Raises
    ------
    LogError
        If 1 would have to be "1": joined as they are, they would match nothing.
    """
    import polars as pl

    if not len(ids):
        return pl.Series(ids.name, [], dtype=customers.dtype)
    like_text = read_as_text and customers.dtype == pl.String
    whole = ids.dtype.is_integer() and (customers.dtype.is_integer() or like_text)
    if ids.dtype != customers.dtype and not whole:
        wanted = "str" if customers.dtype == pl.String else "int"
        raise LogError(
            f"the customers of {of} are {ids.dtype}, such as {ids[0]!r}, those of "
            f"the {than} {customers.dtype}, such as {customers[0]!r}. Give both one type, for "
            f"example {table}.astype({{{ids.name!r}: {wanted}}})."
        )
    return ids.cast(customers.dtype)


def _drop_missing_customers(frame: pl.DataFrame, id_: str, name: str) -> pl.DataFrame:
    customers = read_customers(frame[id_])
    frame = frame.with_columns(customers)
    missing = customers.is_null()
    if not missing.any():
        return frame
    if missing.all():
        raise EmptyLogError(
            f"no row of {name} names a customer: column '{id_}' is missing in all {len(frame)} "
            "rows. Check customer_id=."
        )
    label = "" if name == "the log" else f"{name}: "
    n_missing, first = int(missing.sum()), int(missing.arg_true()[0])
    warn_missing_customers(n_missing, len(frame), first, id_, label=label)
    return frame.filter(~missing)


def warn_missing_customers(
    n_rows: int, n_all: int, first: int, id_: str, *, label: str = ""
) -> None:
    """Say that rows without a customer were left out."""
    warn_user(
        f"{label}{n_rows} of {n_all} rows have no customer in column '{id_}' (the first one is "
        f"row {first}) and were left out. Drop them beforehand to silence this: "
        f"log.dropna(subset=['{id_}']).",
        DataWarning,
    )


def _read_amounts(column: pl.Series, customers: pl.Series) -> pl.Series:
    import polars as pl

    if not column.dtype.is_numeric():
        example = column.drop_nulls().head(1).to_list()
        raise AmountError(
            f"column '{column.name}' holds {column.dtype}, such as {example}, not numbers. "
            f"Convert it first, for example pd.to_numeric(log['{column.name}'])."
        )
    values = column.cast(pl.Float64)
    bad = ~values.is_finite().fill_null(False)
    if bad.any():
        row = bad.arg_true()[0]
        raise AmountError(
            f"column '{column.name}' is missing or not finite in {bad.sum()} of {len(values)} "
            f"rows, such as {values[row]} of customer {customers[row]!r}. Correct or drop these "
            "rows."
        )
    if values.abs().sum() == float("inf"):
        row = int(np.argmax(np.abs(values.to_numpy().astype(np.float64))))
        raise AmountError(
            f"column '{column.name}' holds amounts too large to add up, such as {values[row]} of "
            f"customer {customers[row]!r}. Correct or drop these rows."
        )
    return with_one_zero(values)


def with_one_zero(values: pl.Series) -> pl.Series:
    """Return numbers without -0.0, which sorts like 0.0 and yet has other bits."""
    zero = (values == 0.0).fill_null(False)
    return values.set(zero, 0.0) if zero.any() else values


def warn_after_end(
    n_rows: int, n_all: int, example: Any, end: str, *, label: str = "", given: bool = True
) -> None:
    """Say that events after the end of observation, given or assumed, were left out."""
    what = f"end={end!r}" if given else f"{end}, where by default the observation ends"
    remedy = "Correct the dates, or give a later end."
    if not given:
        remedy = "Give end= if transactions would have been seen until later."
    warn_user(
        f"{label}{n_rows} of {n_all} rows are dated after {what}, such as {example}, and were "
        f"left out. {remedy}",
        DataWarning,
    )


def warn_far_before(
    time: NDArray[np.int64],
    customers: pl.Series,
    date: str,
    resolution: str,
    *,
    label: str = "",
    counts: NDArray[np.int64] | None = None,
    log: str = "log",
) -> None:
    """Say that the first events lie absurdly far before the rest: placeholders for no date.

    They lie before 1900, or more than thirty years before all but a thousandth of the events. No
    log of a shop begins with so few events for so long. With ``counts`` each time stands for so
    many events.
    """
    if not may_be_far_before(int(time.min()), int(time.max()), resolution):
        return
    gap, oldest = _absurd(resolution)
    n = len(time) if counts is None else int(counts.sum())
    rank = min(max(1, n // 1000), n - 1)
    usual = _nth(time, counts, rank)
    far = (time < oldest) | (time < usual - gap)
    if not far.any():
        return
    row = int(np.flatnonzero(far)[0])
    n_far = int(far.sum() if counts is None else counts[far].sum())
    warn_user(
        f"{label}{n_far} of {n} rows are dated absurdly far before the others in "
        f"column '{date}', such as {format_moment(time[row], resolution)} of customer "
        f"{customers[row]!r}, which may stand for no date. Histories and ages would begin there. "
        f"Correct or drop these rows, for example {log}[{log}['{date}'] >= '1970-01-01'].",
        DataWarning,
    )


def may_be_far_before(earliest: int, latest: int, resolution: str) -> bool:
    """Tell whether a span of time is so long that its first events are worth a look."""
    gap, oldest = _absurd(resolution)
    return earliest < oldest or latest - earliest > gap


def _absurd(resolution: str) -> tuple[int, int]:
    """Return thirty years, and the moment of 1900-01-01."""
    per_day = ticks_per_day(resolution)
    return 30 * 365 * per_day, -25_567 * per_day


def _nth(time: NDArray[np.int64], counts: NDArray[np.int64] | None, rank: int) -> int:
    """Return the time of that rank among the events, the earliest being 0."""
    if counts is None:
        return int(np.partition(time, rank)[rank])
    order = np.argsort(time)
    return int(time[order][np.searchsorted(np.cumsum(counts[order]), rank, side="right")])


def _show(row: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in row.items()) + "}"
