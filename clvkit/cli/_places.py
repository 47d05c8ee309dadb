"""Where a model lies that is named on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["model_place"]


def model_place(model: str) -> Any:
    """Return the folder of the model: the one given, or ``model`` in the one of ``clvkit fit``."""
    inside = Path(model) / "model"
    return inside if inside.is_dir() else model
