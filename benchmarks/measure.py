"""Time two sides in turn, each in a process of its own that stays.

Machines are noisy, and slow down and speed up for seconds at a time. So the calls of two sides
alternate, each pair gives a ratio, and the median of the ratios counts, with their least and
largest beside it. The memory of a call is measured in a process that has done nothing else.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environments import variables

__all__ = ["Measurement", "Side", "SideFailed", "Worker", "compare", "peak_bytes"]

SCRIPT = Path(__file__).parent / "measure_worker.py"

#: Variables by which the libraries of both sides learn how many threads they may use.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
)

Task = Mapping[str, Any]


class SideFailed(Exception):
    """A side could not do its task; the message is a result."""


@dataclass(frozen=True)
class Side:
    """One of the two sides of a comparison.

    Attributes
    ----------
    engine : Path
        The file with ``prepare`` and ``describe``, see ``measure_worker.py``.
    python : Path
        The Python it runs in.
    own : bool
        Whether that is our environment, which finds this package without an installation.
    threads : int
    unavailable : str
        Why the side cannot be run at all; empty where it can.
    """

    engine: Path
    python: Path
    own: bool = True
    threads: int = 1
    unavailable: str = ""


@dataclass(frozen=True)
class Measurement:
    """What one call took, and numbers that describe its result."""

    seconds: float
    cpu_seconds: float
    peak_bytes: float
    numbers: list[float]


class Worker:
    """A process that carries out the tasks of one side; a context manager.

    Parameters
    ----------
    side : Side
    time_limit : float
        Seconds after which a task is given up, and its process ended.
    """

    def __init__(self, side: Side, time_limit: float = 300.0) -> None:
        self.side = side
        self.time_limit = time_limit
        self._process: subprocess.Popen[str] | None = None
        self._complaints = tempfile.TemporaryFile(  # noqa: SIM115 - closed on exit
            "w+", encoding="utf-8", errors="replace"
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._complaints.close()

    def ask(self, task: Task) -> Measurement:
        """Return what the task took.

        Raises
        ------
        SideFailed
            When it raised, its process died or took too long. The next task gets a new process.
        """
        if self.side.unavailable:
            raise SideFailed(self.side.unavailable)
        process = self._start()
        timer = threading.Timer(self.time_limit, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(dict(task)) + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            line = process.stdout.readline()  # type: ignore[union-attr]
        except BrokenPipeError:
            line = ""
        finally:
            in_time = timer.is_alive()
            timer.cancel()
        if not line:
            self._end()
            raise SideFailed(self._last_words() if in_time else self._gave_up())
        answer = json.loads(line)
        if "error" in answer:
            raise SideFailed(answer["error"])
        return Measurement(**answer)

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None:
            threads = dict.fromkeys(THREADS, str(self.side.threads))
            self._process = subprocess.Popen(
                [str(self.side.python), "-P", str(SCRIPT), str(self.side.engine)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env=variables(self.side.own) | threads,
                text=True,
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _gave_up(self) -> str:
        return f"it was ended after the limit of {self.time_limit:g} s"

    def _last_words(self) -> str:
        self._complaints.seek(0)
        last = self._complaints.read().strip().rpartition("\n")[2]
        return f"its process died: {last or 'without a word'}"


def compare(
    ours: Worker,
    theirs: Worker,
    our_task: Task,
    peer_task: Task,
    *,
    repeats: int = 5,
    budget: float = 60.0,
    small: Task | None = None,
) -> dict[str, Any]:
    """Time two tasks in turn, after one of each that does not count, and measure their memory.

    Parameters
    ----------
    ours, theirs : Worker
    our_task, peer_task : mapping
    repeats : int
        Pairs of calls; fewer where they would take longer than ``budget`` seconds, but one.
    budget : float
    small : mapping, optional
        What makes either task a small one of the same kind, to do the imports with. Without it
        no memory is measured.

    Returns
    -------
    dict
        Medians of the times; the ratios, which say how many times as long the peer takes; by
        how much each raised the resident memory of a new process. A side that fails leaves its
        message, and nothing to compare it by.
    """
    sides = {"": (ours, our_task), "peer_": (theirs, peer_task)}
    row = _times(sides, repeats, budget)
    for name, (worker, task) in sides.items():
        if small is not None and not row[f"{name}error"]:
            try:
                row[f"{name}peak_bytes"] = peak_bytes(worker, task, {**task, **small})
            except SideFailed as error:
                row[f"{name}error"] = str(error)
    return row


def peak_bytes(like: Worker, task: Task, warm_up: Task) -> float:
    """Return by how much a task raises the resident memory of a process at its highest.

    The process is a new one ``like`` another worker's, and has done ``warm_up``, a small task of
    the same kind, for the imports.

    Raises
    ------
    SideFailed
    """
    with Worker(like.side, like.time_limit) as worker:
        worker.ask(warm_up)
        return worker.ask(task).peak_bytes


def _times(sides: Mapping[str, tuple[Worker, Task]], repeats: int, budget: float) -> dict[str, Any]:
    errors = dict.fromkeys((f"{name}error" for name in sides), "")
    taken: dict[str, list[Measurement]] = {name: [] for name in sides}

    def ask(names: Iterable[str]) -> None:
        for name in list(names):
            worker, task = sides[name]
            try:
                taken[name].append(worker.ask(task))
            except SideFailed as error:
                errors[f"{name}error"] = str(error)
                del taken[name]

    ask(sides)
    once = sum(calls.pop().seconds for calls in taken.values())
    count = max(1, min(repeats, int(budget / max(once, 1e-9))))
    for repeat in range(count):
        # Neither side always comes first.
        ask(sorted(taken, reverse=bool(repeat % 2)))
    return {"repeats": count, **_summary(taken), **errors}


def _summary(taken: dict[str, list[Measurement]]) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, calls in taken.items():
        row[f"{name}seconds"] = float(np.median([call.seconds for call in calls]))
        row[f"{name}cpu_seconds"] = float(np.median([call.cpu_seconds for call in calls]))
    if len(taken) == 2:
        ours, theirs = taken[""], taken["peer_"]
        wall = [b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True)]
        processor = [b.cpu_seconds / a.cpu_seconds for a, b in zip(ours, theirs, strict=True)]
        row |= {
            "speedup": float(np.median(wall)),
            "speedup_min": min(wall),
            "speedup_max": max(wall),
            "cpu_speedup": float(np.median(processor)),
            "difference": _difference(ours[-1].numbers, theirs[-1].numbers),
        }
    return row


def _difference(ours: list[float], theirs: list[float]) -> float:
    """Return the largest relative difference of two results; NaN where they have no match."""
    left, right = np.asarray(ours), np.asarray(theirs)
    if left.shape != right.shape or not left.size:
        return float("nan")
    return float(np.max(abs(left - right) / np.maximum(abs(right), 1e-300)))
