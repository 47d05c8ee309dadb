"""A search by AutoCLV on the CDNOW sample, for ``measure_worker.py``."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from clvkit import AutoCLV
from clvkit.datasets import load_cdnow


@cache
def log() -> pd.DataFrame:
    return load_cdnow()


def prepare(task: dict[str, Any]) -> Callable[[], Any]:
    """Return the search, and how long its parts took."""
    data = log()

    def search() -> list[float]:
        auto = AutoCLV("13W", n_trials=task["trials"], random_state=0, verbose=0)
        start = time.perf_counter()
        auto.fit(data)
        whole = time.perf_counter() - start
        board = auto.leaderboard_
        trials = board[board["family"] != "ensemble"]  # which tells the sum of its members
        models = np.nansum(trials[["fit_seconds", "predict_seconds"]].to_numpy())
        start = time.perf_counter()
        auto.model_.refit(data)
        return [whole, float(models), time.perf_counter() - start]

    return search


def describe(result: Any) -> list[float]:
    """Return seconds: of the whole, of the models at the origins, of the champion's last fit."""
    return list(result)
