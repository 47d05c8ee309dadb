"""Writing results to disk: never half a table, and a message where it cannot be done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from clvkit.errors import OutputError
from clvkit.utils._files import replacing

__all__ = ["check_model_place", "make_folder", "save_model", "write_table"]

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


def write_table(frame: pd.DataFrame, target: Path) -> None:
    """Write a table as CSV; never half of it."""
    with replacing(target) as partial:
        frame.to_csv(partial)
