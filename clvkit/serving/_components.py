"""What an estimator is made of, and its predictions, where the model family can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

__all__ = ["COMPONENTS", "predict_components", "step_names"]

COMPONENTS = ("expected_purchases", "probability_alive", "probability_active", "expected_spend")


def predict_components(estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return the components of each row; NaN where the estimator has none.

    A pipeline hides the further methods of its last step, so that is asked behind its features.
    """
    if isinstance(estimator, Pipeline):
        features = estimator[:-1].transform(X) if len(estimator) > 1 else X
        table = predict_components(estimator[-1], features)
        return table.set_axis(X.index, axis=0)
    compute = getattr(estimator, "predict_components", None)
    if compute is None:
        index = getattr(X, "index", pd.RangeIndex(len(X)))
        return pd.DataFrame(np.nan, index=index, columns=list(COMPONENTS))
    return compute(X).reindex(columns=list(COMPONENTS)).astype(np.float64)


def step_names(estimator: Any) -> list[str]:
    """Return the class names of an estimator and what is inside it, from the outside in."""
    if hasattr(estimator, "steps"):
        return [name for _, step in estimator.steps for name in step_names(step)]
    inner = getattr(estimator, "pipeline", None)
    return [type(estimator).__name__, *([] if inner is None else step_names(inner))]
