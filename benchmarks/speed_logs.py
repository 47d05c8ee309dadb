"""How long the door and the features take, and how much memory, beside Polars."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.engines.logs import random_log
from benchmarks.measure import Side, SideFailed, Worker, compare
from clvkit import latest_histories
from clvkit.features import default_features

__all__ = ["PEERS", "QUICK_PEERS", "run_logs", "run_scaling"]

ENGINE = Path(__file__).parent / "engines" / "logs.py"

#: What is measured.
TASKS = ("door", "features")
#: And against what: task, side of the engine, and what that does.
PEERS = (
    ("door", "polars", "Polars: sort and group into lists"),
    ("features", "polars", "Polars: one group_by of 17 aggregates"),
    ("features", "pandas", "pandas: one groupby of the same"),
    ("features", "series", "the same one by one, from the arrays of each customer"),
)
QUICK_PEERS = PEERS[:3]
#: A log to do the imports with.
SMALL = {"customers": 100, "events": 1_000}


def run_logs(
    n_customers: int,
    n_events: int,
    *,
    repeats: int = 5,
    budget: float = 60.0,
    threads: int = 1,
    peers: Sequence[tuple[str, str, str]] = PEERS,
    say: Callable[[str], Any] = lambda line: None,
) -> pd.DataFrame:
    """Return one row a task and peer: times, ratios and peak memory of both sides.

    ``bytes`` is the size of what the memory is compared with: the three columns of the log for
    the door, the table that comes out for the features.
    """
    side = Side(ENGINE, Path(sys.executable), threads=threads)
    size = {"customers": n_customers, "events": n_events}
    rows = []
    with Worker(side) as left, Worker(side) as right:
        for name, other, peer in peers:
            ours, theirs = ({"do": name, "side": who, **size} for who in ("clvkit", other))
            row = compare(left, right, ours, theirs, repeats=repeats, budget=budget, small=SMALL)
            row |= {"bytes": _bytes(name, n_customers, n_events)}
            rows.append({"task": name, "peer": peer, **size, **row})
            say(f"{name} at {n_events:,} events")
    return pd.DataFrame(rows)


def run_scaling(sizes: tuple[int, ...], *, repeats: int = 3, threads: int = 1) -> pd.DataFrame:
    """Return the time per event at several numbers of events, ten a customer."""
    rows = []
    with Worker(Side(ENGINE, Path(sys.executable), threads=threads)) as worker:
        for events in sizes:
            for name in TASKS:
                task = {"do": name, "side": "clvkit", "customers": events // 10, "events": events}
                row = {"task": name, "events": events, "seconds": np.nan, "error": ""}
                try:
                    worker.ask(task)
                    times = [worker.ask(task).seconds for _ in range(repeats)]
                    row["seconds"] = float(np.median(times))
                except SideFailed as error:  # of memory, most likely
                    row["error"] = str(error)
                rows.append(row)
    table = pd.DataFrame(rows)
    per_event = table["seconds"] / table["events"]
    first = per_event.groupby(table["task"]).transform("first")
    return table.assign(nanoseconds_per_event=1e9 * per_event, relative=per_event / first)


def _bytes(name: str, n_customers: int, n_events: int) -> int:
    if name == "door":
        return 3 * 8 * n_events
    X = latest_histories(random_log(**{f"n_{key}": value for key, value in SMALL.items()}))
    return 8 * n_customers * len(default_features().fit(X).get_feature_names_out())
