"""Purchase and spend models of clvkit on a summary, for ``measure_worker.py``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from clvkit import btyd


@cache
def summary(model: str, path: str) -> pd.DataFrame:
    with np.load(path) as arrays:
        frame = pd.DataFrame(dict(arrays))
    # In the unit of the model: weeks, or opportunities.
    frame.attrs["time_unit"] = getattr(getattr(btyd, model)(), "time_unit", "7D")
    return frame


@cache
def fitted(model: str, path: str) -> Any:
    return getattr(btyd, model)().fit(summary(model, path))


def prepare(task: dict[str, Any]) -> Callable[[], Any]:
    """Return the fit, or the prediction of a fitted model for every row."""
    table = summary(task["model"], task["summary"])
    if task["do"] == "fit":
        return lambda: getattr(btyd, task["model"])().fit(table)
    model = fitted(task["model"], task["fitted_to"])
    if task["do"] == "predict_spend":
        return lambda: model.expected_spend(table)
    return lambda: model.expected_purchases(table, task["horizon"])


def describe(result: Any) -> list[float]:
    """Return the parameters, or the total of a prediction."""
    return [np.sum(result)] if isinstance(result, np.ndarray) else list(result.params_.values())
