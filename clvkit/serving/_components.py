"""What an estimator is made of, and its predictions, where the model family can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from clvkit.utils._components import ask_components, has_components

__all__ = ["COMPONENTS", "predict_components", "step_names"]

COMPONENTS = ("expected_purchases", "probability_alive", "probability_active", "expected_spend")


def predict_components(estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return the components of each row; NaN where the estimator has none."""
    if not has_components(estimator):
        index = getattr(X, "index", pd.RangeIndex(len(X)))
        return pd.DataFrame(np.nan, index=index, columns=list(COMPONENTS))
    return ask_components(estimator, X).reindex(columns=list(COMPONENTS)).astype(np.float64)


def step_names(estimator: Any) -> list[str]:
    """Return the class names of an estimator and what is inside it, from the outside in."""
    if hasattr(estimator, "steps"):
        return [name for _, step in estimator.steps for name in step_names(step)]
    inner = getattr(estimator, "pipeline", None)
    return [type(estimator).__name__, *([] if inner is None else step_names(inner))]
