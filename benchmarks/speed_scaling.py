"""How the time of every model grows with the number of customers, peers or none."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measure import Side, SideFailed, Worker
from benchmarks.speed_models import ENGINES, HORIZON, discrete_summary
from clvkit.btyd import GompertzGammaNBD, ParetoNBD

__all__ = ["MODELS", "exponents", "run_model_scaling"]

#: Every model that is fitted to a summary of frequency, recency, T and monetary value.
MODELS = (
    "BetaGeoNBD",
    "ModifiedBetaGeoNBD",
    "ParetoNBD",
    "BetaGeoBetaBinom",
    "NBD",
    "GompertzGammaNBD",
    "BetaGeoCNBD",
    "ModifiedBetaGeoCNBD",
    "GammaGamma",
)

#: Estimates from the CDNOW log, in weeks.
CDNOW = {"r": 0.553, "alpha": 10.58, "s": 0.606, "beta": 11.67}
#: Customers whose risk to leave grows with age. Where it does not, GGompertz/NBD has no optimum.
AGEING = {"r": 1.5, "alpha": 14.0, "b": 0.15, "s": 2.0, "beta": 40.0}

#: Models that are fitted to other customers than the rest: by what these are drawn.
KINDS = {"BetaGeoBetaBinom": "whole", "GompertzGammaNBD": "ageing"}


def run_model_scaling(
    sizes: Sequence[int],
    models: Sequence[str] = MODELS,
    *,
    repeats: int = 3,
    budget: float = 60.0,
    threads: int = 1,
    time_limit: float = 300.0,
    say: Callable[[str], Any] = lambda line: None,
) -> pd.DataFrame:
    """Return one row a (model, fit or predict, size): the median of the seconds, or an error.

    A size is left out where, by the one before, the repeats would take longer than the budget;
    its row says so.
    """
    side = Side(ENGINES / "clvkit_models.py", Path(sys.executable), threads=threads)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="clvkit-scaling-") as name:
        for model in models:
            kind = KINDS.get(model, "timing")
            with Worker(side, time_limit) as worker:
                for do in ("fit", "predict"):
                    paths = {n: _written(kind, n, Path(name)) for n in sizes}
                    rows += _of_model(worker, model, do, paths, repeats, budget)
                    say(f"{model} {do} over {len(sizes)} sizes")
    return pd.DataFrame(rows)


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """Return for each model and task the power of n by which the time grows.

    The slope of log seconds over log n from the second size on, for the first is mostly
    overhead; NaN where fewer than two are left.
    """
    rows = []
    for (model, task), part in table.groupby(["model", "task"], sort=False):
        known = part[part["seconds"].notna()].iloc[1:]
        slope = np.nan
        if len(known) > 1:
            slope = np.polyfit(np.log(known["customers"]), np.log(known["seconds"]), 1)[0]
        rows.append({"model": model, "task": task, "exponent": slope})
    return pd.DataFrame(rows)


def _of_model(
    worker: Worker, model: str, do: str, paths: dict[int, str], repeats: int, budget: float
) -> list[dict[str, Any]]:
    what = "predict_spend" if do == "predict" and model == "GammaGamma" else do
    rows, last = [], (0.0, 1)
    for n, path in paths.items():
        row = {"model": model, "task": do, "customers": n, "seconds": np.nan, "error": ""}
        task = {"model": model, "do": what, "summary": path, "fitted_to": path, "horizon": HORIZON}
        expected = last[0] * n / last[1]
        if expected > budget:
            row["error"] = f"left out: a call would take about {expected:.0f} s"
        else:
            try:
                worker.ask(task)
                times = [worker.ask(task).seconds for _ in range(repeats)]
                row["seconds"] = float(np.median(times))
                last = (row["seconds"], n)
            except SideFailed as error:
                row["error"] = str(error)
        rows.append(row)
    return rows


def _written(kind: str, n: int, folder: Path) -> str:
    """Write a summary of n simulated customers, unless it is there, and return its path."""
    rng, path = np.random.default_rng(0), folder / f"{kind}{n}.npz"
    if path.exists():
        return str(path)
    if kind == "whole":
        table = discrete_summary(n)
    else:
        ageing = kind == "ageing"
        model = GompertzGammaNBD.from_params(**AGEING) if ageing else ParetoNBD.from_params(**CDNOW)
        drawn = model.simulate_summary(rng.uniform(13, 78, n), rng)
        table = pd.DataFrame(drawn, columns=["frequency", "recency", "T"])
        x = np.maximum(table["frequency"], 1.0)  # as Gamma-Gamma has it, for the CDNOW log
        spend = rng.gamma(6.25 * x) / x / (rng.gamma(3.74, size=n) / 15.44)
        table["monetary_value"] = np.where(table["frequency"] > 0, spend, 0.0)
    np.savez(path, **{column: table[column].to_numpy(dtype=float) for column in table})
    return str(path)
