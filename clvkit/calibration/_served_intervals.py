"""Intervals for rows of histories, by whoever holds an estimator and what was learnt of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.calibration._level_intervals import LevelIntervals
from clvkit.calibration._spend_shape import (
    SpendDistribution,
    SpendShape,
    predicted_distribution,
)
from clvkit.errors import ArgumentError

__all__ = ["quantile_frame", "served_interval", "served_total"]

Array = NDArray[np.float64]


def served_interval(
    intervals: LevelIntervals,
    estimator: Any,
    shape: SpendShape | None,
    X: pd.DataFrame,
    predicted: Array,
    coverage: float,
) -> pd.DataFrame:
    """Return ``lower`` and ``upper`` with the index of ``X``."""
    distribution = _distribution(intervals, estimator, shape, X, predicted)
    beyond = {} if distribution is None else {"distribution": distribution}
    lower, upper = intervals.interval(predicted, coverage, **beyond)
    return pd.DataFrame({"lower": lower, "upper": upper}, index=X.index)


def quantile_frame(
    intervals: LevelIntervals,
    estimator: Any,
    shape: SpendShape | None,
    X: pd.DataFrame,
    predicted: Array,
    levels: Sequence[float],
) -> pd.DataFrame:
    """Return quantiles with the index of ``X``, the levels as columns."""
    distribution = _distribution(intervals, estimator, shape, X, predicted)
    values = intervals.quantiles(predicted, levels, distribution=distribution)
    return pd.DataFrame(values, index=X.index, columns=np.asarray(levels, dtype=np.float64))


def served_total(
    intervals: LevelIntervals,
    X: pd.DataFrame,
    predicted: Array,
    groups: Any,
    coverage: float,
    level_error: float,
) -> pd.DataFrame:
    """Return intervals for sums over groups, given as a column of ``X`` or as values."""
    if isinstance(groups, str):
        if groups not in X.columns:
            raise ArgumentError(
                f"groups={groups!r} is no column of X; its columns: {list(X.columns)[:8]}. Give "
                "one of them, or the group of each row."
            )
        groups = X[groups].astype(str).to_numpy(dtype=str)
    return intervals.total_interval(predicted, groups, coverage, level_error=level_error)


def _distribution(
    intervals: LevelIntervals,
    estimator: Any,
    shape: SpendShape | None,
    X: pd.DataFrame,
    predicted: Array,
) -> SpendDistribution | None:
    if not getattr(intervals, "distributional_", False):
        return None
    return predicted_distribution(estimator, X, predicted, shape)
