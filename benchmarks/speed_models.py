"""How long purchase and spend models take to fit and to predict, beside lifetimes."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.adapters import find_adapter
from benchmarks.environments import EnvironmentUnavailable, python_of
from benchmarks.measure import Side, Worker, compare
from clvkit import btyd, latest_histories
from clvkit.datasets import load_cdnow, simulate_log
from clvkit.history import rfm_summary

__all__ = ["PAIRS", "Pair", "available_pairs", "run_models"]

ENGINES = Path(__file__).parent / "engines"
#: Weeks to predict, and the cutoff of the CDNOW log, as in the literature.
HORIZON, CUTOFF = 39.0, "1997-09-30"
#: Customers of the task that does the imports, before memory is measured.
SMALL = 200


class Pair(NamedTuple):
    """The same model of both packages.

    Attributes
    ----------
    model, peer : str
        Names of the classes in ``clvkit.btyd`` and in ``lifetimes``.
    process : str
        What its customers are simulated by; ``"discrete"`` has periods instead of time.
    """

    model: str
    peer: str
    process: str


PAIRS = (
    Pair("BetaGeoNBD", "BetaGeoFitter", "bg_nbd"),
    Pair("GammaGamma", "GammaGammaFitter", "bg_nbd"),
    Pair("ParetoNBD", "ParetoNBDFitter", "pareto_nbd"),
    Pair("ModifiedBetaGeoNBD", "ModifiedBetaGeoFitter", "mbg_nbd"),
    Pair("BetaGeoBetaBinom", "BetaGeoBetaBinomFitter", "discrete"),
)


def available_pairs(names: Sequence[str] | None = None) -> list[Pair]:
    """Return the pairs whose model this version has, or those of some names."""
    return [
        pair
        for pair in PAIRS
        if hasattr(btyd, pair.model) and pair.model in (names or btyd.__all__)
    ]


def run_models(
    sizes: Sequence[int],
    pairs: Sequence[Pair],
    *,
    cdnow: bool = True,
    memory: bool = True,
    repeats: int = 5,
    budget: float = 60.0,
    threads: int = 1,
    time_limit: float = 300.0,
    say: Callable[[str], Any] = lambda line: None,
) -> pd.DataFrame:
    """Return one row a (model, data, fit or predict), with both sides timed in turn.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of simulated customers.
    pairs : sequence of Pair
    cdnow : bool
        Whether the CDNOW sample is among the data.
    memory : bool
        Whether to measure memory as well, which takes two new processes a row.
    repeats : int
    budget : float
        Seconds that the repeats of one row may take.
    threads : int
        Threads that either side may use.
    time_limit : float
        Seconds that one call may take.
    say : callable
        Told of every row as it comes.
    """
    ours, theirs = (Worker(side, time_limit) for side in _sides(threads))
    rows = []
    with tempfile.TemporaryDirectory(prefix="clvkit-speed-") as name, ours, theirs:
        for pair in pairs:
            for data, files in _summaries(pair, sizes, cdnow, Path(name)).items():
                for do in ("fit", "predict"):
                    our_task, peer_task, small = _tasks(pair, do, files)
                    row = compare(
                        ours,
                        theirs,
                        our_task,
                        peer_task,
                        repeats=repeats,
                        budget=budget,
                        small=small if memory else None,
                    )
                    rows.append({"model": pair.model, "task": do, "data": data, **row})
                    say(f"{pair.model} {do} {data}")
    return pd.DataFrame(rows)


def discrete_summary(n: int, seed: int = 0) -> pd.DataFrame:
    """Return repeat purchases at 6 to 12 opportunities of customers who drop out in between.

    Fader, Hardie and Shang (2010): the chance to buy is Beta(1.204, 0.750), that to drop out
    Beta(0.657, 2.783), as they found for donors.
    """
    rng = np.random.default_rng(seed)
    periods = rng.integers(6, 13, n)
    buys, leaves = rng.beta(1.204, 0.750, n), rng.beta(0.657, 2.783, n)
    alive_for = rng.geometric(np.maximum(leaves, 1e-12)) - 1
    number = np.arange(1, 13)
    there = number <= np.minimum(periods, alive_for)[:, None]
    bought = there & (rng.random(there.shape) < buys[:, None])
    frame = {"frequency": bought.sum(1), "recency": (bought * number).max(1), "T": periods}
    return pd.DataFrame(frame).astype(float).assign(monetary_value=0.0)


def _sides(threads: int) -> tuple[Side, Side]:
    ours = Side(ENGINES / "clvkit_models.py", Path(sys.executable), threads=threads)
    theirs = Side(ENGINES / "lifetimes_models.py", Path(), own=False, threads=threads)
    adapter = find_adapter("lifetimes_bg_nbd")  # whose requirements are those of the peer
    try:
        python = python_of(adapter.requirements, adapter.python)
    except (EnvironmentUnavailable, OSError) as error:
        return ours, replace(theirs, unavailable=f"its environment could not be made: {error}")
    return ours, replace(theirs, python=python)


class _Files(NamedTuple):
    """Summaries on disk: all customers, those to fit to, and a small one for the imports."""

    everyone: str
    to_fit: str
    small: str


def _summaries(pair: Pair, sizes: Sequence[int], cdnow: bool, folder: Path) -> dict[str, _Files]:
    """Write the summaries that both sides read; Gamma-Gamma is fitted on repeat buyers."""

    def write(name: str, table: pd.DataFrame) -> str:
        path = folder / f"{pair.model}-{name}.npz"
        np.savez(path, **{column: table[column].to_numpy() for column in table})
        return str(path)

    def repeat_buyers(table: pd.DataFrame) -> pd.DataFrame:
        return table[(table["frequency"] > 0) & (table["monetary_value"] > 0)]

    tables = {f"{n:,} simulated": _simulated(pair, n) for n in sizes}
    if cdnow and pair.process != "discrete":
        tables = {"CDNOW": rfm_summary(latest_histories(load_cdnow(), CUTOFF))} | tables
    spend = pair.model == "GammaGamma"
    tables_to_fit = {k: repeat_buyers(v) if spend else v for k, v in tables.items()}
    small = _simulated(pair, SMALL)
    few = write("small", repeat_buyers(small) if spend else small)
    return {
        data: _Files(write(data, table), write(f"{data} to fit", tables_to_fit[data]), few)
        for data, table in tables.items()
    }


def _simulated(pair: Pair, n: int) -> pd.DataFrame:
    if pair.process == "discrete":
        return discrete_summary(n)
    shop = simulate_log(pair.process, n_customers=n, random_state=0)
    return rfm_summary(latest_histories(shop.log, shop.cutoff))


def _tasks(pair: Pair, do: str, files: _Files) -> tuple[dict[str, Any], ...]:
    """Return our task, the peer's, and what makes them small."""
    what = "predict_spend" if do == "predict" and pair.model == "GammaGamma" else do
    read = files.to_fit if do == "fit" else files.everyone
    task = {"do": what, "summary": read, "fitted_to": files.to_fit, "horizon": HORIZON}
    small = {"summary": files.small, "fitted_to": files.small}
    return {"model": pair.model, **task}, {"model": pair.peer, **task}, small
