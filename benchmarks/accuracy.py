"""How well competitors predict what customers spend after a cutoff, on real logs."""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from benchmarks.accuracy_tables import accuracy_markdown
from benchmarks.adapters import Adapter, find_adapter, standard_adapters
from benchmarks.arguments import seconds, whole_number
from benchmarks.compare import REFERENCE, Settings, compare
from benchmarks.errors import BenchmarkError
from benchmarks.kept import Outcomes
from benchmarks.logs import COLUMNS, data_folder, load_log, logs_in, unlike_published
from benchmarks.machine import describe_run
from benchmarks.own_model import own_adapter
from benchmarks.progress import Keeper
from benchmarks.simulated import SIMULATED, simulated_tasks
from benchmarks.summary import write_summary
from benchmarks.tables import results_folder
from benchmarks.tasks import QUICK, STANDARD, Task, parse_task, rolling_tasks
from benchmarks.truth import days_unseen, split_log

__all__ = ["add_arguments", "chosen_adapters", "chosen_tasks", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_argument_group("what to run")
    choice.add_argument("--data", metavar="FOLDER", help="folder of logs; by default CLVKIT_DATA")
    choice.add_argument(
        "--task",
        action="append",
        metavar="LOG:CUTOFF:DAYS",
        help="a task, such as cdnow:1998-01-31:150; may be repeated; by default the standard ones",
    )
    choice.add_argument(
        "--log",
        action="append",
        metavar="FILE",
        help="a log of your own: its latest periods are predicted; may be repeated",
    )
    choice.add_argument(
        "--days", type=whole_number(1), help="length of these periods; by default a quarter of it"
    )
    choice.add_argument("--quick", action="store_true", help="the tasks of `make bench-quick`")
    choice.add_argument(
        "--simulated",
        nargs="*",
        choices=tuple(SIMULATED),
        metavar="NAME",
        help="the simulated tasks as well, or those named",
    )
    choice.add_argument(
        "--competitor",
        action="append",
        metavar="NAME|FILE",
        help="a competitor, by name or by the path of its file; may be repeated; by default all",
    )
    choice.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODULE:FACTORY",
        help="an estimator of your own, beside the competitors; may be repeated",
    )
    choice.add_argument("--list", action="store_true", help="list tasks and competitors, run none")
    names = parser.add_argument_group("columns, where a file has other names")
    for column in COLUMNS:
        names.add_argument(f"--{column.replace('_', '-')}", metavar="COLUMN")
    how = parser.add_argument_group("how")
    how.add_argument("--reference", default=REFERENCE, help="what the others are compared with")
    how.add_argument("--seed", type=whole_number(0, 2**32 - 1), default=0)
    how.add_argument("--time-limit", type=seconds, default=600.0, metavar="SECONDS")
    how.add_argument("--resamples", type=whole_number(1), default=1000, help="of the bootstrap")
    how.add_argument(
        "--resume", action="store_true", help="keep what an ended run left in --out, and go on"
    )
    how.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="NAME",
        help="with --resume: run this competitor anew; may be repeated",
    )
    how.add_argument("--out", default="benchmarks/.results", metavar="FOLDER")


def main(arguments: argparse.Namespace) -> None:
    """Run what was asked for, print the tables, and write them after every task."""
    folder = data_folder(arguments.data)
    renamed = {name: new for name in COLUMNS if (new := getattr(arguments, name))}
    load = functools.lru_cache(maxsize=1)(lambda name: load_log(name, folder, renamed))
    with tempfile.TemporaryDirectory(prefix="clvkit-models-") as models:
        _run(arguments, folder, load, Path(models))


