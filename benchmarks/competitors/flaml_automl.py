"""FLAML 2.7.0: 60 seconds of its search for the mean, on features of past windows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from _tabular import training_data
from flaml import AutoML

REQUIREMENTS = ["flaml[automl]==2.7.0", "pandas==3.1.1", "scikit-learn==1.9.1", "pyarrow"]
PYTHON = "3.11"
SLOW = True

#: Seconds of the search.
BUDGET = 60


def predict(log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int) -> pd.Series:
    """Search on the spend after past cutoffs, and predict what comes after this one."""
    X, y, now = training_data(log, cutoff, days, seed)
    search = AutoML(task="regression", time_budget=BUDGET, seed=seed, n_jobs=2, verbose=0)
    search.fit(X, y)
    return pd.Series(np.maximum(search.predict(now), 0.0), index=now.index)
