"""What clvkit costs beside its models: the search around their fits, and the import."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.adapters import find_adapter
from benchmarks.environments import environment_folder, variables
from benchmarks.measure import Side, Worker

__all__ = ["IMPORTS", "run_imports", "run_search"]

ENGINE = Path(__file__).parent / "engines" / "search.py"

#: What is imported: a name, the statement, and the competitor whose environment it is in.
IMPORTS = (
    ("nothing", "pass", None),
    ("scikit-learn, pandas and pyarrow", "import sklearn.base, pandas, pyarrow", None),
    ("clvkit", "import clvkit", None),
    ("clvkit.AutoCLV", "from clvkit import AutoCLV", None),
    ("lifetimes", "import lifetimes", "lifetimes_bg_nbd"),
    ("PyMC-Marketing", "import pymc_marketing.clv", "pymc_marketing_map"),
    ("AutoGluon", "import autogluon.tabular", "autogluon_tabular"),
    ("FLAML", "import flaml", "flaml_automl"),
)


def run_search(
    trials: Sequence[int],
    *,
    repeats: int = 3,
    threads: int = 1,
    say: Callable[[str], Any] = lambda line: None,
) -> pd.DataFrame:
    """Return one row a number of trials: how long AutoCLV takes on the CDNOW sample, and for what.

    ``seconds`` is the whole of ``fit``; ``models`` what fitting and predicting at the origins
    took, features included; ``final`` the fit of the champion on everything; ``rest`` what is
    left: the door, the choice of trials, the mixture, intervals, and the keeping of books.
    Medians of the repeats, after a first search that does not count.
    """
    rows = []
    with Worker(Side(ENGINE, Path(sys.executable), threads=threads), time_limit=900.0) as worker:
        worker.ask({"trials": 1})
        for number in trials:
            taken = [worker.ask({"trials": number}).numbers for _ in range(repeats)]
            seconds, models, final = np.median(taken, axis=0)
            rest = float(np.median([a - b - c for a, b, c in taken]))
            share = rest / seconds
            rows.append(
                {"trials": number, "seconds": seconds, "models": models, "final": final}
                | {"rest": rest, "share": share}
            )
            say(f"AutoCLV with {number} trials")
    return pd.DataFrame(rows)


def run_imports(*, repeats: int = 7, say: Callable[[str], Any] = lambda line: None) -> pd.DataFrame:
    """Return one row an import: the median of the seconds of new processes, taken in turn.

    Environments that have not been made are left out. The start of Python is in all of them, and
    is the first row.
    """
    chosen = [(name, code, python) for name, code, peer in IMPORTS if (python := _python(peer))]
    taken: dict[str, list[float]] = {name: [] for name, _, _ in chosen}
    for repeat in range(repeats + 1):
        for name, code, python in chosen:
            own = python == sys.executable
            start = time.perf_counter()
            done = subprocess.run(
                [python, "-c", code], env=variables(own), capture_output=True, check=False
            )
            if repeat and done.returncode == 0:  # the first reads from the disk
                taken[name].append(time.perf_counter() - start)
        say(f"imports, {repeat} of {repeats}")
    return pd.DataFrame(
        {
            "name": name,
            "seconds": float(np.median(times)) if times else np.nan,
            "least": min(times, default=np.nan),
            "largest": max(times, default=np.nan),
        }
        for name, times in taken.items()
    )


def _python(peer: str | None) -> str:
    """Return the Python that has a package; nothing where its environment has not been made."""
    if peer is None:
        return sys.executable
    adapter = find_adapter(peer)
    python = environment_folder(adapter.requirements, adapter.python) / "bin" / "python"
    return str(python) if python.exists() else ""
