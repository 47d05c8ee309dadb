"""Totals and intervals: what out-of-fold predictions and the year before teach of both."""

from clvkit.calibration._conformal_interval import ConformalInterval
from clvkit.calibration._level_intervals import LevelIntervals
from clvkit.calibration._season_calibration import SeasonCalibration
from clvkit.calibration._spend_shape import SpendDistribution, predicted_distribution

__all__ = [
    "ConformalInterval",
    "LevelIntervals",
    "SeasonCalibration",
    "SpendDistribution",
    "predicted_distribution",
]
