"""Past spend per day since the first purchase, going on as it was (at least one period long)."""

from __future__ import annotations

import pandas as pd


def predict(log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int) -> pd.Series:
    """Return each customer's spend per day of age, times the days to predict.

    A customer is counted as at least one such period old: a rate that was seen for a day only
    is none.
    """
    customers = log.groupby("customer_id")
    age = (cutoff - customers["date"].min().dt.normalize()).dt.days + 1
    return customers["amount"].sum() / age.clip(lower=days) * days
