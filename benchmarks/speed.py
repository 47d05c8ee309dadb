"""How long the door and the features take, as ratios to Polars on the same frame in one run.

Machines are noisy, so each pair is timed in turn and the medians of the ratios count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from clvkit import latest_histories
from clvkit.features import default_features


def simulate_log(n_customers: int, n_events: int, seed: int = 0) -> pd.DataFrame:
    """Return an unsorted log with integer ids over two years, one event a customer at least."""
    rng = np.random.default_rng(seed)
    extra = rng.integers(0, n_customers, n_events - n_customers)
    ids = np.concatenate([np.arange(n_customers), extra])
    days = np.datetime64("2020-01-01", "us") + rng.integers(0, 730, n_events) * np.timedelta64(
        1, "D"
    )
    amounts = rng.gamma(2.0, 20.0, n_events).round(2)
    order = rng.permutation(n_events)
    log = {"customer_id": ids[order], "date": days[order], "amount": amounts[order]}
    return pd.DataFrame(log)


def polars_lists(log: pd.DataFrame) -> Any:
    """Sort and group into lists: what a door costs at the least."""
    frame = pl.from_pandas(log).sort("customer_id", "date", "amount")
    return frame.group_by("customer_id", maintain_order=True).agg("date", "amount")


def polars_features(log: pl.DataFrame) -> Any:
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


def paired(ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Time two calls in turn, after one of each that does not count."""
    ours(), theirs()
    pairs = np.array([[_seconds(call) for call in (ours, theirs)] for _ in range(repeats)])
    ratio = pairs[:, 0] / pairs[:, 1]
    return {
        "seconds": float(np.median(pairs[:, 0])),
        "peer_seconds": float(np.median(pairs[:, 1])),
        "ratio": float(np.median(ratio)),
        "ratio_min": float(ratio.min()),
        "ratio_max": float(ratio.max()),
    }


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def run(n_customers: int, n_events: int, repeats: int) -> pd.DataFrame:
    """Return the table of the ratios: smaller is better, 1 is as fast as Polars."""
    log = simulate_log(n_customers, n_events)
    frame = pl.from_pandas(log)
    X = latest_histories(log)
    features = default_features().fit(X)
    rows = {
        "door against sort and group into lists": paired(
            lambda: latest_histories(log), lambda: polars_lists(log), repeats
        ),
        "default features against one group_by": paired(
            lambda: features.transform(X), lambda: polars_features(frame), repeats
        ),
    }
    return pd.DataFrame.from_dict(rows, orient="index").round(3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)


def main(arguments: argparse.Namespace) -> None:
    print(run(arguments.customers, arguments.events, arguments.repeats).to_string())
