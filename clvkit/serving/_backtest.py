"""Two models on the same period that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from clvkit.errors import ArgumentError
from clvkit.history import get_histories, latest_histories, make_samples
from clvkit.history._moments import as_moments, format_moment
from clvkit.metrics._given_predictions import GivenPredictions
from clvkit.serving._clv_model import CLVModel
from clvkit.serving._learning import door_of

__all__ = ["Backtest", "Predicted", "backtest"]


@dataclass(frozen=True)
class Predicted:
    """What a model said of the period.

    Attributes
    ----------
    spend : ndarray of float64 of shape (n_customers,)
    active : ndarray of float64 of shape (n_customers,) or None
        Probability to buy, where the family has one.
    trained : str
        The last day that the model knew of when it said so.
    """

    spend: NDArray[np.float64]
    active: NDArray[np.float64] | None
    trained: str

    def at(self, rows: Any = slice(None)) -> GivenPredictions:
        """Return the predictions for some rows, as scorers take them."""
        components = None if self.active is None else {"probability_active": self.active[rows]}
        return GivenPredictions(self.spend[rows], components)


@dataclass(frozen=True)
class Backtest:
    """The latest period of a horizon's length that the log covers, and what was said of it.

    Attributes
    ----------
    X : DataFrame of shape (n_customers, ...)
        Histories at the origin, as the first model reads them.
    y : ndarray of float64 of shape (n_customers,)
        Spend in the horizon after it.
    origin : str
    predicted : list of Predicted
        In the order of the models.
    """

    X: pd.DataFrame
    y: NDArray[np.float64]
    origin: str
    predicted: list[Predicted]


def backtest(
    models: list[CLVModel], log: Any, *, covariates: Any = None, end: Any = None
) -> Backtest:
    """Let each model predict the latest period that the log covers, without having seen it.

    A model that was trained by the origin predicts as it is. One that knows later data has seen
    what it is asked for; its estimator is fitted anew, on what was known as long before the origin
    as the model's training ended before the end of the log. So a model that was fitted today is
    judged by a fit at the origin, and one of last month by a fit a month before it: with the age
    that each of them has today.

    Raises
    ------
    ArgumentError
        If the horizons differ, or the models read different customers from the log.
    ShortLogError
        If the log does not cover the horizon and some history before it.
    """
    horizons = {model.horizon for model in models}
    if len(horizons) > 1:
        raise ArgumentError(
            f"models of different horizons, {' and '.join(sorted(horizons))}, cannot be compared. "
            "Fit the challenger for the horizon of the champion, or register it under a name of "
            "its own."
        )
    samples = [_samples(model, log, covariates, end) for model in models]
    X, y = samples[0]
    _check_same_customers([other.index for other, _ in samples])
    predicted = [
        _predict(model, X, log, covariates) for model, (X, _) in zip(models, samples, strict=True)
    ]
    array = get_histories(X)
    origin = format_moment(int(array.cutoff_moments[0]), array.dtype.resolution)
    return Backtest(X, y.to_numpy(), origin, predicted)


def _samples(model: CLVModel, log: Any, covariates: Any, end: Any) -> Any:
    door = door_of(model, model.streams_)
    return make_samples(log, model.horizon, 1, covariates=covariates, end=end, **door)


def _predict(model: CLVModel, X: pd.DataFrame, log: Any, covariates: Any) -> Predicted:
    fitted = _as_of(model, X, log, covariates)
    active = fitted.predict_components(X)["probability_active"].to_numpy()
    known = None if np.isnan(active).any() else active
    return Predicted(fitted.predict(X), known, fitted.training_end_)


def _as_of(model: CLVModel, X: pd.DataFrame, log: Any, covariates: Any) -> CLVModel:
    """Return the model as it is if it was trained by the origin, else one of the same age."""
    array = get_histories(X)
    resolution = array.dtype.resolution
    origin = int(array.cutoff_moments[0])
    trained, end = (
        int(as_moments(np.array(moment, "M8[s]"), resolution))
        for moment in (model.training_end_, array.dtype.end)
    )
    if trained <= origin:
        return model
    cutoff = format_moment(origin - max(end - trained, 0), resolution)
    door = door_of(model, model.streams_)
    return clone(model).fit(latest_histories(log, cutoff, covariates=covariates, **door))


def _check_same_customers(indexes: list[pd.Index]) -> None:
    first, *others = indexes
    for other in others:
        if not first.equals(other):
            raise ArgumentError(
                f"champion and challenger read {len(first):,} and {len(other):,} customers from "
                "the log, and not the same ones: their settings of columns, refunds or granularity "
                "differ. Fit the challenger with those of the champion."
            )
