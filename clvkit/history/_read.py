"""Reading the columns of a log, whatever kind of table it is, into one Polars frame."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from pathlib import Path
from typing import Any

import narwhals as nw

from clvkit.errors import LogError, LogTypeError, MissingColumnError
from clvkit.history._dates import check_time_zones

__all__ = ["read_table"]

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
    """
    frame = _scan(table, name) if isinstance(table, (str, os.PathLike)) else _wrap(table, name)
    schema = frame.collect_schema()
    _check_columns(schema.names(), roles, table, name)
    columns = schema.names() if whole else list(dict.fromkeys(roles.values()))
    frame = frame.select(columns)
    if nw.dependencies.is_pandas_dataframe(table):
        check_time_zones(table, columns)
        # On the way to Polars pandas would warn that it drops the zone.
        zoned = [c for c in columns if getattr(schema[c], "time_zone", None) is not None]
        frame = frame.with_columns(nw.col(c).dt.replace_time_zone(None) for c in zoned)
    try:
        if isinstance(frame, nw.LazyFrame):
            return frame.collect(backend="polars").to_native()
        return frame.to_polars()
    except MemoryError:
        raise
    except Exception as error:  # whatever the engine behind the table raises
        raise LogError(
            f"{name} could not be read: {error}. A column may hold values of several types: "
            "make each column one type, for example log['customer_id'].astype(str)."
        ) from error


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


def _scan(path: str | os.PathLike[str], name: str) -> Any:
    import polars as pl

    place = Path(path)
    if not place.exists():
        raise LogError(f"{name}: there is no file or folder '{place}'. Check the path.")
    files = [place]
    if place.is_dir():
        files = sorted(f for f in place.rglob("*") if f.is_file() and _kind(f))
    kinds = {_kind(file) for file in files}
    if len(kinds) != 1 or None in kinds:
        raise LogTypeError(
            f"'{place}' must be a CSV or Parquet file, or a folder that holds files of one of "
            f"these kinds; found {sorted(str(kind) for kind in kinds) or 'none'}."
        )
    try:
        if kinds == {"parquet"}:
            return nw.from_native(pl.scan_parquet(files))
        frames = [pl.read_csv(file, infer_schema_length=None).lazy() for file in files]
        return nw.from_native(pl.concat(frames, how="vertical_relaxed"))
    except pl.exceptions.NoDataError:
        raise LogError(f"'{place}' is empty. Give a file with a header and rows.") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LogError(f"'{place}' could not be read: {error}") from error


def _kind(file: Path) -> str | None:
    name = file.name.lower()
    if name.endswith((".parquet", ".pq")):
        return "parquet"
    return "csv" if name.endswith((".csv", ".csv.gz")) else None


def _check_columns(columns: list[str], roles: dict[str, str], table: Any, name: str) -> None:
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
    close = difflib.get_close_matches(column.lower(), lower, n=1, cutoff=0.5)
    guess = lower[close[0]] if close else "..."
    option = f"{role}={guess!r}" if role in ("customer_id", "date", "amount") else f"{guess!r}"
    raise MissingColumnError(
        f"{name} has no column {wanted}. Its columns: {', '.join(map(str, columns))}. "
        f"Say which column it is, for example {option}."
    )
