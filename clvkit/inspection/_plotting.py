"""What the displays share: axes on demand, and a name for the legend."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from clvkit.utils._imports import try_import

__all__ = ["axes_or_new", "estimator_name"]


def axes_or_new(ax: Any) -> Any:
    """Return ``ax``, or the axes of a new figure."""
    if ax is not None:
        return ax
    pyplot = try_import(
        "matplotlib.pyplot", install="pip install matplotlib", purpose="draw a plot"
    )
    _, ax = pyplot.subplots(figsize=(7, 4.6), layout="constrained")
    return ax


def estimator_name(estimator: Any) -> str:
    """Return the class name of an estimator, of a pipeline that of its last step."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return type(estimator).__name__
