"""Reading the columns of a log, whatever kind of table it is, into one Polars frame."""

from __future__ import annotations

import difflib
import glob
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from clvkit.errors import LogError, LogTypeError, MissingColumnError
from clvkit.history._dates import check_time_zones, keep_times_of_day
from clvkit.history._unread import check_nesting, explain_unread

if TYPE_CHECKING:
    import polars as pl

__all__ = ["check_columns", "column_names", "file_kind", "find_files", "read_codes", "read_table"]

_KINDS = (
    "a pandas, Polars or PyArrow table, a DuckDB relation, or the path of a CSV or Parquet file "
    "or of a folder of them"
)


def read_table(
    table: Any, roles: dict[str, str], *, whole: bool = False, name: str = "the log"
) -> Any:
    """Return the named columns of a table as a Polars DataFrame.

    Parameters
    ----------
    table : table or path
        Anything narwhals understands, or the path of a CSV or Parquet file or a folder.
    roles : dict of str to str
        Parameter name -> column name, for the message when one is missing.
    whole : bool, default=False
        Return all columns instead.
    name : str, default="the log"
        What the table is, for messages.

    Raises
    ------
    LogTypeError
        If it is no table.
    MissingColumnError
        If columns are missing.
    LogError, DateError, AmountError
        If a column cannot be read, such as one of several types: by the role of the column.
    """
    for role, column in roles.items():
        if not isinstance(column, str):
            raise MissingColumnError(
                f"{role}={column!r} is no name of a column, which must be text. Rename the "
                "columns, for example log.columns = ['customer_id', 'date', 'amount']."
            )
    if isinstance(table, (str, os.PathLike)):
        return _read_path(Path(table), roles, whole, name)
    frame = _wrap(table, name)
    schema = frame.collect_schema()
    check_columns(schema.names(), roles, table, name)
    columns = schema.names() if whole else list(dict.fromkeys(roles.values()))
    if nw.dependencies.is_pandas_dataframe(table):
        check_nesting(table, columns, name)
        check_time_zones(table, columns)
        frame = nw.from_native(keep_times_of_day(table, columns))
    frame = frame.select(columns)
    if nw.dependencies.is_pandas_dataframe(table):
        # On the way to Polars pandas would warn that it drops the zone.
        zoned = [c for c in columns if getattr(schema[c], "time_zone", None) is not None]
        frame = frame.with_columns(nw.col(c).dt.replace_time_zone(None) for c in zoned)
    try:
        if isinstance(frame, nw.LazyFrame):
            return _in_utc(table, frame.collect(backend="polars").to_native())
        return frame.to_polars()
    except MemoryError:
        raise
    except Exception as error:  # whatever the engine behind the table raises
        raise explain_unread(table, columns, roles, error, name) from error


def _in_utc(table: Any, frame: pl.DataFrame) -> pl.DataFrame:
    """Return moments of DuckDB in UTC.

    Its TIMESTAMPTZ remembers no zone: DuckDB shows it in that of the session, and one log would
    give other days on another machine.
    """
    import polars as pl

    if not nw.dependencies.is_duckdb_relation(table):
        return frame
    zoned = [
        name
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    ]
    return frame.with_columns(pl.col(zoned).dt.convert_time_zone("UTC")) if zoned else frame


def column_names(table: Any, *, name: str = "the table") -> list[str]:
    """Return the names of the columns of a table, without reading its rows where that is possible.

    Parameters
    ----------
    table : table or path
        What :func:`read_table` takes. The files of a folder may have different columns: those
        of any of them are named, in the order in which they are first seen.
    name : str, default="the table"
        What the table is, for messages.

    Raises
    ------
    LogTypeError
        If it is no table.
    LogError
        If a file cannot be read, or if columns have the same name.
    """
    import polars as pl

    if not isinstance(table, (str, os.PathLike)):
        return [str(column) for column in _wrap(table, name).collect_schema().names()]
    place = Path(table)
    try:
        parts = [_lazily(file).collect_schema().names() for file in find_files(place, name)]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LogError(f"'{place}' could not be read: {error}") from error
    return list(dict.fromkeys(column for part in parts for column in part))


def _wrap(table: Any, name: str) -> Any:
    columns: Any = ()
    if nw.dependencies.is_pandas_dataframe(table):
        columns = table.columns
    elif nw.dependencies.is_pyarrow_table(table):
        columns = table.column_names
    twice = [str(column) for column, n in Counter(columns).items() if n > 1]
    if twice:
        raise LogError(f"{name} has several columns of the same name: {twice}. Rename them.")
    try:
        return nw.from_native(table)
    except TypeError:
        raise LogTypeError(f"{name} must be {_KINDS}; got {type(table).__name__}.") from None


