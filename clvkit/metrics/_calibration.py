"""Metrics of the level: whether predicted and actual amounts agree in sum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.metrics import _formulas
from clvkit.metrics._blocks import rank_in_blocks
from clvkit.metrics._validation import check_predictions, warn_if_undefined

__all__ = ["decile_calibration_curve", "decile_calibration_error", "total_bias"]


def total_bias(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Relative error of the predicted total: ``sum(y_pred) / sum(y_true) - 1``.

    The figure that a budget is made from. It says nothing about who spends.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Spend and predicted spend.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    bias : float
        -0.1 is a total 10 % too low. NaN with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning` where the actual total is not
        positive. The scorer of this name is minus the absolute value.

    See Also
    --------
    decile_calibration_error : The same at ten levels of the prediction.

    Examples
    --------
    >>> from clvkit.metrics import total_bias
    >>> total_bias([0, 0, 60, 40], [25, 30, 40, 30])
    0.25
    """
    value = _formulas.bias_of_total(check_predictions(y_true, y_pred, sample_weight))
    return warn_if_undefined(value, "total_bias", "the sum of y_true is not positive")


def decile_calibration_curve(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean prediction and mean target in each tenth of the customers by prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Spend and predicted spend.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    predicted, actual : ndarray of shape (10,)
        In the unit of the spend, the tenth with the **highest** predictions first. Customers
        with equal predictions are shared out evenly, a customer on an edge by fractions, so
        that row order cannot matter.

    See Also
    --------
    clvkit.inspection.DecileCalibrationDisplay : The plot of it.

    Examples
    --------
    >>> from clvkit.metrics import decile_calibration_curve
    >>> predicted, actual = decile_calibration_curve([0] * 10 + [20] * 10, [2] * 10 + [16] * 10)
    >>> predicted[[0, 9]], actual[[0, 9]]
    (array([16.,  2.]), array([20.,  0.]))
    """
    return _formulas.decile_means(rank_in_blocks(check_predictions(y_true, y_pred, sample_weight)))


def decile_calibration_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean miss of the ten decile means, relative to the overall mean of the target.

    It finds what :func:`total_bias` lets cancel: promises to the best customers that are too
    high, made up for by the rest. On few rows it is not zero for a perfectly calibrated model
    either, for the mean of a tenth of the customers is noisy where spend is heavy-tailed.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Spend and predicted spend.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    error : float
        0 is best. NaN with an :class:`~sklearn.exceptions.UndefinedMetricWarning` where the mean
        of ``y_true`` is not positive.

    See Also
    --------
    decile_calibration_curve : The ten pairs of means.

    Examples
    --------
    The total is right, each half is off by 2 where the mean is 10:

    >>> from clvkit.metrics import decile_calibration_error
    >>> round(decile_calibration_error([0] * 10 + [20] * 10, [2] * 10 + [18] * 10), 12)
    0.2
    """
    blocks = rank_in_blocks(check_predictions(y_true, y_pred, sample_weight))
    value = _formulas.calibration_error(blocks)
    return warn_if_undefined(
        value, "decile_calibration_error", "the mean of y_true is not positive"
    )
