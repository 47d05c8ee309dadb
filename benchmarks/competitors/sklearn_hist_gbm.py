"""scikit-learn's HistGradientBoosting: a Poisson loss, and a quantile loss a level."""

from __future__ import annotations

import numpy as np
import pandas as pd
from _tabular import training_data, with_quantiles
from sklearn.ensemble import HistGradientBoostingRegressor


def predict(
    log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int, levels: list[float]
) -> pd.DataFrame:
    """Learn from the spend after past cutoffs what comes after this one."""
    X, y, now = training_data(log, cutoff, days, seed)

    def fitted(**loss):
        model = HistGradientBoostingRegressor(
            max_iter=100, learning_rate=0.05, max_leaf_nodes=7, random_state=seed, **loss
        )
        return model.fit(X, y).predict(now)

    spend = fitted(loss="poisson")  # which keeps the mean, and is never negative
    quantiles = [fitted(loss="quantile", quantile=level) for level in levels]
    return with_quantiles(now.index, spend, np.column_stack(quantiles), levels)
