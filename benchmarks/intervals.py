"""Whether intervals hold what they promise: of customers and of totals, out of time."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.arguments import whole_number
from benchmarks.logs import data_folder, load_log
from benchmarks.machine import describe_run
from benchmarks.tables import heading, markdown_table, results_folder, write_tables
from benchmarks.tasks import STANDARD, Task, parse_task
from benchmarks.truth import split_log
from clvkit.automl.candidates import all_candidates
from clvkit.btyd import BTYDRegressor
from clvkit.calibration import ConformalInterval, SeasonCalibration
from clvkit.datasets import simulate_log
from clvkit.errors import ClvkitWarning, ShortLogError
from clvkit.history import latest_histories

__all__ = ["add_arguments", "check_intervals", "main", "pinball", "simulate_totals"]

Array = NDArray[np.float64]

COVERAGE = 0.9

#: With amounts, and a log that allows an origin before the cutoff.
TASKS = tuple(task for task in STANDARD if task.log != "grocery_elog")

#: The candidates whose intervals are checked: one with a predicted distribution, and one without.
CANDIDATES = ("bg_nbd", "hybrid")

#: Almost three years of customers who keep coming in; November and December are to be predicted.
WORLD: dict[str, Any] = {
    "process": "bg_nbd",
    "n_customers": 4_000,
    "params": {"r": 0.8, "alpha": 8.0, "a": 0.6, "b": 3.0},
    "start": "2020-01-01",
    "cutoff": "2022-10-31",
    "horizon": "61D",
    "entry": "140W",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help="folder of logs; by default CLVKIT_DATA")
    parser.add_argument("--task", action="append", type=parse_task, help="LOG:CUTOFF:DAYS")
    parser.add_argument("--candidate", action="append", help="by default bg_nbd and hybrid")
    parser.add_argument(
        "--simulated", type=whole_number(0), default=0, help="totals of so many simulated logs too"
    )
    parser.add_argument("--out", default="benchmarks/.results", metavar="FOLDER")


def main(arguments: argparse.Namespace) -> None:
    """Check the intervals of what was asked for, print the tables, and write them."""
    folder, out = data_folder(arguments.data), results_folder(arguments.out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClvkitWarning)
        results = [
            check_intervals(task, name, load_log(task.log, folder))
            for task in arguments.task or TASKS
            for name in arguments.candidate or CANDIDATES
        ]
        results = [result for result in results if result is not None]
        frames = {
            "intervals_customers": _customers_table(results),
            "intervals_totals": _totals_table(results),
        }
        if arguments.simulated:
            frames["intervals_simulated"] = _simulated_table(arguments.simulated)
    described = describe_run()
    tables = [markdown_table(list(cells), cells.to_numpy().tolist()) for cells in frames.values()]
    text = "\n\n".join([heading("Intervals", described), *tables])
    write_tables(out, "intervals", text, frames, described)
    print(text)


def check_intervals(task: Task, name: str, log: pd.DataFrame) -> dict[str, Any] | None:
    """Fit a candidate with season and intervals, and compare with what came; None: too short."""
    split, horizon = split_log(log, task), f"{task.days}D"
    X = latest_histories(split.past, task.cutoff)
    y = split.spend.reindex(X.index.get_level_values("customer_id")).to_numpy()
    candidate = next(c for c in all_candidates() if c.name == name)
    inner = SeasonCalibration(candidate.estimator(horizon, random_state=0), horizon=horizon)
    try:
        model = ConformalInterval(inner, COVERAGE).fit(X)
    except ShortLogError:
        return None
    found = {"task": str(task), "candidate": name, "origins": len(model.origins_)}
    found["season"] = model.estimator_.factor_
    total = model.total_interval(X).loc["all"]
    relative = (total[["lower", "upper"]] / total["total"]).to_dict()
    found |= {"total": relative, "actual": y.sum() / total["total"]}
    return found | _of_customers(model, X, y)


def _of_customers(model: ConformalInterval, X: pd.DataFrame, y: Array) -> dict[str, Any]:
    tail = 0.5 * (1.0 - COVERAGE)
    ends, predicted = model.predict_interval(X), model.predict(X)
    quantiles = model.predict_quantiles(X, [tail, 1.0 - tail]).to_numpy()
    inside = ((ends["lower"] <= y) & (y <= ends["upper"])).to_numpy()
    tenth = np.argsort(np.argsort(predicted, kind="stable"), kind="stable") * 10 // len(y)
    constant = np.quantile(y, [tail, 1.0 - tail])
    best = _mean_pinball(y, np.broadcast_to(constant, quantiles.shape), tail)
    width = (ends["upper"] - ends["lower"]).to_numpy()
    return {
        "zeros": np.mean(y <= 0.0),
        "coverage": inside.mean(),
        "deciles": np.bincount(tenth, inside) / np.bincount(tenth),
        "decile_zeros": np.bincount(tenth, y <= 0.0) / np.bincount(tenth),
        "mean_width": width.mean(),
        "median_width": np.median(width),
        "pinball": _mean_pinball(y, quantiles, tail) / best,
        "pinball_of_ends": _mean_pinball(y, ends.to_numpy(), tail) / best,
    }


def pinball(y: Array, quantile: Array, level: float) -> float:
    """Return the mean pinball loss of quantiles."""
    above = y - quantile
    return float(np.mean(np.maximum(level * above, (level - 1.0) * above)))


def _mean_pinball(y: Array, ends: Array, tail: float) -> float:
    return 0.5 * (pinball(y, ends[:, 0], tail) + pinball(y, ends[:, 1], 1.0 - tail))


def simulate_totals(n_runs: int, season: dict[int, float] | None) -> Iterator[dict[str, float]]:
    """Yield for each simulated log whether the total lay in its interval, and how wide that was."""
    for seed in range(n_runs):
        world = simulate_log(**WORLD, season=season, random_state=seed)
        X = latest_histories(world.log, WORLD["cutoff"])
        inner = SeasonCalibration(BTYDRegressor(horizon=WORLD["horizon"]))
        total = ConformalInterval(inner, COVERAGE).fit(X).total_interval(X).loc["all"]
        known = world.truth.loc[X.index.get_level_values("customer_id")]
        actual, expected = known[["realised_spend", "expected_spend"]].sum()
        yield {
            "held": float(total["lower"] <= actual <= total["upper"]),
            "held_expected": float(total["lower"] <= expected <= total["upper"]),
            "half_width": 0.5 * (total["upper"] - total["lower"]) / total["total"],
            "error": abs(actual / total["total"] - 1.0),
        }


def _simulated_table(n_runs: int) -> pd.DataFrame:
    """Return how often totals of simulated logs held, without a season and with one."""
    rows = []
    for name, season in (("none", None), ("December of twice the rate", {12: 2.0})):
        runs = pd.DataFrame(simulate_totals(n_runs, season)).mean()
        shown = [f"{runs[key]:.1%}" for key in ("held", "held_expected", "half_width", "error")]
        rows.append([name, str(n_runs), *shown])
    header = ["season", "runs", "held", "held what was expected", "half of the width", "error"]
    return pd.DataFrame(rows, columns=header)


def _customers_table(results: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the cells of the table of customers."""
    header = ["task", "candidate", "zeros", "coverage", "by tenth of predictions, lowest first"]
    header += ["width: mean", "median", "pinball"]
    rows = []
    for r in results:
        tenths = " ".join(f"{share:.2f}".lstrip("0") for share in r["deciles"])
        numbers = [f"{r[key]:.0f}" for key in ("mean_width", "median_width")]
        ratio = f"{r['pinball']:.2f} ({r['pinball_of_ends']:.2f})"
        shares = [f"{r[key]:.1%}" for key in ("zeros", "coverage")]
        rows.append([r["task"], r["candidate"], *shares, tenths, *numbers, ratio])
    return pd.DataFrame(rows, columns=header)


def _totals_table(results: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the cells of the table of totals."""
    header = ["task", "candidate", "origins", "season", "interval / prediction"]
    header += ["actual / prediction", "inside"]
    rows = []
    for r in results:
        lower, upper = r["total"]["lower"], r["total"]["upper"]
        inside = "yes" if lower <= r["actual"] <= upper else "no"
        numbers = [str(r["origins"]), f"{r['season']:.2f}", f"{lower:.2f} to {upper:.2f}"]
        rows.append([r["task"], r["candidate"], *numbers, f"{r['actual']:.2f}", inside])
    return pd.DataFrame(rows, columns=header)
