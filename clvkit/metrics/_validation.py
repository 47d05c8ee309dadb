"""The one door of the metrics: what is behind it trusts its arrays."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_array, check_consistent_length, column_or_1d

__all__ = ["Checked", "check_predictions", "warn_if_undefined"]


class Checked(NamedTuple):
    """Targets, predictions and weights as float arrays of one length, weights positive."""

    y: NDArray[np.float64]
    pred: NDArray[np.float64]
    weight: NDArray[np.float64]


def check_predictions(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    name: str = "y_pred",
) -> Checked:
    """Return float arrays; rows of weight zero are left out.

    Raises
    ------
    ValueError
        For missing or infinite values, more than one column, lengths that differ, no rows at
        all, and weights that are negative or all zero.
    """
    y, pred = _column(y_true, "y_true"), _column(y_pred, name)
    check_consistent_length(y, pred, sample_weight)
    if sample_weight is None:
        return Checked(y, pred, np.ones_like(y))
    weight = _column(sample_weight, "sample_weight")
    if (negative := weight < 0).any():
        raise ValueError(
            f"sample_weight holds {negative.sum()} negative values, such as "
            f"{weight[negative][0]:g}: weights count customers, so give 0 or more."
        )
    used = weight > 0
    if not used.any():
        raise ValueError("sample_weight is 0 in every row: no customer is left to score.")
    return Checked(y[used], pred[used], weight[used])


def warn_if_undefined(value: float, metric: str, reason: str) -> float:
    """Return ``value``, with scikit-learn's warning where it is NaN."""
    if np.isnan(value):
        warnings.warn(
            f"{metric} is undefined because {reason}; NaN is returned.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
    return value


def _column(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = check_array(values, ensure_2d=False, dtype=np.float64, input_name=name)
    return column_or_1d(array)
