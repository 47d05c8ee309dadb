"""Totals and intervals: what out-of-fold predictions and the year before teach of both."""

from clvkit.calibration._conformal_interval import ConformalInterval
from clvkit.calibration._season_calibration import SeasonCalibration

__all__ = ["ConformalInterval", "SeasonCalibration"]
