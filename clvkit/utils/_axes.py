"""Axes to draw on, on demand."""

from __future__ import annotations

from typing import Any

from clvkit.utils._imports import try_import

__all__ = ["axes_or_new"]


def axes_or_new(ax: Any) -> Any:
    """Return ``ax``, or the axes of a new figure."""
    if ax is not None:
        return ax
    pyplot = try_import(
        "matplotlib.pyplot", install="pip install matplotlib", purpose="draw a plot"
    )
    _, ax = pyplot.subplots(figsize=(7, 4.6), layout="constrained")
    return ax
