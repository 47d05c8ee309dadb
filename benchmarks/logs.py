"""Where logs come from: a folder of Parquet and CSV files, the package, or a simulator."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.errors import BenchmarkError
from benchmarks.hashes import unlike
from benchmarks.simulated import PREFIX, simulate
from clvkit.datasets import load_cdnow

__all__ = ["COLUMNS", "data_folder", "load_log", "logs_in", "unlike_published"]

#: What every log has; further columns are handed to the competitors as they are.
COLUMNS = ("customer_id", "date", "amount")

ENDINGS = (".parquet", ".csv", ".csv.gz")


def data_folder(given: str | None) -> Path | None:
    """Return the folder of logs: as given, or as CLVKIT_DATA says, or none."""
    name = given or os.environ.get("CLVKIT_DATA")
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise BenchmarkError(f"the folder of logs, {folder}, does not exist. Name another: --data")
    return folder


def logs_in(folder: Path | None) -> list[str]:
    """Return the names of the logs of a folder, without their endings."""
    files = [] if folder is None else sorted(path.name for path in folder.iterdir())
    return [
        name.removesuffix(ending) for name in files for ending in ENDINGS if name.endswith(ending)
    ]


def load_log(name: str, folder: Path | None, renamed: dict[str, str] | None = None) -> pd.DataFrame:
    """Return a log with the columns ``customer_id``, ``date``, ``amount`` and its further ones.

    Parameters
    ----------
    name : str
        A file of ``folder`` without its ending, the path of a file, ``cdnow_sample``, which
        comes with the package, or ``sim:NAME`` (:mod:`benchmarks.simulated`).
    folder : Path or None
    renamed : dict of str to str, optional
        The three columns by the names that the files give them.
    """
    if name.startswith(PREFIX):
        return _cleaned(simulate(name.removeprefix(PREFIX)).log, name)
    path = _find(name, folder)
    if path is not None:
        return _cleaned(_with_names(_read(path), renamed or {}), name)
    if name == "cdnow_sample":
        return _cleaned(load_cdnow(), name)
    if name.endswith(ENDINGS):
        raise BenchmarkError(f"there is no log {name!r}: no such file here, nor in --data.")
    there = ", ".join(logs_in(folder)) or "none"
    raise BenchmarkError(
        f"there is no log {name!r}. Name a folder that holds {name}.parquet or {name}.csv by "
        f"--data or CLVKIT_DATA; logs in {folder or 'no folder'}: {there}."
    )


def unlike_published(names: Iterable[str], folder: Path | None) -> list[str]:
    """Return what is to be said of those logs that are not the files of the published results."""
    paths = (_find(name, folder) for name in dict.fromkeys(names))
    return [words for path in paths if path is not None and (words := unlike(path))]


def _find(name: str, folder: Path | None) -> Path | None:
    places = [Path(name)] if name.endswith(ENDINGS) else []
    if folder is not None:
        places += [folder / f"{name}{ending}" for ending in ("", *ENDINGS)]
    return next((path for path in places if path.is_file()), None)


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, low_memory=False)  # whole columns decide on their types
    except (OSError, ValueError) as error:  # those of pandas and Arrow are ValueErrors
        raise BenchmarkError(f"{path} cannot be read: {error}") from error


def _with_names(log: pd.DataFrame, renamed: dict[str, str]) -> pd.DataFrame:
    """Rename what was named, in the files that have it, in place of what has our name there."""
    theirs = {old: new for new, old in renamed.items() if old in log}
    replaced = [new for new in theirs.values() if new in log and new not in theirs]
    return log.drop(columns=replaced).rename(columns=theirs)


def _cleaned(log: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows that have a customer, with plain types."""
    missing = [column for column in COLUMNS if column not in log]
    if missing:
        raise BenchmarkError(
            f"the log {name!r} has no column {missing[0]!r}; it has {', '.join(map(str, log))}. "
            f"Name the one that is meant: --{missing[0].replace('_', '-')}"
        )
    log = log[log["customer_id"].notna()].reset_index(drop=True)
    if log.empty:
        raise BenchmarkError(f"the log {name!r} has no row with a customer.")
    for column in log.select_dtypes("category"):  # its levels know what comes after a cutoff
        log[column] = log[column].astype(log[column].cat.categories.dtype)
    ids = log["customer_id"]
    log["customer_id"] = ids.astype("int64") if pd.api.types.is_integer_dtype(ids) else ids
    if ids.dtype == object:
        log["customer_id"] = ids.astype(str)
    for column in log.columns.difference(COLUMNS):
        log[column] = _storable(log[column])
    try:
        log["date"] = pd.to_datetime(log["date"], format="ISO8601").dt.tz_localize(None)
        log["amount"] = pd.to_numeric(log["amount"]).astype("float64")
    except (ValueError, TypeError, AttributeError) as error:
        reason = str(error).partition(". ")[0]
        raise BenchmarkError(
            f"the log {name!r} cannot be read: {reason}. Write dates as YYYY-MM-DD, with or "
            "without a time, and amounts as plain numbers."
        ) from error
    if lacking := (log["date"].isna() | ~np.isfinite(log["amount"])).sum():
        raise BenchmarkError(
            f"the log {name!r} cannot be read: {lacking} rows without a date or a finite amount. "
            "Write dates as YYYY-MM-DD, and leave such rows out."
        )
    return log


def _storable(column: pd.Series) -> pd.Series:
    """Return a further column as it is, or as text where Parquet refuses it: numbers and words."""
    if column.dtype != object:
        return column
    try:
        pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return column.map(str, na_action="ignore")
    return column