def _run(
    arguments: argparse.Namespace,
    folder: Path | None,
    load: Callable[[str], pd.DataFrame],
    models: Path,
) -> None:
    own = [own_adapter(text, models) for text in arguments.model]
    adapters = chosen_adapters(arguments.competitor, own, quick=arguments.quick)
    tasks = list(dict.fromkeys(chosen_tasks(arguments, folder, load)))
    if arguments.list:
        print("\n".join(["Tasks", *(f"  {task}" for task in tasks), "Competitors"]))
        print("\n".join(f"  {adapter.name}: {adapter.summary}" for adapter in adapters))
        return
    _check_reference(arguments.reference, adapters)
    _check_again(arguments.again, adapters)
    _check(tasks, load)
    notes = unlike_published((task.log for task in tasks), folder)
    print("".join(f"{note}\n" for note in notes), file=sys.stderr, end="")
    out = results_folder(arguments.out)
    settings = Settings(
        arguments.reference,
        arguments.seed,
        arguments.time_limit,
        arguments.resamples,
        Outcomes(out / "outcomes", resume=arguments.resume, again=arguments.again),
    )
    about = describe_run() | ({"logs": " ".join(notes)} if notes else {})
    with Keeper(out, about, len(tasks) * len(adapters)) as keeper:
        results = compare(tasks, adapters, load, settings, keeper)
    print(accuracy_markdown(results.scores, results.differences, about))
    print(write_summary(out, results.scores, arguments.reference, about))
    print(f"These tables, and more of them as CSV, are in {arguments.out}.")


def chosen_adapters(
    names: Sequence[str] | None, own: Sequence[Adapter] = (), *, quick: bool = False
) -> list[Adapter]:
    """Return the competitors that were named, else those that come with the benchmark; and own.

    A quick run has none of those that take a minute, unless they were named.
    """
    if names:
        adapters = list(dict.fromkeys([*map(find_adapter, names), *own]))
    else:
        standard = standard_adapters()
        adapters = [adapter for adapter in standard if not (quick and adapter.slow)] + [*own]
    named = Counter(adapter.name for adapter in adapters)
    if twice := [name for name, times in named.items() if times > 1]:
        raise BenchmarkError(f"two competitors are called {twice[0]!r}; rename one of the files.")
    return adapters


def chosen_tasks(
    arguments: argparse.Namespace,
    folder: Path | None,
    load: Callable[[str], pd.DataFrame] | None = None,
) -> list[Task]:
    """Return the tasks that were named, else those of the standard ones whose logs are there.

    Without their logs, simulated ones stand in. Those of a log of one's own need its dates,
    which ``load`` returns by its name.
    """
    asked = arguments.simulated
    simulated = [] if asked is None else list(simulated_tasks(*asked))
    if arguments.task or arguments.log:
        named = [parse_task(text) for text in arguments.task or ()]
        own = [task for name in arguments.log or () for task in _tasks_of(name, load, arguments)]
        return named + own + simulated
    there = {"cdnow_sample", *logs_in(folder)}
    wanted = QUICK if arguments.quick else STANDARD
    found = [task for task in wanted if task.log in there]
    absent = [task for task in wanted if task.log not in there]
    if not absent:
        return found + simulated
    print(f"Left out, for want of --data: {', '.join(map(str, absent))}", file=sys.stderr)
    return found + (simulated or list(simulated_tasks("bg_nbd", "seasonal", "refunds")))


def _tasks_of(
    name: str, load: Callable[[str], pd.DataFrame] | None, arguments: argparse.Namespace
) -> list[Task]:
    """Return the latest periods of a log of one's own."""
    assert load is not None  # what reads logs is there where one is named
    days = load(name)["date"].dt.date
    return rolling_tasks(name, days.min(), days.max(), arguments.days)


def _check_reference(name: str, adapters: Sequence[Adapter]) -> None:
    """Refuse a reference that was named and does not run; the one by default may be absent."""
    names = [adapter.name for adapter in adapters]
    if name != REFERENCE and name not in names:
        raise BenchmarkError(
            f"the reference {name!r} is none of the competitors, which are {', '.join(names)}."
        )


def _check_again(again: Sequence[str], adapters: Sequence[Adapter]) -> None:
    """Refuse to run anew what does not run: its old results would stand there as new ones."""
    names = [adapter.name for adapter in adapters]
    if unknown := [name for name in again if name not in names]:
        raise BenchmarkError(
            f"--again {unknown[0]} is none of the competitors, which are {', '.join(names)}."
        )


def _check(tasks: Iterable[Task], load: Callable[[str], pd.DataFrame]) -> None:
    """Find what cannot be run before the first competitor starts."""
    for task in tasks:
        log = load(task.log)
        split_log(log, task)
        if unseen := days_unseen(log, task):
            print(
                f"{task}: the last event of the log is {unseen} days before the end of the "
                "period. If nothing was recorded after it, name fewer days.",
                file=sys.stderr,
            )
