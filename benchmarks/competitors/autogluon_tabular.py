"""AutoGluon 1.6.3 with LightGBM and CatBoost: 40 seconds for the mean, 20 for quantiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
from _tabular import training_data, with_quantiles
from autogluon.tabular import TabularPredictor

REQUIREMENTS = ["autogluon.tabular[catboost,lightgbm]==1.6.3", "pandas==2.3.3", "pyarrow"]
PYTHON = "3.11"
SLOW = True

#: Seconds of the searches.
BUDGET, BUDGET_OF_QUANTILES = 40, 20


def predict(
    log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int, levels: list[float]
) -> pd.DataFrame:
    """Search on the spend after past cutoffs, and predict what comes after this one."""
    X, y, now = training_data(log, cutoff, days, seed)
    table = X.assign(spend=y)

    def fitted(budget, problem, **settings):
        search = TabularPredictor("spend", problem_type=problem, verbosity=0, **settings)
        return search.fit(table, time_limit=budget, num_cpus=2).predict(now)

    spend = fitted(BUDGET, "regression")
    try:
        quantiles = fitted(BUDGET_OF_QUANTILES, "quantile", quantile_levels=levels)
    except RuntimeError:  # no quantiles in the time, which is no reason to lose the mean
        return pd.DataFrame({"spend": np.maximum(spend, 0.0)}, index=now.index)
    return with_quantiles(now.index, spend, np.asarray(quantiles), levels)
