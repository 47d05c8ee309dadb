"""Plots of how good predictions of customer value are, as scikit-learn displays."""

from clvkit.inspection._cumulative_gains_display import CumulativeGainsDisplay
from clvkit.inspection._decile_calibration_display import DecileCalibrationDisplay

__all__ = ["CumulativeGainsDisplay", "DecileCalibrationDisplay"]
