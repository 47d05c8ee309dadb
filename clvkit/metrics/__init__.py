"""How good predictions of customer value are, where most customers spend nothing.

Every metric is a plain function of ``(y_true, y_pred)`` and, by its name, a scikit-learn scorer
(:func:`get_clv_scorer`). :func:`clv_metrics` computes all of them at once.
"""

from clvkit.metrics._calibration import (
    decile_calibration_curve,
    decile_calibration_error,
    total_bias,
)
from clvkit.metrics._churn import churn_auc, churn_brier
from clvkit.metrics._error import d2_tweedie, mae, mape_buyers, rmse
from clvkit.metrics._profit import campaign_profit, profit_scorer
from clvkit.metrics._ranking import cumulative_gains_curve, normalized_gini, top_share_capture
from clvkit.metrics._report import clv_metrics
from clvkit.metrics._scorer import get_clv_scorer, get_clv_scorer_names

__all__ = [
    "campaign_profit",
    "churn_auc",
    "churn_brier",
    "clv_metrics",
    "cumulative_gains_curve",
    "d2_tweedie",
    "decile_calibration_curve",
    "decile_calibration_error",
    "get_clv_scorer",
    "get_clv_scorer_names",
    "mae",
    "mape_buyers",
    "normalized_gini",
    "profit_scorer",
    "rmse",
    "top_share_capture",
    "total_bias",
]
