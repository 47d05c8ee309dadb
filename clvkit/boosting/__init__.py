"""Gradient boosting with LightGBM for targets with many zeros and a heavy tail."""

from clvkit.boosting._hurdle_lgbm_regressor import HurdleLGBMRegressor
from clvkit.boosting._quantile_lgbm_regressor import QuantileLGBMRegressor
from clvkit.boosting._tweedie_lgbm_regressor import TweedieLGBMRegressor
from clvkit.boosting._ziln_lgbm_regressor import ZILNLGBMRegressor

__all__ = [
    "HurdleLGBMRegressor",
    "QuantileLGBMRegressor",
    "TweedieLGBMRegressor",
    "ZILNLGBMRegressor",
]