def _read_path(place: Path, roles: dict[str, str], whole: bool, name: str) -> Any:
    import polars as pl

    try:
        parts = [_scan(file, roles, whole) for file in find_files(place, name)]
        return pl.concat(parts, how="diagonal_relaxed").collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LogError(f"'{place}' could not be read: {error}") from error


def find_files(place: Path, name: str) -> list[Path]:
    """Return the file, those of the folder or those that a pattern names, of one kind."""
    files = [place]
    if place.is_dir():
        files = sorted(f for f in place.rglob("*") if f.is_file() and file_kind(f))
    elif not place.exists():
        files = sorted(filter(Path.is_file, map(Path, glob.glob(str(place), recursive=True))))
        if not files:
            raise LogError(f"{name}: there is no file or folder '{place}'. Check the path.")
    kinds = {file_kind(file) for file in files}
    if len(kinds) != 1 or None in kinds:
        raise LogTypeError(
            f"'{place}' must be a CSV or Parquet file, or a folder that holds files of one of "
            f"these kinds; found {sorted(str(kind) for kind in kinds) or 'none'}."
        )
    return files


def _scan(file: Path, roles: dict[str, str], whole: bool) -> pl.LazyFrame:
    """Return the columns of one file; what the files of a folder have beside them may differ."""
    import polars as pl

    frame = _lazily(file)
    if file_kind(file) == "csv":
        # The whole file decides on the types: the first rows of a log say little.
        frame = pl.read_csv(file, infer_schema_length=None).lazy()
    schema = frame.collect_schema()
    check_columns(schema.names(), roles, frame, f"'{file}'")
    columns = schema.names() if whole else list(dict.fromkeys(roles.values()))
    if file_kind(file) == "csv":
        amounts = {roles.get("date"), roles.get("amount")}
        numbers = [c for c in columns if schema[c].is_numeric() and c not in amounts]
        frame = frame.with_columns(read_codes(file, numbers))
    return frame.select(columns)


def read_codes(source: Path | bytes, columns: list[str]) -> list[pl.Series]:
    """Return as text those columns of numbers that hold codes: 007 is not 7, nor 01067 a number.

    What has a leading zero anywhere is a name, be it of a customer, a shop or a postal area; and so
    is what has more digits than a number of 64 bits, such as that of a card.
    """
    import polars as pl

    if not columns:
        return []
    text = pl.read_csv(source, columns=columns, schema_overrides=dict.fromkeys(columns, pl.String))
    zero = r"^\s*[+-]?0\d"
    return [column for column in text if column.str.contains(zero).any() or _is_too_long(column)]


def _is_too_long(text: pl.Series) -> bool:
    """Whether there are whole numbers that 64 bits do not hold."""
    import polars as pl

    long = text.filter(text.str.contains(r"^\s*[+-]?\d{19,}\s*$")).str.strip_chars()
    return long.cast(pl.Int64, strict=False).null_count() > 0


def _lazily(file: Path) -> pl.LazyFrame:
    """Return one file, of which only the names of the columns are looked at here."""
    import polars as pl

    if file_kind(file) == "parquet":
        return pl.scan_parquet(file)
    if not file.stat().st_size:
        raise LogError(f"'{file}' is empty. Give a file with a header and rows.")
    return pl.scan_csv(file, infer_schema_length=0)


def file_kind(file: Path) -> str | None:
    name = file.name.lower()
    if name.endswith((".parquet", ".pq")):
        return "parquet"
    return "csv" if name.endswith((".csv", ".csv.gz")) else None


def check_columns(columns: list[str], roles: dict[str, str], table: Any, name: str) -> None:
    """Raise if columns are missing, and name the one that may have been meant.

    Raises
    ------
    MissingColumnError
    """
    missing = {role: column for role, column in roles.items() if column not in columns}
    if not missing:
        return
    wanted = ", ".join(f"'{column}' ({role})" for role, column in missing.items())
    role, column = next(iter(missing.items()))
    if column in getattr(getattr(table, "index", None), "names", ()):
        raise MissingColumnError(
            f"{name} has '{column}' in its index, not in a column. Pass log.reset_index()."
        )
    lower = {str(c).lower(): str(c) for c in columns}
    close = difflib.get_close_matches(column.lower(), lower, n=1, cutoff=0.75)
    guess = lower[close[0]] if close else "..."
    option = f"{role}={guess!r}" if role in ("customer_id", "date", "amount") else f"{guess!r}"
    raise MissingColumnError(
        f"{name} has no column {wanted}. Its columns: {', '.join(map(str, columns))}. "
        f"Say which column it is, for example {option}."
    )
