"""Reading the dates of a table, and saying what is wrong with those that cannot be read."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvkit.errors import DateError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["check_time_zones", "keep_times_of_day", "names_a_day", "read_dates"]

#: A year, a month and a day: pandas reads "2011" as a first of January, and "now" as well.
_DAY = r"^\s*(?:\d{8}|\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2})(?:\D|$)"


def names_a_day(text: str) -> bool:
    """Whether ISO text holds a year, a month and a day."""
    return re.match(_DAY, text) is not None


def check_time_zones(table: Any, columns: list[str]) -> None:
    """Refuse pandas columns of datetime objects in several time zones.

    Arrow would shift them all into the zone of the first one without a word.

    Raises
    ------
    DateError
    """
    for name in columns:
        column = table[name]
        kind = pd.api.types.infer_dtype(column, skipna=True) if column.dtype == object else None
        if kind not in ("date", "datetime"):
            continue
        times = (value for value in column.dropna() if isinstance(value, datetime.datetime))
        zones = {str(value.tzinfo) for value in times}
        if len(zones) > 1:
            raise DateError(_mixed_zones(name, ", ".join(sorted(zones)[:3])))


def keep_times_of_day(table: Any, columns: list[str]) -> Any:
    """Return a pandas table in which objects that mix dates and datetimes are all datetimes.

    Arrow would make dates of all of them, and every hour would be lost.
    """
    mixed = {}
    for name in columns:
        column = table[name]
        if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) == "date":
            types = set(column.dropna().map(type))
            if any(issubclass(kind, datetime.datetime) for kind in types):
                mixed[name] = pd.to_datetime(column)
    return table.assign(**mixed) if mixed else table


def read_dates(column: pl.Series, customers: pl.Series) -> pl.Series:
    """Return a column of dates as Polars datetimes without a time zone (wall-clock time).

    Parameters
    ----------
    column : polars.Series
    customers : polars.Series
        The customer of each row, for messages.

    Raises
    ------
    DateError
        If dates are missing, cannot be read, or are not dates.
    """
    import polars as pl

    name = column.name
    if isinstance(column.dtype, pl.Datetime):
        read = column.dt.replace_time_zone(None) if column.dtype.time_zone else column
    elif column.dtype in (pl.Date, pl.Null):
        read = column.cast(pl.Datetime("us"))
    elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
        read = _parse_text(column.cast(pl.String))
    else:
        raise DateError(
            f"column '{name}' holds {column.dtype}, such as {column.drop_nulls().head(1).to_list()}"
            f", not dates. Convert it first, for example pd.to_datetime(log['{name}'], "
            "format='%Y%m%d') or, for seconds since 1970, pd.to_datetime(..., unit='s')."
        )
    missing = read.is_null()
    if missing.any():
        raise DateError(
            f"column '{name}' has no date in {missing.sum()} of {len(read)} rows, such as one of "
            f"customer {customers[missing.arg_true()[0]]!r}. Fill them in, or drop these rows: "
            f"log.dropna(subset=['{name}'])."
        )
    return read.alias(name)


def _parse_text(column: pl.Series) -> pl.Series:
    """Read ISO 8601 text. Anything else is ambiguous (3/4/2011) and refused."""
    import polars as pl

    name = column.name
    unique = column.drop_nulls().unique().sort()
    texts = unique.to_pandas()
    try:
        parsed = pd.to_datetime(texts, format="ISO8601", errors="coerce")
    except ValueError as error:
        raise DateError(_mixed_zones(name, f"{texts.iloc[0]}, {texts.iloc[-1]}")) from error
    unread = pl.Series(parsed.isna().to_numpy()) | ~unique.str.contains(_DAY)
    if unread.any():
        bad = unique.filter(unread)
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


def _mixed_zones(name: str, examples: str) -> str:
    # UTC alone would move an evening's purchases to another day: the wall clock comes first.
    return (
        f"column '{name}' mixes time zones, such as {examples}. Convert it to the wall-clock time "
        f"of the shop, for example pd.to_datetime(log['{name}'], utc=True)"
        ".dt.tz_convert('Europe/Berlin').dt.tz_localize(None)."
    )
