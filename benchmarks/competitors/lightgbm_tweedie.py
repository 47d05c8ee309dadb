"""LightGBM with a Tweedie loss on RFM features, trained on the one period before the cutoff."""

from __future__ import annotations

import pandas as pd
from lightgbm import LGBMRegressor


def features(log: pd.DataFrame, cutoff: pd.Timestamp, days: int) -> pd.DataFrame:
    """Return recency, frequency and monetary values of the customers seen by the cutoff."""
    seen = log[log["date"] < cutoff + pd.Timedelta(days=1)]
    recent = seen[seen["date"] >= cutoff + pd.Timedelta(days=1 - days)]
    day, customer = seen["date"].dt.normalize(), seen["customer_id"]
    by_customer = seen.groupby("customer_id")["amount"]
    table = pd.DataFrame(
        {
            "age": (cutoff - day.groupby(customer).min()).dt.days,
            "days_since_last": (cutoff - day.groupby(customer).max()).dt.days,
            "days_with_events": day.groupby(customer).nunique(),
            "total": by_customer.sum(),
            "mean": by_customer.mean(),
            "largest": by_customer.max(),
        }
    )
    in_period = recent.groupby("customer_id")["amount"].sum()
    return table.assign(total_of_last_period=in_period).fillna({"total_of_last_period": 0.0})


def predict(log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int) -> pd.Series:
    """Learn from the spend of the last ``days`` days what comes in the next."""
    before = cutoff - pd.Timedelta(days=days)
    train = features(log, before, days)
    if train.empty:
        raise ValueError(f"no customer was seen {days} days before the cutoff: nothing to train on")
    after = log[log["date"] >= before + pd.Timedelta(days=1)]
    y = after.groupby("customer_id")["amount"].sum().reindex(train.index, fill_value=0.0)
    # Small trees, in its favour: larger ones fit small logs so closely that they end below 0.
    model = LGBMRegressor(
        objective="tweedie",
        tweedie_variance_power=1.5,
        n_estimators=100,
        learning_rate=0.05,
        num_leaves=7,
        min_child_samples=100,
        random_state=seed,
        n_jobs=1,
        verbose=-1,
    )
    model.fit(train, y.clip(lower=0.0))
    test = features(log, cutoff, days)
    return pd.Series(model.predict(test), index=test.index)
