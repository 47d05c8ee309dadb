"""What the tabular competitors share: features of past windows, and what was spent after them.

It runs in their environments too, so it needs pandas only.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Past cutoffs to learn from, and rows, at most.
ORIGINS, ROWS = 4, 60_000

#: Lengths of the windows before a cutoff, as multiples of the period to predict.
WINDOWS = (0.25, 0.5, 1, 2)


def training_data(log, cutoff, days, seed):
    """Return features and spend to learn from, and the features to predict from.

    Origins go back from the latest one whose period has ended by the cutoff, in steps of half a
    period, as long as half a period of history is before them. Where the log is too short for
    any, its first half is the history, and what was spent in the second, at the same rate, the
    spend of a period.
    """
    start = log["date"].min().normalize()
    span = (cutoff - start).days + 1
    least = max(days // 2, 28)
    period = days if span >= days + least else max(span // 2, 1)
    origins = [
        cutoff - pd.Timedelta(days=period + number * max(period // 2, 1))
        for number in range(ORIGINS)
    ]
    known = [origin for origin in origins[1:] if (origin - start).days >= least]
    tables = [_labelled(log, origin, period) for origin in [origins[0], *known]]
    X, y = (pd.concat(part) for part in zip(*tables, strict=True))
    rows = np.random.default_rng(seed).permutation(len(X))[:ROWS]
    spend = y.to_numpy()[rows] * days / period
    return X.iloc[rows].reset_index(drop=True), spend, features(log, cutoff, period)


def features(log, origin, period):
    """Return recency, frequency and monetary values of the customers seen by the origin."""
    seen = log[log["date"] < origin + pd.Timedelta(days=1)]
    age = (origin - seen["date"].dt.normalize()).dt.days.rename("age")
    lines = pd.DataFrame({"customer": seen["customer_id"], "age": age, "amount": seen["amount"]})
    days = lines.groupby(["customer", "age"])["amount"].sum().reset_index()
    by_customer, amounts = days.groupby("customer"), lines.groupby("customer")["amount"]
    table = pd.DataFrame(
        {
            "age": by_customer["age"].max(),
            "days_since_last": by_customer["age"].min(),
            "days_with_events": by_customer.size(),
            "total": amounts.sum(),
            "mean": amounts.mean(),
            "largest": amounts.max(),
            "mean_of_day": by_customer["amount"].mean(),
        }
    )
    gaps = (table["days_with_events"] - 1).where(table["days_with_events"] > 1)
    table["mean_gap"] = (table["age"] - table["days_since_last"]) / gaps
    for share in WINDOWS:
        recent = days[days["age"] < share * period].groupby("customer")["amount"]
        for name, values in (("spend", recent.sum()), ("days", recent.size())):
            table[f"{name}_in_{share}"] = values.reindex(table.index, fill_value=0).astype(float)
    return table


def _labelled(log, origin, period):
    """Return the features at an origin, and what was spent in the period after it."""
    X = features(log, origin, period)
    start = origin + pd.Timedelta(days=1)
    inside = (log["date"] >= start) & (log["date"] < start + pd.Timedelta(days=period))
    spend = log[inside].groupby("customer_id")["amount"].sum()
    return X, spend.reindex(X.index, fill_value=0.0).clip(lower=0.0)


def with_quantiles(customers, spend, quantiles, levels):
    """Return the frame of a prediction: the mean, and quantiles that never fall or are below 0."""
    values = np.maximum.accumulate(np.maximum(quantiles, 0.0), axis=1)
    table = pd.DataFrame(values, index=customers, columns=levels)
    return table.assign(spend=np.maximum(np.asarray(spend, dtype=float), 0.0))
