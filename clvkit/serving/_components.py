"""What an estimator is made of, and its predictions, where the model family can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from clvkit.utils._components import ask_components, has_components

__all__ = ["COMPONENTS", "calibrations", "predict_components", "step_names"]

COMPONENTS = ("expected_purchases", "probability_alive", "probability_active", "expected_spend")


def predict_components(estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return the components of each row; NaN where the estimator has none."""
    if not has_components(estimator):
        index = getattr(X, "index", pd.RangeIndex(len(X)))
        return pd.DataFrame(np.nan, index=index, columns=list(COMPONENTS))
    return ask_components(estimator, X).reindex(columns=list(COMPONENTS)).astype(np.float64)


def step_names(estimator: Any) -> list[str]:
    """Return the class names of an estimator and what is inside it, from the outside in.

    Of an average the names of its members: they tell the kinds, and their classes would be many.
    """
    if hasattr(estimator, "steps"):
        return [name for _, step in estimator.steps for name in step_names(step)]
    name = type(estimator).__name__
    if isinstance(members := getattr(estimator, "estimators", None), list):
        return [f"{name}[{', '.join(name for name, _ in members)}]"]
    inner = getattr(estimator, "pipeline", getattr(estimator, "estimator", None))
    return [name, *([] if inner is None else step_names(inner))]


def calibrations(estimator: Any) -> list[str]:
    """Return the corrections of a fitted estimator's totals, such as by a season."""
    found = []
    while estimator is not None:
        if isinstance(factor := getattr(estimator, "factor_", None), float):
            found.append(f"{type(estimator).__name__} x {factor:.2f}")
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        else:
            estimator = getattr(estimator, "estimator_", getattr(estimator, "pipeline_", None))
    return found
