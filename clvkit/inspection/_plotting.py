"""What the displays share: axes on demand, and a name for the legend."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from clvkit.utils._axes import axes_or_new

__all__ = ["axes_or_new", "estimator_name"]


def estimator_name(estimator: Any) -> str:
    """Return the class name of an estimator, of a pipeline that of its last step."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return type(estimator).__name__
