"""All metrics of one prediction at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from clvkit.metrics import _formulas
from clvkit.metrics._blocks import rank_in_blocks
from clvkit.metrics._churn import check_probabilities
from clvkit.metrics._validation import check_predictions

__all__ = ["clv_metrics"]


def clv_metrics(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    probability_active: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
) -> dict[str, float]:
    """Compute every metric of this package, for one line of a leaderboard.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Spend in the horizon.
    y_pred : array-like of shape (n_samples,)
        Predicted spend in the same unit.
    probability_active : array-like of shape (n_samples,), default=None
        Probability of at least one purchase in the horizon, for ``churn_brier``.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    metrics : dict of str to float
        By function name, as the functions return them (losses are not negated), with their
        default settings. NaN, without a warning, where a metric is undefined: ``churn_auc`` when
        everybody buys, ``d2_tweedie`` when ``y_true`` holds negative values, ``churn_brier``
        without probabilities, and so on.

    Raises
    ------
    ValueError
        For input that no metric can use: missing values, lengths that differ.

    See Also
    --------
    get_clv_scorer : One of them as a scikit-learn scorer.

    Examples
    --------
    >>> from clvkit.metrics import clv_metrics
    >>> metrics = clv_metrics([0, 0, 20, 100], [1, 5, 30, 80])
    >>> round(metrics["total_bias"], 3), metrics["churn_auc"], metrics["churn_brier"]
    (-0.033, 1.0, nan)
    """
    checked = check_predictions(y_true, y_pred, sample_weight)
    predicted = rank_in_blocks(checked)
    perfect = rank_in_blocks(checked._replace(pred=checked.y))
    negative = bool((checked.y < 0).any())
    return {
        "d2_tweedie": np.nan if negative else _formulas.tweedie_skill(checked, power=1.5),
        "normalized_gini": _formulas.gini_ratio(predicted, perfect),
        "total_bias": _formulas.bias_of_total(checked),
        "top_share_capture": _formulas.captured_share(predicted, share=0.1),
        "decile_calibration_error": _formulas.calibration_error(predicted),
        "rmse": _formulas.root_mean_square(checked),
        "mae": _formulas.absolute_error(checked),
        "mape_buyers": _formulas.percentage_error_of_buyers(checked),
        "churn_auc": _formulas.area_under_roc(predicted),
        "churn_brier": _brier_or_nan(y_true, probability_active, sample_weight),
    }


def _brier_or_nan(
    y_true: ArrayLike, probability: ArrayLike | None, sample_weight: ArrayLike | None
) -> float:
    if probability is None:
        return np.nan
    return _formulas.brier(check_probabilities(y_true, probability, sample_weight))
