"""How long fits, predictions, the door and the features take, beside peers in the same run."""

from __future__ import annotations

import argparse
import sys
import time
from typing import NamedTuple

import pandas as pd

from benchmarks.arguments import whole_number
from benchmarks.errors import BenchmarkError
from benchmarks.machine import describe_run
from benchmarks.speed_logs import PEERS, QUICK_PEERS, run_logs, run_scaling
from benchmarks.speed_models import available_pairs, run_models
from benchmarks.speed_overhead import run_imports, run_search
from benchmarks.speed_scaling import MODELS, run_model_scaling
from benchmarks.speed_tables import speed_markdown
from benchmarks.tables import results_folder, write_tables

__all__ = ["FULL", "QUICK", "Sizes", "add_arguments", "main"]

PARTS = ("models", "logs", "scaling", "search", "imports")
#: Of them, those of a quick run.
QUICK_PARTS = ("models", "logs")


class Sizes(NamedTuple):
    """How much is measured.

    Attributes
    ----------
    customers : tuple of int
        Simulated customers that the models are fitted to.
    log : tuple of int
        Customers and events of the log for the door and the features.
    repeats : int
    budget : float
        Seconds that the repeats of one row may take.
    memory : bool
        Whether the memory of the models is measured; that of door and features always is.
    scaling : tuple of int
        Customers that every model is fitted to, to see how its time grows.
    trials : tuple of int
        Of the searches of AutoCLV.
    """

    customers: tuple[int, ...]
    log: tuple[int, int]
    repeats: int
    budget: float
    memory: bool
    scaling: tuple[int, ...] = (1_000, 10_000)
    trials: tuple[int, ...] = (6,)


FULL = Sizes(
    (1_000, 10_000, 100_000),
    (100_000, 1_000_000),
    9,
    60.0,
    True,
    (1_000, 10_000, 100_000, 1_000_000),
    (6, 40),
)
QUICK = Sizes((1_000, 10_000), (50_000, 500_000), 5, 5.0, False)
#: Events of ``--scaling``.
SCALING = (1_000_000, 10_000_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_argument_group("what to run")
    choice.add_argument("--quick", action="store_true", help="small sizes: about two minutes")
    choice.add_argument("--part", action="append", choices=PARTS, help="by default all, or two")
    choice.add_argument(
        "--model",
        action="append",
        choices=MODELS,
        help="a model of clvkit; may be repeated; by default all, beside a peer where there is one",
    )
    choice.add_argument(
        "--scaling", action="store_true", help="time per event at 1e7 events too (2 GB of memory)"
    )
    how = parser.add_argument_group("how")
    number = whole_number(1)
    how.add_argument("--sizes", type=number, nargs="+", metavar="N", help="customers of the models")
    how.add_argument("--customers", type=number, help="customers of the log")
    how.add_argument("--events", type=number, help="events of the log")
    how.add_argument("--repeats", type=number, help="pairs of calls")
    how.add_argument("--threads", type=number, default=1, help="that each side may use")
    how.add_argument("--out", default="benchmarks/.results", metavar="FOLDER")


def main(arguments: argparse.Namespace) -> None:
    """Run what was asked for, print the tables, and write them."""
    sizes = _sizes(arguments)
    out = results_folder(arguments.out)
    standard = QUICK_PARTS if arguments.quick else PARTS
    parts, how = arguments.part or standard, {"threads": arguments.threads, "say": _say}
    tables: dict[str, pd.DataFrame] = {}
    if "models" in parts:
        tables["models"] = run_models(
            sizes.customers,
            available_pairs(arguments.model),
            repeats=sizes.repeats,
            budget=sizes.budget,
            memory=sizes.memory,
            **how,
        )
    if "logs" in parts:
        tables["logs"] = run_logs(
            *sizes.log,
            repeats=sizes.repeats,
            budget=sizes.budget,
            peers=QUICK_PEERS if arguments.quick else PEERS,
            **how,
        )
    if arguments.scaling:
        tables["scaling"] = run_scaling(SCALING, threads=arguments.threads)
    if "scaling" in parts:
        chosen = [name for name in MODELS if name in (arguments.model or MODELS)]
        tables["model_scaling"] = run_model_scaling(
            arguments.sizes or sizes.scaling, chosen, budget=sizes.budget, **how
        )
    if "search" in parts:
        tables["search"] = run_search(sizes.trials, **how)
    if "imports" in parts:
        tables["imports"] = run_imports(say=_say)
    described = describe_run() | {"threads": f"{arguments.threads} a side"}
    text = speed_markdown(tables, described)
    print(text)
    frames = {f"speed_{name}": table for name, table in tables.items()}
    written = write_tables(out, "speed", text, frames, described)
    print(f"Written: {', '.join(map(str, written))}", file=sys.stderr)


def _sizes(arguments: argparse.Namespace) -> Sizes:
    """Return the sizes of the setting, with those that were given in their place."""
    sizes = QUICK if arguments.quick else FULL
    customers = arguments.customers or sizes.log[0]
    events = arguments.events or sizes.log[1]
    if customers > events:
        raise BenchmarkError(
            f"--customers {customers} --events {events}: every customer has an event or more."
        )
    return sizes._replace(
        customers=tuple(arguments.sizes or sizes.customers),
        log=(customers, events),
        repeats=arguments.repeats or sizes.repeats,
    )


def _say(line: str) -> None:
    """Show progress where somebody is looking."""
    if sys.stderr.isatty():
        print(f"{time.strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)
