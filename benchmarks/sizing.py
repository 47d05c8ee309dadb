"""What each stage costs for a million customers and events, and what any number would cost."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from benchmarks.arguments import whole_number
from benchmarks.decade import CHAMPIONS, decade_log, fit_champion
from benchmarks.errors import BenchmarkError
from benchmarks.machine import describe_run
from benchmarks.tables import heading, markdown_table, results_folder, write_tables
from clvkit import latest_histories
from clvkit.features import default_features
from clvkit.serving import predict_batches

__all__ = ["STAGES", "add_arguments", "estimate", "main", "measure_costs", "update_page"]

#: What is measured.
STAGES = {
    "door": "from the log to histories",
    "features": "the default features of all customers",
    "fit btyd": "a BG/NBD champion, its season and its spend",
    "fit hybrid": "boosting on features and BG/NBD, six snapshots of each customer",
    "predict btyd": "values and components from histories",
    "predict hybrid": "values from histories",
    "batch btyd": "clvkit predict, all of it, in parts",
    "batch hybrid": "clvkit predict, all of it, in parts",
}
#: Lines a customer, of two logs between which customers and lines can be told apart.
DENSITIES = (4, 24)

EXPLANATION = (
    "Seconds of processor time for a million customers and, on top, for a million events. Both "
    "come from two logs of {customers:,} customers each, with {few} and {many} events a customer "
    "(fits: {fitted:,} customers), as the straight line through the two; the fastest of {repeats} "
    "calls counts."
)
#: Between these lines of a page stands a table of a command.
MARKS = ("<!-- sizing: {} -->", "<!-- sizing: end of {} -->")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    number = whole_number(1)
    what = parser.add_argument_group("to measure (without --customers)")
    what.add_argument("--size", type=number, default=100_000, metavar="N", help="customers")
    what.add_argument("--fit-size", type=number, default=20_000, metavar="N", help="of the fits")
    what.add_argument("--repeats", type=number, default=3, metavar="N")
    plan = parser.add_argument_group("to reckon, from what was measured")
    plan.add_argument("--customers", type=float, metavar="N", help="such as 100e6")
    plan.add_argument("--events", type=float, metavar="N", help="such as 10e9")
    plan.add_argument("--cores", type=number, default=2, metavar="N")
    parser.add_argument("--page", metavar="FILE", help="Markdown page whose table is replaced")
    parser.add_argument("--out", default="benchmarks/results", metavar="FOLDER")


def main(arguments: argparse.Namespace) -> None:
    """Measure and write, or read what was measured and reckon."""
    if arguments.customers is not None:
        costs = _read_costs(Path(arguments.out) / "sizing.csv")
        events = arguments.events or 10 * arguments.customers
        text = _reckoned(estimate(costs, arguments.customers, events, arguments.cores))
        print(text)
        if arguments.page:
            update_page(Path(arguments.page), "reckoned", text)
        return
    out = results_folder(arguments.out)
    costs = measure_costs(arguments.size, arguments.fit_size, repeats=arguments.repeats)
    described = describe_run()
    told = EXPLANATION.format(
        customers=arguments.size, few=DENSITIES[0], many=DENSITIES[1], fitted=arguments.fit_size,
        repeats=arguments.repeats,
    )  # fmt: skip
    text = "\n".join([heading("Sizing", described), told, "", _markdown(costs), ""])
    print(text)
    written = write_tables(out, "sizing", text, {"sizing": costs}, described)
    if arguments.page:
        table = f"{told}\n\n{_markdown(costs)}\n\n{_run(described)}"
        update_page(Path(arguments.page), "measured", table)
        written.append(Path(arguments.page))
    print(f"Written: {', '.join(map(str, written))}", file=sys.stderr)


def measure_costs(n_customers: int, n_fitted: int, *, repeats: int = 3) -> pd.DataFrame:
    """Return one row a stage: processor seconds a million customers and a million events.

    A line is drawn through two logs, the steps of which differ by their events alone. Where noise
    would make one of the two costs negative, all is put down to the other.
    """
    taken = [_measure(n_customers, n_fitted, density, repeats) for density in DENSITIES]
    rows = []
    for stage, what in STAGES.items():
        n = n_fitted if stage.startswith("fit") else n_customers
        few, many = (times[stage] / n * 1e6 for times in taken)  # a million customers
        per_event = max(0.0, (many - few) / (DENSITIES[1] - DENSITIES[0]))
        per_customer = few - DENSITIES[0] * per_event
        if per_customer < 0:
            per_customer, per_event = 0.0, many / DENSITIES[1]
        row = {"stage": stage, "what": what, "customers": n}
        rows.append(row | {"s_per_1e6_customers": per_customer, "s_per_1e6_events": per_event})
    return pd.DataFrame(rows)


def estimate(costs: pd.DataFrame, customers: float, events: float, cores: int) -> pd.DataFrame:
    """Return the hours that each stage takes: arithmetic, with work that is shared evenly."""
    seconds = costs["s_per_1e6_customers"] * customers + costs["s_per_1e6_events"] * events
    hours = seconds / 1e6 / 3600
    return costs[["stage"]].assign(processor_hours=hours, hours=hours / cores, cores=cores)


def update_page(page: Path, name: str, text: str) -> None:
    """Put a text between the marks of that name in a Markdown page.

    Raises
    ------
    BenchmarkError
        If the page has no marks.
    """
    marks = [mark.format(name) for mark in MARKS]
    before, begin, rest = page.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise BenchmarkError(f"{page} has no lines {marks[0]} and {marks[1]} to write between.")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def _measure(n_customers: int, n_fitted: int, density: int, repeats: int) -> dict[str, float]:
    """Return the processor seconds of each stage on one log."""
    with tempfile.TemporaryDirectory(prefix="clvkit-sizing-") as name:
        path, part = Path(name, "log.parquet"), Path(name, "part.parquet")
        decade_log(n_customers, n_customers * density).write_parquet(path)
        decade_log(n_fitted, n_fitted * density).write_parquet(part)
        models = {champion: fit_champion(champion, part, n_fitted) for champion in CHAMPIONS}
        X, few = latest_histories(path), latest_histories(part)
        features = default_features().fit(X)
        calls: dict[str, Callable[[], Any]] = {
            "door": lambda: latest_histories(path),
            "features": lambda: features.transform(X),
        }
        for champion, model in models.items():
            calls |= _calls(champion, model, X, few, path, Path(name, "values.parquet"))
        return {stage: _fastest(call, repeats) for stage, call in calls.items()}


def _calls(
    champion: str, model: Any, X: pd.DataFrame, few: pd.DataFrame, log: Path, out: Path
) -> Mapping[str, Callable[[], Any]]:
    wanted = clone(model)
    return {
        f"fit {champion}": lambda: wanted.fit(few),
        f"predict {champion}": lambda: (model.predict(X), model.predict_components(X)),
        f"batch {champion}": lambda: predict_batches(model, log, out, n_partitions=4, verbose=0),
    }


def _fastest(call: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def _read_costs(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise BenchmarkError(f"{path} is missing: measure first, with python -m benchmarks sizing")
    return pd.read_csv(path)


def _markdown(costs: pd.DataFrame) -> str:
    header = ["stage", "", "s a million customers", "s a million events"]
    numbers = costs[["s_per_1e6_customers", "s_per_1e6_events"]].to_numpy(np.float64)
    cells = [[f"{value:.2f}" for value in row] for row in numbers]
    named = zip(costs["stage"], costs["what"], cells, strict=True)
    return markdown_table(header, ([stage, what, *row] for stage, what, row in named))


def _reckoned(table: pd.DataFrame) -> str:
    header = ["stage", "processor hours", f"hours on {table['cores'].iloc[0]} cores"]
    rows = (
        [row["stage"], f"{row['processor_hours']:,.2f}", f"{row['hours']:,.2f}"]
        for _, row in table.iterrows()
    )
    return markdown_table(header, rows)


def _run(described: dict[str, str]) -> str:
    return "\n".join(f"- {key}: {value}" for key, value in described.items())
