"""Gradient boosting with LightGBM for targets with many zeros and a heavy tail."""

from clvkit.boosting._tweedie_lgbm_regressor import TweedieLGBMRegressor

__all__ = ["TweedieLGBMRegressor"]
