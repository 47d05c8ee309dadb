"""Whether anything became much slower: a minute, and no seconds that depend on the machine.

Each call of clvkit is measured in turn with a fixed piece of work in NumPy, in the same process
and by processor time. A disturbance can only lengthen either, and a busy machine lengthens both: so
the least time of each counts, and their ratio is compared with the limit that is written down,
which leaves room for other processors.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import whole_number
from benchmarks.engines.logs import random_log
from benchmarks.errors import BenchmarkError
from benchmarks.tables import markdown_table
from clvkit import AutoCLV, latest_histories
from clvkit.btyd import BetaGeoNBD, BTYDRegressor, GammaGamma, ParetoNBD
from clvkit.datasets import load_cdnow
from clvkit.features import default_features
from clvkit.history import rfm_summary

__all__ = ["LIMITS", "SLACK", "add_arguments", "main", "measure", "too_slow", "workloads"]

LIMITS = Path(__file__).parent / "guard.json"

#: A limit is this many times the ratio that was measured when it was written down.
SLACK = 2.0

#: Seconds that the repeats of one call may take, but two of them.
LONGEST = 4.0

Call = Callable[[], Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=whole_number(1), default=15)
    parser.add_argument(
        "--write", action="store_true", help="write limits from what is measured now"
    )


def main(arguments: argparse.Namespace) -> None:
    """Measure, print the table, and fail where a ratio is above its limit; or write the limits."""
    calls = workloads()
    found = measure(calls, arguments.repeats)
    if arguments.write:
        limits = {name: round(SLACK * ratio, 3) for name, ratio in found.items()}
        LIMITS.write_text(json.dumps(limits, indent=2) + "\n", encoding="utf-8")
    limits = json.loads(LIMITS.read_text(encoding="utf-8"))
    if above := [name for name, ratio in found.items() if ratio > limits[name]]:
        # Once more before it is said: somebody else may have had the machine.
        again = measure({name: calls[name] for name in above}, arguments.repeats)
        found |= {name: min(found[name], ratio) for name, ratio in again.items()}
    rows = [[name, f"{ratio:.3g}", f"{limits[name]:.3g}"] for name, ratio in found.items()]
    print(markdown_table(["call", "times the fixed work", "limit"], rows))
    if slow := too_slow(found, limits):
        raise BenchmarkError(
            f"slower than the limits in {LIMITS.name} allow: {', '.join(slow)}. Measure again to "
            "be sure; if the cost is meant: python -m benchmarks guard --write"
        )


def workloads() -> dict[str, Call]:
    """Return what is measured, by name, ready to be called."""
    log, cdnow = random_log(10_000, 100_000), load_cdnow()
    some = cdnow[cdnow["customer_id"] <= 400]
    histories = latest_histories(log)
    of_cdnow = latest_histories(cdnow, "1997-09-30")
    summary = rfm_summary(of_cdnow)
    features = default_features().fit(histories)
    model = BTYDRegressor(BetaGeoNBD(), GammaGamma(), "273D").fit(of_cdnow)

    def search() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            candidates = ["bg_nbd", "historical_rate"]
            AutoCLV("13W", candidates=candidates, n_trials=2, random_state=0, verbose=0).fit(some)

    return {
        "door": lambda: latest_histories(log),
        "features": lambda: features.transform(histories),
        "rfm_summary": lambda: rfm_summary(histories),
        "BetaGeoNBD fit": lambda: BetaGeoNBD().fit(summary),
        "ParetoNBD fit": lambda: ParetoNBD().fit(summary),
        "GammaGamma fit": lambda: GammaGamma().fit(summary),
        "BTYDRegressor predict": lambda: model.predict(of_cdnow),
        "AutoCLV of two candidates": search,
    }


def measure(calls: dict[str, Call], repeats: int) -> dict[str, float]:
    """Return the least time of each call over that of the fixed work, measured in turn."""
    data = np.random.default_rng(0).gamma(2.0, 20.0, 400_000)
    found = {}
    for name, call in calls.items():
        first = _processor_time(call)  # with imports, and caches to fill
        number = min(repeats, max(2, int(LONGEST / max(first, 1e-6))))
        pairs = [
            (_processor_time(call), _processor_time(lambda: _fixed_work(data)))
            for _ in range(number)
        ]
        ours, fixed = (min(times) for times in zip(*pairs, strict=True))
        found[name] = ours / fixed
    return found


def too_slow(found: dict[str, float], limits: dict[str, float]) -> list[str]:
    """Return what is above its limit, with both figures."""
    return [
        f"{name} ({ratio:.3g}, limit {limits[name]:.3g})"
        for name, ratio in found.items()
        if ratio > limits[name]
    ]


def _fixed_work(data: np.ndarray) -> float:
    """Sort, sum, take logarithms and group, as features and models do; and some of plain Python."""
    ordered = np.sort(data)
    keys = pd.Series(ordered).groupby(np.arange(len(data)) // 50).sum()
    words = sum(len(str(number)) for number in range(20_000))
    return float(np.log(ordered).sum() + np.cumsum(ordered)[-1] + keys.sum() + words)


def _processor_time(call: Call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start
