"""A log of ten years, as large as one likes, and champions for it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import polars as pl

from clvkit import AutoCLV
from clvkit.serving import CLVModel

__all__ = ["CHAMPIONS", "HORIZON", "decade_log", "fit_champion", "write_decade_log"]

HORIZON = "26W"
START, DAYS = np.datetime64("2015-01-01"), 3652
#: Candidates of ``AutoCLV`` by what they are called here.
CHAMPIONS = {"btyd": "bg_nbd", "hybrid": "hybrid"}


def decade_log(n_customers: int, n_events: int, seed: int = 0) -> pl.DataFrame:
    """Return a log in order of time, with refunds, one line a customer or more.

    Customers come at any day, stay for a gamma distributed time and buy at gamma distributed
    rates; their mean amounts are gamma distributed, too. Three lines in a hundred are refunds.
    """
    rng = np.random.default_rng(seed)
    first = rng.integers(0, DAYS - 30, n_customers)
    stays = np.minimum(rng.gamma(0.6, 1500, n_customers).astype(np.int64), DAYS - 1 - first)
    weight = rng.gamma(0.5, 1.0, n_customers) * (stays + 1)
    lines = 1 + rng.multinomial(n_events - n_customers, weight / weight.sum())
    who = np.repeat(np.arange(n_customers), lines)
    share = rng.random(n_events)
    share[np.cumsum(lines) - lines] = 0.0  # everybody begins on the first day
    day = first[who] + (share * (stays[who] + 1)).astype(np.int64)
    mean = rng.gamma(6, 5, n_customers)
    amount = np.round(rng.gamma(2, mean[who] / 2), 2)
    amount[rng.random(n_events) < 0.03] *= -1
    order = np.argsort(day, kind="stable")
    dates = (START + day[order]).astype("M8[us]")
    return pl.DataFrame({"customer_id": who[order], "date": dates, "amount": amount[order]})


def write_decade_log(n_customers: int, n_events: int, path: Path) -> None:
    """Write the log as Parquet, a million lines a row group."""
    decade_log(n_customers, n_events).write_parquet(path, row_group_size=1_000_000)


def fit_champion(name: str, log: Path, n_customers: int) -> CLVModel:
    """Return what ``AutoCLV`` makes of a candidate, fitted on some customers of a log."""
    chosen = pl.col("customer_id") < n_customers
    sample = pl.scan_parquet(log).filter(chosen).collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        auto = AutoCLV(
            HORIZON, candidates=[CHAMPIONS[name]], n_trials=1, ensemble=False, random_state=0,
            verbose=0,
        )  # fmt: skip
        return auto.fit(sample).model_
