"""The door and the features of clvkit, and what Polars does at the least, for
``measure_worker.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from clvkit import latest_histories
from clvkit.features import default_features


@lru_cache(maxsize=1)
def random_log(n_customers: int, n_events: int, seed: int = 0) -> pd.DataFrame:
    """Return an unsorted log with integer ids over two years, one event a customer at least."""
    rng = np.random.default_rng(seed)
    extra = rng.integers(0, n_customers, n_events - n_customers)
    ids = np.concatenate([np.arange(n_customers), extra])
    days = rng.integers(0, 730, n_events) * np.timedelta64(1, "D")
    amounts = rng.gamma(2.0, 20.0, n_events).round(2)
    order = rng.permutation(n_events)
    dates = np.datetime64("2020-01-01", "us") + days
    log = {"customer_id": ids[order], "date": dates[order], "amount": amounts[order]}
    return pd.DataFrame(log)


def polars_lists(log: pd.DataFrame) -> pl.DataFrame:
    """Sort and group into lists: what a door costs at the least."""
    frame = pl.from_pandas(log).sort("customer_id", "date", "amount")
    return frame.group_by("customer_id", maintain_order=True).agg("date", "amount")


def polars_features(log: pl.DataFrame) -> pl.DataFrame:
    """Group once by customer: count, sum, mean, max, sd, first and last age, five windows."""
    end = log["date"].max()
    windows = [
        expression
        for days in (7, 30, 90, 180, 365)
        for inside in [pl.col("date") > end - pl.duration(days=days)]
        for expression in (
            inside.sum().alias(f"count_{days}"),
            pl.col("amount").filter(inside).sum().alias(f"sum_{days}"),
        )
    ]
    amount = pl.col("amount")
    return log.group_by("customer_id").agg(
        pl.len(),
        amount.sum().alias("sum"),
        amount.mean().alias("mean"),
        amount.max().alias("max"),
        amount.std().alias("sd"),
        (end - pl.col("date").min()).alias("first"),
        (end - pl.col("date").max()).alias("last"),
        *windows,
    )


def pandas_features(log: pd.DataFrame) -> pd.DataFrame:
    """Group once by customer, with the same aggregates in pandas."""
    end = log["date"].max()
    customers = log.groupby("customer_id", sort=False)
    amount = customers["amount"]
    table = {
        "len": amount.size(),
        "sum": amount.sum(),
        "mean": amount.mean(),
        "max": amount.max(),
        "sd": amount.std(),
        "first": end - customers["date"].min(),
        "last": end - customers["date"].max(),
    }
    for days in (7, 30, 90, 180, 365):
        inside = log[log["date"] > end - pd.Timedelta(days=days)].groupby("customer_id")["amount"]
        table |= {f"count_{days}": inside.size(), f"sum_{days}": inside.sum()}
    return pd.DataFrame(table)


def series_features(log: pd.DataFrame) -> list[list[float]]:
    """Compute them one by one from each customer's own arrays, as time-series packages do."""
    end = log["date"].max()
    ordered = log.sort_values(["customer_id", "date"])
    starts = np.flatnonzero(np.diff(ordered["customer_id"], prepend=-1))
    ages = ((end - ordered["date"]).dt.days).to_numpy()
    pairs = zip(
        np.split(ages, starts[1:]), np.split(ordered["amount"].to_numpy(), starts[1:]), strict=True
    )
    return [
        [len(a), a.sum(), a.mean(), a.max(), a.std(), age.max(), age.min()]
        + [f(a[age < days]) for days in (7, 30, 90, 180, 365) for f in (len, np.sum)]
        for age, a in pairs
    ]


def prepare(task: dict[str, Any]) -> Callable[[], Any]:
    """Return the door or the features of either side, on the same log."""
    log = random_log(task["customers"], task["events"])
    if task["do"] == "door":
        door = latest_histories if task["side"] == "clvkit" else polars_lists
        return lambda: door(log)
    if task["side"] == "polars":
        frame = pl.from_pandas(log)
        return lambda: polars_features(frame)
    if task["side"] == "pandas":
        return lambda: pandas_features(log)
    if task["side"] == "series":
        return lambda: series_features(log)
    X = latest_histories(log)
    features = default_features().fit(X)
    return lambda: features.transform(X)


def describe(result: Any) -> list[float]:
    """Return the number of customers."""
    return [len(result)]
