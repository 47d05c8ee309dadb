"""Honest training and validation in time."""

from clvkit.model_selection._average_regressor import AverageRegressor
from clvkit.model_selection._out_of_fold import out_of_fold_predict
from clvkit.model_selection._rolling_origin import RollingOrigin, cutoffs_of
from clvkit.model_selection._short_horizon_regressor import ShortHorizonRegressor
from clvkit.model_selection._snapshot_regressor import SnapshotRegressor
from clvkit.model_selection._spend_regressor import SpendRegressor

__all__ = [
    "AverageRegressor",
    "RollingOrigin",
    "ShortHorizonRegressor",
    "SnapshotRegressor",
    "SpendRegressor",
    "cutoffs_of",
    "out_of_fold_predict",
]
