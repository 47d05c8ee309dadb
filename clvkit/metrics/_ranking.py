"""Metrics of the order: whether the customers who will spend most come first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.metrics import _formulas
from clvkit.metrics._blocks import rank_in_blocks
from clvkit.metrics._validation import check_predictions, warn_if_undefined

__all__ = ["cumulative_gains_curve", "normalized_gini", "top_share_capture"]


def cumulative_gains_curve(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of all spend that the customers ranked best by the prediction hold.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Spend in the horizon.
    y_pred : array-like of shape (n_samples,)
        Anything that ranks customers; higher is better. ``y_true`` itself gives the perfect
        curve.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    customers, spend : ndarray of shape (n_distinct_predictions + 1,)
        Shares from 0 to 1; linear between the points, so that customers with equal predictions
        count alike. ``spend`` is NaN throughout, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where the total spend is not positive.

    See Also
    --------
    normalized_gini : The area above the diagonal relative to that of the perfect curve.
    clvkit.inspection.CumulativeGainsDisplay : The plot of it.

    Examples
    --------
    >>> from clvkit.metrics import cumulative_gains_curve
    >>> cumulative_gains_curve([10, 0, 30, 0], [7, 2, 9, 2])
    (array([0.  , 0.25, 0.5 , 1.  ]), array([0.  , 0.75, 1.  , 1.  ]))
    """
    blocks = rank_in_blocks(check_predictions(y_true, y_pred, sample_weight))
    customers = blocks.share_of_customers()
    total = blocks.spend.sum()
    spend = blocks.spend_up_to(customers) / (total if total > 0 else np.nan)
    reason = "the sum of y_true is not positive"
    warn_if_undefined(spend[-1], "cumulative_gains_curve", reason)
    return customers, spend


def normalized_gini(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Gini of the spend in predicted order over its Gini in the perfect order.

    The metric of pure ranking: it does not change under any increasing transformation of the
    prediction. Use it where customers are only to be sorted, and :func:`total_bias` beside it
    where amounts matter.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Spend in the horizon.
    y_pred : array-like of shape (n_samples,)
        Anything that ranks customers; higher is better.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    score : float
        1 for the perfect order, 0 for a constant prediction and in the mean for a random one,
        -1 for the perfect order reversed. Tied predictions count as a random order among them
        does on average, whatever the order of the rows. NaN with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning` where everybody spends the same.

    References
    ----------
    E. W. Frees, G. Meyers, A. D. Cummings, "Summarizing insurance scores using a Gini index",
    *Journal of the American Statistical Association* 106 (2011) 1085-1098.

    Examples
    --------
    >>> from clvkit.metrics import normalized_gini
    >>> normalized_gini([0, 0, 20, 100], [1, 2, 3, 4])
    1.0
    >>> round(normalized_gini([0, 0, 20, 100], [1, 1, 1, 2]), 3)
    0.875
    >>> normalized_gini([0, 0, 20, 100], [7, 7, 7, 7])
    0.0
    """
    checked = check_predictions(y_true, y_pred, sample_weight)
    perfect = rank_in_blocks(checked._replace(pred=checked.y))
    value = _formulas.gini_ratio(rank_in_blocks(checked), perfect)
    return warn_if_undefined(value, "normalized_gini", "all values of y_true are equal")


def top_share_capture(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    share: float = 0.1,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of all spend that comes from the customers predicted best.

    What a campaign that reaches only the top tenth would reach of the revenue. A random choice
    captures ``share`` on average.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Spend in the horizon.
    y_pred : array-like of shape (n_samples,)
        Anything that ranks customers; higher is better.
    share : float, default=0.1
        Share of customers chosen, ``0 < share <= 1``. Customers tied on the edge, and a
        fraction of a customer, count in proportion.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    captured : float
        NaN with an :class:`~sklearn.exceptions.UndefinedMetricWarning` where the total spend is
        not positive.

    Raises
    ------
    ValueError
        When ``share`` is outside (0, 1]. It is a fraction, not a percentage.

    Examples
    --------
    >>> from clvkit.metrics import top_share_capture
    >>> top_share_capture([0, 5, 15, 80], [1, 2, 4, 3], share=0.5)
    0.95
    >>> top_share_capture([0, 5, 15, 80], [1, 2, 4, 3], share=10)
    Traceback (most recent call last):
        ...
    ValueError: share must be above 0 and at most 1 (0.1 is the top 10 %); got 10.
    """
    if not 0 < share <= 1:
        raise ValueError(
            f"share must be above 0 and at most 1 (0.1 is the top 10 %); got {share!r}."
        )
    blocks = rank_in_blocks(check_predictions(y_true, y_pred, sample_weight))
    value = _formulas.captured_share(blocks, share)
    return warn_if_undefined(value, "top_share_capture", "the sum of y_true is not positive")
