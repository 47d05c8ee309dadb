"""Run a competitor on a task so that nothing it does can stop the others."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.adapters import Adapter
from benchmarks.environments import EnvironmentUnavailable, python_of, variables
from benchmarks.levels import LEVELS
from benchmarks.machine import PACKAGES
from benchmarks.tasks import Task

__all__ = ["Outcome", "run_adapter"]

WORKER = Path(__file__).parent / "worker.py"


@dataclass(frozen=True)
class Outcome:
    """What a competitor made of a task: a prediction, or an error.

    Attributes
    ----------
    prediction : DataFrame or None
        By customer: ``spend``, and where the competitor tells them ``purchases``, ``active``
        (the chance of a purchase) and quantiles of the spend, whose columns are the levels as
        text. None where it failed.
    error : str
        Why it failed; empty where it did not.
    seconds, cpu_seconds : float
        Wall and processor time of the call of ``predict`` (fit and prediction, without the
        start of Python and the reading of the log); NaN where it failed.
    versions : dict of str to str
        Of the packages in its environment.
    """

    prediction: pd.DataFrame | None = None
    error: str = ""
    seconds: float = float("nan")
    cpu_seconds: float = float("nan")
    versions: dict[str, str] = field(default_factory=dict)


def run_adapter(
    adapter: Adapter, past: pd.DataFrame, task: Task, *, seed: int = 0, time_limit: float = 600.0
) -> Outcome:
    """Give ``past`` to the adapter in a process of its own.

    Parameters
    ----------
    adapter : Adapter
    past : DataFrame
        The log up to the cutoff of ``task``.
    task : Task
    seed : int
    time_limit : float
        Seconds after which the process and its children are ended.

    Returns
    -------
    Outcome
        With an error where the environment could not be made, the adapter raised, its process
        died or it took too long.
    """
    try:
        python = _python(adapter)
    except (EnvironmentUnavailable, OSError) as error:
        return Outcome(error=f"its environment could not be made: {error}")
    # What a process left behind may still be writing there, which is no reason to stop the run.
    with tempfile.TemporaryDirectory(
        prefix="clvkit-benchmark-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        past.to_parquet(folder / "log.parquet")
        request = {
            "adapter": str(adapter.path),
            "cutoff": task.cutoff,
            "days": task.days,
            "seed": seed,
            "levels": LEVELS,
            "packages": _packages(adapter),
        }
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        # A script can import what lies beside it, and is to see nothing.
        shutil.copy(WORKER, folder)
        command = [str(python), str(folder / WORKER.name), name]
        complaint = _call(command, folder, time_limit, own=not adapter.requirements)
        return _outcome(folder, complaint)


def _python(adapter: Adapter) -> Path:
    if adapter.requirements:
        return python_of(adapter.requirements, adapter.python)
    return Path(sys.executable)


def _packages(adapter: Adapter) -> list[str]:
    if not adapter.requirements:
        return list(PACKAGES)
    names = (re.match(r"[\w.-]+", requirement) for requirement in adapter.requirements)
    return [name.group() for name in names if name]


def _call(command: Sequence[str], folder: Path, time_limit: float, own: bool) -> str:
    """Run the worker, and return what is to be said of its end: nothing where it was a good one.

    It works in the temporary folder, so that what a peer writes disappears with it.
    """
    with (folder / "output").open("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables(own),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=time_limit)
        except subprocess.TimeoutExpired:
            return f"it was ended after the limit of {time_limit:g} s"
        finally:
            _end(process)
        output.seek(0)
        last = output.read().strip().rpartition("\n")[2]
    return "" if code == 0 else f"its process died ({_reason(code)}): {last or 'without a word'}"


def _end(process: subprocess.Popen[Any]) -> None:
    """End the process and what it started, however the waiting for it ended."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _reason(code: int) -> str:
    return f"exit code {code}" if code > 0 else signal.Signals(-code).name


def _outcome(folder: Path, complaint: str) -> Outcome:
    if not complaint and not (folder / "answer.json").exists():
        complaint = "its process ended without an answer"
    if complaint:
        return Outcome(error=complaint)
    answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    if answer["error"]:
        return Outcome(error=answer["error"], versions=answer["versions"])
    return Outcome(
        prediction=pd.read_parquet(folder / "prediction.parquet"),
        seconds=answer["seconds"],
        cpu_seconds=answer["cpu_seconds"],
        versions=answer["versions"],
    )
