"""Simulated logs, whose truth is known: each breaks one assumption, or none."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.errors import BenchmarkError
from benchmarks.tasks import Task
from clvkit.datasets import simulate_log

__all__ = ["PREFIX", "SIMULATED", "latent_expectation", "simulate", "simulated_tasks"]

#: Before the name of a simulated log, where a log is named.
PREFIX = "sim:"

#: Two years of past and half a year to predict.
COMMON: dict[str, Any] = {
    "n_customers": 3000,
    "start": "2020-01-01",
    "cutoff": "2021-12-31",
    "horizon": "182D",
    "random_state": 0,
}

#: Name -> settings of :func:`clvkit.datasets.simulate_log`.
SIMULATED: dict[str, dict[str, Any]] = {
    "bg_nbd": {"process": "bg_nbd"},
    "mbg_nbd": {"process": "mbg_nbd"},
    "pareto_nbd": {"process": "pareto_nbd"},
    "without_dropout": {"process": "nbd"},
    "lognormal": {"process": "bg_nbd", "spend": "zero_inflated_lognormal"},
    "seasonal": {"process": "pareto_nbd", "season": {3: 2.0, 6: 2.0, 11: 3.0, 12: 3.0}},
    "staggered": {"process": "pareto_nbd", "entry": "100W"},
    "refunds": {"process": "bg_nbd", "refunds": 0.15},
}


def simulate(name: str) -> Any:
    """Return the simulation of one of the names, as ``simulate_log`` does."""
    if name not in SIMULATED:
        raise BenchmarkError(
            f"there is no simulated log {name!r}. There are {', '.join(SIMULATED)}."
        )
    return simulate_log(**(COMMON | SIMULATED[name]))


def simulated_tasks(*names: str) -> tuple[Task, ...]:
    """Return the task of each simulated log, or of those named."""
    days = int(COMMON["horizon"].removesuffix("D"))
    return tuple(Task(PREFIX + name, COMMON["cutoff"], days) for name in names or SIMULATED)


def latent_expectation(task: Task) -> pd.DataFrame | None:
    """Return what customers were bound to spend and buy by their latent rates, where it is known.

    Nobody can know it from a log: it says how much of the spend is chance.
    """
    name = task.log.removeprefix(PREFIX)
    if not task.log.startswith(PREFIX) or task not in simulated_tasks(name):
        return None
    truth = simulate(name).truth
    return pd.DataFrame(
        {"spend": truth["expected_spend"], "purchases": truth["expected_purchases"]}
    )
