"""Past spend per day since the first purchase, going on as it was (at least one period long)."""

from __future__ import annotations

import pandas as pd


def predict(log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int) -> pd.DataFrame:
    """Return each customer's spend and days with purchases per day of age, times the days.

    A customer is counted as at least one such period old: a rate that was seen for a day only
    is none.
    """
    customers = log.groupby("customer_id")
    age = (cutoff - customers["date"].min().dt.normalize()).dt.days + 1
    bought = log[log["amount"] > 0].assign(day=log["date"].dt.normalize())
    times = bought.groupby("customer_id")["day"].nunique().reindex(age.index, fill_value=0)
    rates = pd.DataFrame({"spend": customers["amount"].sum(), "purchases": times})
    return rates.div(age.clip(lower=days), axis=0) * days
