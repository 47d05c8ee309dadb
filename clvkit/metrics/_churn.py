"""Metrics of who buys again at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from clvkit.metrics import _formulas
from clvkit.metrics._blocks import rank_in_blocks
from clvkit.metrics._validation import Checked, check_predictions, warn_if_undefined

__all__ = ["check_probabilities", "churn_auc", "churn_brier"]

#: How far rounding may carry a probability beyond 0 or 1.
ROUNDING = 1e-9


def churn_auc(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Area under the ROC curve of "buys nothing" by minus the predicted spend.

    The probability that of a customer who buys and one who does not the former has the higher
    prediction. Every regressor can be asked that way who will lapse. A model of the expected
    spend is not made for it: a rare but large buyer may rightly rank above a sure small one.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Spend in the horizon; a customer has lapsed where it is 0 (or below, for net spend).
    y_pred : array-like of shape (n_samples,)
        Predicted spend, or a probability of being active.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    area : float
        0.5 for a constant prediction. NaN with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning` where everybody or nobody buys.

    See Also
    --------
    sklearn.metrics.roc_auc_score : ``roc_auc_score(y_true <= 0, -y_pred)`` is the same.

    Examples
    --------
    >>> from clvkit.metrics import churn_auc
    >>> churn_auc([0, 0, 5, 70], [1, 4, 3, 60])
    0.75
    """
    blocks = rank_in_blocks(check_predictions(y_true, y_pred, sample_weight))
    value = _formulas.area_under_roc(blocks)
    return warn_if_undefined(
        value, "churn_auc", "it needs customers with y_true above zero and others without"
    )


def churn_brier(
    y_true: ArrayLike, probability_active: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean squared error of the probability to buy in the horizon.

    Lower is better; it rewards calibrated and sharp probabilities alike. The score of a constant
    probability at the true share of buyers ``s`` is ``s * (1 - s)``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Spend in the horizon; a customer was active where it is above zero.
    probability_active : array-like of shape (n_samples,)
        Probability of at least one purchase **in the horizon**, not the probability of being
        alive: who is alive need not buy.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    error : float

    Raises
    ------
    ValueError
        When a probability lies outside [0, 1], as when predicted spend is given.

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", *Monthly Weather
    Review* 78 (1950) 1-3.

    Examples
    --------
    >>> from clvkit.metrics import churn_brier
    >>> churn_brier([0, 0, 5, 70], [0, 0.5, 0.5, 1])
    0.125
    >>> churn_brier([0, 0, 5, 70], [1, 4, 3, 60])
    Traceback (most recent call last):
        ...
    ValueError: probability_active holds 3 values outside [0, 1], such as 4: ...
    """
    return _formulas.brier(check_probabilities(y_true, probability_active, sample_weight))


def check_probabilities(
    y_true: ArrayLike, probability_active: ArrayLike, sample_weight: ArrayLike | None = None
) -> Checked:
    """Return checked arrays whose predictions are probabilities, rounding errors clipped."""
    checked = check_predictions(
        y_true, probability_active, sample_weight, name="probability_active"
    )
    outside = (checked.pred < -ROUNDING) | (checked.pred > 1 + ROUNDING)
    if outside.any():
        raise ValueError(
            f"probability_active holds {outside.sum()} values outside [0, 1], such as "
            f"{checked.pred[outside][0]:g}: give the probability of a purchase, not the spend."
        )
    return checked._replace(pred=np.clip(checked.pred, 0, 1))
