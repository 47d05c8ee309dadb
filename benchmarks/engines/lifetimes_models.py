"""The same of lifetimes 0.11.3, in its own environment, for ``measure_worker.py``."""

from __future__ import annotations

from functools import cache

import lifetimes
import numpy as np
import pandas as pd


@cache
def summary(path):
    with np.load(path) as arrays:
        return pd.DataFrame(dict(arrays))


def fit(name, table):
    model = getattr(lifetimes, name)(penalizer_coef=0.0)
    if name == "GammaGammaFitter":
        return model.fit(table["frequency"], table["monetary_value"])
    return model.fit(table["frequency"], table["recency"], table["T"])


@cache
def fitted(name, path):
    return fit(name, summary(path))


def prepare(task):
    """Return the fit, or the prediction of a fitted model for every row."""
    name, table = task["model"], summary(task["summary"])
    if task["do"] == "fit":
        return lambda: fit(name, table)
    model = fitted(name, task["fitted_to"])
    if task["do"] == "predict_spend":
        return lambda: model.conditional_expected_average_profit(
            table["frequency"], table["monetary_value"]
        )
    return lambda: model.conditional_expected_number_of_purchases_up_to_time(
        task["horizon"], table["frequency"], table["recency"], table["T"]
    )


def describe(result):
    """Return the parameters, or the total of a prediction."""
    parameters = getattr(result, "params_", None)
    return [np.sum(np.asarray(result))] if parameters is None else list(parameters)
