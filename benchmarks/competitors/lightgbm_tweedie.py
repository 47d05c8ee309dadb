"""LightGBM by hand: a Tweedie loss, and a quantile loss a level, on features of past windows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from _tabular import training_data, with_quantiles
from lightgbm import LGBMRegressor


def predict(
    log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int, levels: list[float]
) -> pd.DataFrame:
    """Learn from the spend after past cutoffs what comes after this one."""
    X, y, now = training_data(log, cutoff, days, seed)

    def fitted(**objective):
        # Small trees, in its favour: larger ones fit small logs so closely that they end below 0.
        model = LGBMRegressor(
            n_estimators=100,
            learning_rate=0.05,
            num_leaves=7,
            min_child_samples=100,
            random_state=seed,
            n_jobs=1,
            verbose=-1,
            **objective,
        )
        return model.fit(X, y).predict(now)

    spend = fitted(objective="tweedie", tweedie_variance_power=1.5)
    quantiles = [fitted(objective="quantile", alpha=level) for level in levels]
    return with_quantiles(now.index, spend, np.column_stack(quantiles), levels)
