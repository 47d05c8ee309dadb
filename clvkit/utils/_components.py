"""Asking an estimator for the parts of its predictions, through the pipelines around it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

__all__ = ["ask_components", "has_components", "last_step"]


def has_components(estimator: Any) -> bool:
    """Whether an estimator, or the last step of a pipeline, tells components.

    scikit-learn's pipelines hide the methods of their last step that they do not know.
    """
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return hasattr(estimator, "predict_components")


def last_step(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the last step of a pipeline and what it is given; others as they are."""
    while isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            X = X if step in (None, "passthrough") else step.transform(X)
        estimator = estimator.steps[-1][1]
    return estimator, X


def ask_components(estimator: Any, X: Any) -> Any:
    """Return ``predict_components`` of the rows, with their index.

    The last step of a pipeline is asked behind its features.
    """
    last, features = last_step(estimator, X)
    table = last.predict_components(features)
    # Features may have come as an array, without the index of their rows.
    if isinstance(table, pd.DataFrame) and isinstance(X, pd.DataFrame):
        table = table.set_axis(X.index, axis=0)
    return table
