"""The level of predictions: a total that candidates are brought to before they are compared.

What a candidate that learns from past windows predicts of a total is the level of those windows,
whatever the calendar says of the next one; and its error there is mostly the same for all its
kind. Compared with their own totals, candidates were ranked by which of them a season happened to
favour. So all of them are brought to one total, of the BG/NBD with the season of the year before,
and compete by who is worth how much. The champion is fitted with that total, too.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from clvkit.automl._cold_start import across_customers
from clvkit.automl._validation import Fold, Validation
from clvkit.btyd import BTYDRegressor
from clvkit.calibration import SeasonCalibration, TotalCalibration
from clvkit.errors import ClvkitError, ClvkitWarning
from clvkit.history import latest_rows

__all__ = ["add_level", "learn_level", "level_of", "scale_to", "with_level"]

#: Mean absolute logarithm of expected over actual total from which on the level is not trusted.
_LARGEST_MISS = float(np.log(2.0))


def level_of(horizon: str) -> SeasonCalibration:
    """Return the unfitted regressor whose total counts."""
    return SeasonCalibration(BTYDRegressor(horizon=horizon), on_missing="ignore")


def with_level(estimator: Any, horizon: str) -> Pipeline:
    """Return an unfitted pipeline of the estimator at the level of :func:`level_of`."""
    return Pipeline([("regressor", TotalCalibration(estimator, level_of(horizon)))])


def add_level(validation: Validation) -> Validation:
    """Return the validation with the total of each origin that was to be expected then.

    Where these totals were off by more than a factor of 2 in the mean, the purchase model does
    not know this trade, and candidates keep their own.
    """
    folds = [_with_total(fold, validation.horizon) for fold in validation.folds]
    pairs = [(fold.total, float(fold.y_test.sum())) for fold in folds]
    misses = [abs(np.log(total / y)) for total, y in pairs if total and y > 0]
    if not misses or np.mean(misses) > _LARGEST_MISS:
        return validation
    return replace(validation, folds=folds)


def learn_level(X: pd.DataFrame, horizon: str) -> SeasonCalibration | None:
    """Fit the regressor whose total counts; None where nobody has bought twice."""
    try:
        with warnings.catch_warnings():  # what it has to say is said again at the final fit
            warnings.simplefilter("ignore", ClvkitWarning)
            return level_of(horizon).fit(X)
    except ClvkitError:
        return None


def scale_to(prediction: NDArray[np.float64], total: float | None) -> NDArray[np.float64]:
    """Scale predictions to a total; where there is none, or nothing to scale, leave them."""
    own = float(prediction.sum())
    return prediction * (total / own) if total is not None and own > 0 else prediction


def _with_total(fold: Fold, horizon: str) -> Fold:
    """Return the fold with the total of its rows as the purchase model saw it at the origin."""
    X = latest_rows(fold.X_known)
    everybody = (np.full(len(X), True), np.full(len(fold.X_test), True))
    parts = [everybody]
    if fold.cold_folds is not None:
        parts = list(across_customers(X, fold.X_test, fold.cold_folds))
    total, errors, seasonal = 0.0, [], True
    for known, test in parts:
        model = learn_level(X[known], horizon)
        if model is None:
            return fold
        total += float(np.sum(model.predict(fold.X_test[test])))
        errors.append(model.factor_error_)
        seasonal = seasonal and not model.reason_
    if not total > 0:
        return fold
    # Fits that share most of their customers err alike, so that their errors do not average out.
    return replace(fold, total=total, total_error=float(np.mean(errors)), seasonal=seasonal)
