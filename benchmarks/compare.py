"""Every competitor on every task: scores, and differences to a reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.adapters import Adapter
from benchmarks.kept import Outcomes, fingerprint
from benchmarks.runner import Outcome, run_adapter
from benchmarks.scorecard import ALL_METRICS, Scored
from benchmarks.scores import bootstrap_differences
from benchmarks.simulated import latent_expectation
from benchmarks.tasks import Task
from benchmarks.truth import Split, split_log

__all__ = ["REFERENCE", "Results", "Settings", "Watch", "compare", "compare_on"]

REFERENCE = "clvkit_automl"

#: Name in the table of what the latent rates of a simulated log foretell.
LATENT = "(latent rates)"


@dataclass(frozen=True)
class Settings:
    """How competitors are compared.

    Attributes
    ----------
    reference : str
        Name of the competitor with which the others are compared, where it has a prediction.
    seed : int
        Handed to the competitors, and used for the resamples.
    time_limit : float
        Seconds that a competitor may take on a task, its start included.
    n_resamples : int
        Of the bootstrap.
    outcomes : Outcomes or None
        Where predictions are kept, and those of an ended run found again.
    """

    reference: str = REFERENCE
    seed: int = 0
    time_limit: float = 600.0
    n_resamples: int = 1000
    outcomes: Outcomes | None = None


class Results(NamedTuple):
    """What a run found.

    Attributes
    ----------
    scores : DataFrame
        One row a (task, competitor): its metrics, or its error.
    differences : DataFrame
        One row a (task, competitor, metric): its difference to the reference, with an interval.
    """

    scores: pd.DataFrame
    differences: pd.DataFrame


class Watch:
    """Is told what happens; this one keeps it to itself."""

    def begins(self, task: Task, competitor: str) -> None:
        """A competitor starts on a task."""

    def ended(self, task: Task, row: dict[str, Any]) -> None:
        """Its row of the scores is known."""

    def finished(self, results: Results) -> None:
        """All competitors have done a task; these are all results so far."""


def compare(
    tasks: Iterable[Task],
    adapters: Sequence[Adapter],
    load: Callable[[str], pd.DataFrame],
    settings: Settings,
    watch: Watch,
) -> Results:
    """Run every competitor on every task.

    Parameters
    ----------
    tasks : iterable of Task
    adapters : sequence of Adapter
    load : callable
        Returns the log of a name.
    settings : Settings
    watch : Watch
        Told of every step, and given all results so far after each task.

    Returns
    -------
    Results
    """
    rows: list[dict[str, Any]] = []
    gaps = [pd.DataFrame()]
    for task in tasks:
        split = split_log(load(task.log), task)
        found, differences = compare_on(task, split, adapters, settings, watch)
        rows += found
        gaps.append(differences)
        watch.finished(Results(_frame(rows), pd.concat(gaps, ignore_index=True)))
    return Results(_frame(rows), pd.concat(gaps, ignore_index=True))


def compare_on(
    task: Task,
    split: Split,
    adapters: Sequence[Adapter],
    settings: Settings,
    watch: Watch,
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Run every competitor on one task, and return rows of scores and the differences."""
    about: dict[str, Any] = {
        "log": task.log,
        "cutoff": task.cutoff,
        "days": task.days,
        "customers": len(split.spend),
    }
    rows, scored = [], {}
    for name, run in _runs(task, split, adapters, settings):
        watch.begins(task, name)
        outcome = run()
        row = about | {"competitor": name}
        if outcome.prediction is not None:
            scored[name] = Scored(split, outcome.prediction)
            row |= scored[name].metrics
        rows.append(row | _about_outcome(outcome))
        watch.ended(task, rows[-1])
    if settings.reference not in scored:
        return rows, pd.DataFrame()
    differences = bootstrap_differences(
        split.spend.to_numpy(dtype=np.float64),
        {name: found.spend for name, found in scored.items()},
        settings.reference,
        n_resamples=settings.n_resamples,
        seed=settings.seed,
        crps={name: found.crps for name, found in scored.items() if found.crps is not None},
    )
    return rows, differences.assign(**about)


def _runs(
    task: Task, split: Split, adapters: Sequence[Adapter], settings: Settings
) -> Iterable[tuple[str, Callable[[], Outcome]]]:
    """Yield what to run; the latent rates of a simulated log need no process."""
    how: dict[str, Any] = {"seed": settings.seed, "time_limit": settings.time_limit}
    of_log = "" if settings.outcomes is None else fingerprint(split.past)
    for adapter in adapters:
        run = partial(run_adapter, adapter, split.past, task, **how)
        if settings.outcomes is not None:
            kept = partial(settings.outcomes.get, of_log=of_log)
            run = partial(kept, task, adapter.name, settings.seed, run)
        yield adapter.name, run
    if (latent := latent_expectation(task)) is not None:
        yield LATENT, partial(Outcome, prediction=latent)


def _about_outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "seconds": outcome.seconds,
        "cpu_seconds": outcome.cpu_seconds,
        "error": outcome.error,
        "versions": ", ".join(f"{name} {version}" for name, version in outcome.versions.items()),
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows with the same columns, whoever failed."""
    columns = [
        *("log", "cutoff", "days", "customers", "competitor"),
        *ALL_METRICS,
        *("without_prediction", "seconds", "cpu_seconds", "error", "versions"),
    ]
    return pd.DataFrame(rows, columns=columns)
