"""Writing results to disk: never half a table, and a message where it cannot be done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from clvkit.errors import OutputError

__all__ = ["check_model_place", "check_table_name", "make_folder", "save_model", "write_table"]

#: What the folder of a model holds, see :meth:`clvkit.serving.CLVModel.save`.
_MODEL_FILES = {"model.json", "model.skops"}


def make_folder(path: str | Path) -> Path:
    """Return a folder to write to, made where it is missing.

    Raises
    ------
    OutputError
        If there is a file of that name, or it cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder '{folder}' cannot be made ({error.strerror}). Give another --out."
        ) from error
    return folder


def check_model_place(place: Path) -> None:
    """Raise where no model can be saved, before hours are spent on finding one.

    Raises
    ------
    OutputError
        If there is something that is no model.
    """
    if not place.exists():
        return
    held = {entry.name for entry in place.iterdir()} if place.is_dir() else {place.name}
    if held and held != _MODEL_FILES:
        raise OutputError(
            f"'{place}', where the model goes, holds something else ({', '.join(sorted(held)[:3])})"
            ". Move it away, or give another --out."
        )


def save_model(model: Any, place: Path) -> None:
    """Save a fitted model.

    Raises
    ------
    OutputError
        If the disk does not take it.
    """
    try:
        model.save(place)
    except OSError as error:
        raise OutputError(
            f"the model cannot be saved in '{place}' ({error.strerror}). What was written before "
            "is still there."
        ) from error


def check_table_name(target: Path) -> None:
    """Raise unless a table can be written under this name.

    Raises
    ------
    OutputError
        If its ending is neither ``.csv`` nor ``.parquet``, or its folder is missing.
    """
    if target.suffix not in (".csv", ".parquet"):
        raise OutputError(
            f"--out {target}: the table is written as CSV or Parquet, by its name. End it in "
            "'.csv' or '.parquet'."
        )
    if not target.parent.is_dir():
        raise OutputError(f"--out {target}: there is no folder '{target.parent}'. Make it first.")


def write_table(frame: pd.DataFrame, target: Path) -> None:
    """Write a table as CSV or Parquet, by the ending of its name; never half of it."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        if target.suffix == ".parquet":
            frame.reset_index().to_parquet(partial, index=False)
        else:
            frame.to_csv(partial)
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"'{target}' cannot be written ({error.strerror}).") from error
    finally:
        partial.unlink(missing_ok=True)
