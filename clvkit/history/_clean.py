"""The checks at the door: each says what is wrong, how often, where, and what helps."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvkit.errors import (
    AmountError,
    DataWarning,
    DateError,
    DuplicateRowsError,
    EmptyLogError,
    RefundError,
    UnknownNameError,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = ["apply_duplicates", "apply_refunds", "check_policy", "clean_columns", "read_dates"]


def check_policy(name: str, value: object, options: tuple[str, ...]) -> None:
    """Raise unless ``value`` is one of the options of the parameter ``name``."""
    if value not in options:
        raise UnknownNameError(
            f"{name}={value!r} is not known. Choose one of {', '.join(map(repr, options))}."
        )


def clean_columns(frame: pl.DataFrame, id_: str, date: str, amount: str) -> pl.DataFrame:
    """Check customer, date and amount; return the frame with dates and amounts of one type.

    Rows without a customer are dropped with a warning; everything else that cannot be used
    raises.
    """
    if not len(frame):
        raise EmptyLogError("the log has no rows. Give at least one transaction.")
    frame = _drop_missing_customers(frame, id_)
    frame = frame.with_columns(read_dates(frame[date]))
    return frame.with_columns(_read_amounts(frame, id_, amount))


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
            f"such as {example}. Pass duplicates='drop' to use each once, or 'keep' if a log "
            "may hold the same line twice (two equal items in one order)."
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
            f"{example}. Pass refunds='net' to net them into their period, or 'drop' to leave "
            "them out."
        )
    return frame.filter(pl.col(amount) >= 0)


def read_dates(column: pl.Series) -> pl.Series:
    """Return a column of dates as Polars datetimes without a time zone (wall-clock time).

    Raises
    ------
    DateError
        If dates are missing, cannot be read, or are not dates.
    """
    import polars as pl

    name = column.name
    if column.dtype == pl.Date:
        read = column.cast(pl.Datetime("us"))
    elif isinstance(column.dtype, pl.Datetime):
        read = column.dt.replace_time_zone(None) if column.dtype.time_zone else column
    elif column.dtype == pl.String:
        read = _parse_text(column)
    elif column.dtype == pl.Null:
        read = column.cast(pl.Datetime("us"))
    else:
        raise DateError(
            f"column '{name}' holds {column.dtype}, such as {column.drop_nulls().head(1).to_list()}"
            f", not dates. Convert it first, for example pd.to_datetime(log['{name}'], "
            "format='%Y%m%d') or, for seconds since 1970, pd.to_datetime(..., unit='s')."
        )
    missing = read.null_count()
    if missing:
        row = read.is_null().arg_true()[0]
        raise DateError(
            f"column '{name}' has no date in {missing} of {len(read)} rows, the first one in "
            f"row {row}. Fill them in, or drop these rows: log.dropna(subset=['{name}'])."
        )
    return read.alias(name)


def _parse_text(column: pl.Series) -> pl.Series:
    """Read ISO 8601 text. Anything else is ambiguous (3/4/2011) and refused."""
    import polars as pl

    name = column.name
    unique = column.drop_nulls().unique()
    texts = unique.to_pandas()
    try:
        parsed = pd.to_datetime(texts, format="ISO8601", errors="coerce")
    except ValueError as error:
        raise DateError(
            f"column '{name}' mixes time zones, such as {texts.iloc[0]!r}. Convert it to the "
            f"local time of the shop, or to one zone: pd.to_datetime(log['{name}'], utc=True)."
        ) from error
    if parsed.isna().any():
        bad = unique.filter(pl.from_pandas(parsed.isna()))
        rows = column.is_in(bad.implode()).sum()
        raise DateError(
            f"column '{name}' cannot be read as dates in {rows} of {len(column)} rows, such as "
            f"{bad[0]!r}. Write dates as '2011-12-31', or parse them first, for example "
            f"pd.to_datetime(log['{name}'], format='%d/%m/%Y')."
        )
    if parsed.dt.tz is not None:
        parsed = parsed.dt.tz_localize(None)
    dates = pl.from_pandas(parsed).cast(pl.Datetime("us"))
    return column.replace_strict(unique, dates, return_dtype=pl.Datetime("us"))


def _drop_missing_customers(frame: pl.DataFrame, id_: str) -> pl.DataFrame:
    import polars as pl

    column = frame[id_]
    if column.dtype.is_float():
        column = column.fill_nan(None)
    elif column.dtype == pl.String:
        column = pl.select(pl.when(column != "").then(column)).to_series().alias(id_)
    elif isinstance(column.dtype, (pl.Categorical, pl.Enum)):
        column = column.cast(pl.String)
    missing = column.null_count()
    if not missing:
        return frame.with_columns(column)
    if missing == len(frame):
        raise EmptyLogError(
            f"no row of the log names a customer: column '{id_}' is missing in all {missing} "
            "rows. Check customer_id=."
        )
    row = column.is_null().arg_true()[0]
    warnings.warn(
        f"{missing} of {len(frame)} rows have no customer in column '{id_}' (the first one is "
        f"row {row}) and were left out. Drop them beforehand to silence this: "
        f"log.dropna(subset=['{id_}']).",
        DataWarning,
        stacklevel=2,
    )
    return frame.with_columns(column).filter(pl.col(id_).is_not_null())


def _read_amounts(frame: pl.DataFrame, id_: str, amount: str) -> pl.Series:
    import polars as pl

    column = frame[amount]
    if not column.dtype.is_numeric():
        example = column.drop_nulls().head(1).to_list()
        raise AmountError(
            f"column '{amount}' holds {column.dtype}, such as {example}, not numbers. Convert it "
            f"first, for example pd.to_numeric(log['{amount}'])."
        )
    values = column.cast(pl.Float64)
    bad = ~values.is_finite().fill_null(False)
    if bad.any():
        row = bad.arg_true()[0]
        raise AmountError(
            f"column '{amount}' is missing or not finite in {bad.sum()} of {len(frame)} rows, "
            f"such as {values[row]} of customer {frame[id_][row]!r}. Correct or drop these rows."
        )
    return values


def warn_after_end(n_rows: int, n_all: int, example: Any, end: str) -> None:
    """Say that events after the end of observation were left out."""
    warnings.warn(
        f"{n_rows} of {n_all} rows are dated after end={end!r}, such as {example}, and were left "
        "out. Correct the dates, or give a later end.",
        DataWarning,
        stacklevel=2,
    )
