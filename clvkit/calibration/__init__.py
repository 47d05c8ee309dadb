"""Totals and intervals: what out-of-fold predictions and the year before teach of both."""

from clvkit.calibration._conformal_interval import ConformalInterval
from clvkit.calibration._level_intervals import LevelIntervals
from clvkit.calibration._mean_calibration import MeanCalibration
from clvkit.calibration._season_calibration import SeasonCalibration
from clvkit.calibration._spend_shape import SpendDistribution, predicted_distribution
from clvkit.calibration._total_calibration import TotalCalibration

__all__ = [
    "ConformalInterval",
    "LevelIntervals",
    "MeanCalibration",
    "SeasonCalibration",
    "SpendDistribution",
    "TotalCalibration",
    "predicted_distribution",
]
