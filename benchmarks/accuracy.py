"""How well competitors predict what customers spend after a cutoff, on real logs."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.adapters import Adapter, find_adapter, standard_adapters
from benchmarks.logs import data_folder, load_log, logs_in
from benchmarks.machine import describe_run
from benchmarks.runner import Outcome, run_adapter
from benchmarks.scores import METRICS, align, bootstrap_differences, score
from benchmarks.tables import accuracy_markdown, write_results
from benchmarks.tasks import PACKAGED, QUICK, STANDARD, Task, parse_task
from benchmarks.truth import split_log

__all__ = ["Results", "add_arguments", "chosen_tasks", "main", "run"]

REFERENCE = "clvkit_automl"


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_argument_group("what to run")
    choice.add_argument("--data", metavar="FOLDER", help="folder of logs; by default CLVKIT_DATA")
    choice.add_argument(
        "--task",
        action="append",
        metavar="LOG:CUTOFF:DAYS",
        help="a task, such as cdnow:1998-01-31:150; may be repeated; by default the standard ones",
    )
    choice.add_argument("--quick", action="store_true", help="the four tasks of `make bench-quick`")
    choice.add_argument(
        "--competitor",
        action="append",
        metavar="NAME|FILE",
        help="a competitor, by name or by the path of its file; may be repeated; by default all",
    )
    choice.add_argument("--list", action="store_true", help="list tasks and competitors, run none")
    names = parser.add_argument_group("columns, where a file has other names")
    for column in ("customer-id", "date", "amount"):
        names.add_argument(f"--{column}", metavar="COLUMN")
    how = parser.add_argument_group("how")
    how.add_argument("--reference", default=REFERENCE, help="what the others are compared with")
    how.add_argument("--seed", type=int, default=0)
    how.add_argument("--time-limit", type=float, default=600.0, metavar="SECONDS")
    how.add_argument("--resamples", type=int, default=1000, help="of the bootstrap")
    how.add_argument("--out", default="benchmarks/results", metavar="FOLDER")


def main(arguments: argparse.Namespace) -> None:
    """Run what was asked for, print the tables, and write them."""
    folder = data_folder(arguments.data)
    names = arguments.competitor
    adapters = [find_adapter(name) for name in names] if names else standard_adapters()
    tasks, left_out = chosen_tasks(arguments.task, arguments.quick, folder)
    if arguments.list:
        print("\n".join(["Tasks", *(f"  {task}" for task in tasks), "Competitors"]))
        print("\n".join(f"  {adapter.name}: {adapter.summary}" for adapter in adapters))
        return
    if left_out:
        print(
            f"Left out for want of their logs: {', '.join(map(str, left_out))}. --data or "
            "CLVKIT_DATA names the folder that holds them.",
            file=sys.stderr,
        )
    results = run(
        tasks,
        adapters,
        folder,
        renamed={
            name: theirs
            for name in ("customer_id", "date", "amount")
            if (theirs := getattr(arguments, name))
        },
        reference=arguments.reference,
        seed=arguments.seed,
        time_limit=arguments.time_limit,
        n_resamples=arguments.resamples,
        say=_say,
    )
    text = accuracy_markdown(results.scores, results.differences, describe_run())
    print(text)
    written = write_results(Path(arguments.out), text, results, describe_run())
    print(f"Written: {', '.join(map(str, written))}", file=sys.stderr)


def chosen_tasks(
    named: Sequence[str] | None, quick: bool, folder: Path | None
) -> tuple[list[Task], list[Task]]:
    """Return the tasks to run, and those of the standard ones whose log is not there."""
    if named:
        return [parse_task(text) for text in named], []
    there = {task.log for task in PACKAGED} | set(logs_in(folder))
    wanted = QUICK if quick else STANDARD
    found = [task for task in wanted if task.log in there]
    left_out = [task for task in wanted if task.log not in there]
    if left_out and len(found) < 2:  # no folder: what the package has instead
        found += [task for task in PACKAGED if task not in found]
    return found, left_out


def run(
    tasks: Iterable[Task],
    adapters: Sequence[Adapter],
    folder: Path | None = None,
    *,
    renamed: dict[str, str] | None = None,
    reference: str = REFERENCE,
    seed: int = 0,
    time_limit: float = 600.0,
    n_resamples: int = 1000,
    say: Callable[[str], Any] = lambda line: None,
) -> Results:
    """Run every competitor on every task.

    Parameters
    ----------
    tasks : iterable of Task
    adapters : sequence of Adapter
    folder : Path, optional
        Where the logs are.
    renamed : dict of str to str, optional
        Our column -> the file's.
    reference : str
        Name of the competitor with which the others are compared, where it has a prediction.
    seed : int
        Handed to the competitors, and used for the resamples.
    time_limit : float
        Seconds a competitor may take on a task.
    n_resamples : int
    say : callable
        Told of every result as it comes.

    Returns
    -------
    Results
    """
    scores, differences = [], []
    for task in tasks:
        past, spend = split_log(load_log(task.log, folder, renamed), task)
        y = spend.to_numpy(dtype=np.float64)
        predictions = {}
        for adapter in adapters:
            outcome = run_adapter(adapter, past, task, seed=seed, time_limit=time_limit)
            row = _of_task(task, len(y)) | {"competitor": adapter.name}
            if outcome.prediction is not None:
                pred, absent = align(outcome.prediction, spend)
                predictions[adapter.name] = pred
                row |= score(y, pred) | {"without_prediction": absent}
            scores.append(row | _of_outcome(outcome))
            say(_line(task, adapter, scores[-1]))
        if reference in predictions and len(predictions) > 1:
            gaps = bootstrap_differences(
                y, predictions, reference, n_resamples=n_resamples, seed=seed
            )
            differences.append(gaps.assign(**_of_task(task, len(y))))
    empty = dict.fromkeys((*METRICS, "without_prediction"), np.nan)
    table = pd.DataFrame([empty | row for row in scores])
    first = ["log", "cutoff", "days", "customers", "competitor"]
    table = table[first + [name for name in table if name not in first]]
    return Results(table, pd.concat(differences) if differences else pd.DataFrame())


def _of_task(task: Task, customers: int) -> dict[str, Any]:
    return {"log": task.log, "cutoff": task.cutoff, "days": task.days, "customers": customers}


def _of_outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "seconds": outcome.seconds,
        "cpu_seconds": outcome.cpu_seconds,
        "error": outcome.error,
        "versions": ", ".join(f"{name} {version}" for name, version in outcome.versions.items()),
    }


def _line(task: Task, adapter: Adapter, row: dict[str, Any]) -> str:
    if row["error"]:
        return f"{task}  {adapter.name}: {row['error']}"
    return f"{task}  {adapter.name}: D2 {row['d2_tweedie']:.3f} in {row['seconds']:.1f} s"


def _say(line: str) -> None:
    """Show progress where somebody is looking."""
    if sys.stderr.isatty():
        print(f"{time.strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)
