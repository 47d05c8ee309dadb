"""Two sides are timed alike, and what goes wrong in one of them is a result."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.measure import Side, SideFailed, Worker, compare, peak_bytes

ENGINE = """
import os, time
import numpy as np

def prepare(task):
    print("noise that is no answer")
    if task.get("fail"):
        raise ValueError("it does not\\nconverge")
    if task.get("die"):
        os._exit(3)
    def call():
        time.sleep(task.get("sleep", 0.0))
        return np.ones(int(task.get("size", 1))).sum() * task.get("factor", 1.0)
    return call

def describe(result):
    return [result, os.getpid() if os.environ.get("TELL") else 0.0]
"""


@pytest.fixture
def side(tmp_path) -> Side:
    engine = tmp_path / "engine.py"
    engine.write_text(ENGINE)
    return Side(engine, Path(sys.executable))


def test_a_worker_stays(side, monkeypatch):
    monkeypatch.setenv("TELL", "1")
    with Worker(side) as worker:
        pids = {worker.ask({"size": 3}).numbers[1] for _ in range(3)}
    assert len(pids) == 1


def test_measures_the_call_alone(side):
    with Worker(side) as worker:
        taken = worker.ask({"sleep": 0.05, "size": 3})
    assert 0.05 <= taken.seconds < 5.0
    assert 0.0 <= taken.cpu_seconds < taken.seconds
    assert taken.numbers[0] == 3.0


@pytest.mark.skipif(sys.platform != "linux", reason="the peak counts anew on Linux alone")
def test_memory_is_the_peak_of_the_call(side):
    with Worker(side) as worker:
        peak = peak_bytes(worker, {"size": 4e6}, {"size": 1})
        small = peak_bytes(worker, {"size": 10}, {"size": 1})
    # Linux counts resident pages in batches for each core, so a peak is known to about 0.5 MB.
    assert 31.5e6 <= peak < 40e6
    assert small < 2e6


def test_threads_are_what_was_asked_for(side, tmp_path):
    engine = tmp_path / "threads.py"
    engine.write_text(
        "import os\n"
        "def prepare(task):\n    return lambda: [float(os.environ[k]) for k in task['names']]\n"
        "def describe(result):\n    return result\n"
    )
    task = {"names": ["OMP_NUM_THREADS", "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT"]}
    with Worker(Side(engine, side.python, threads=3)) as worker:
        assert worker.ask(task).numbers == [3.0, 3.0, 3.0]


def test_a_pair_is_a_ratio(side):
    with Worker(side) as ours, Worker(side) as theirs:
        row = compare(ours, theirs, {"sleep": 0.01}, {"sleep": 0.03, "factor": 2.0}, repeats=3)
    assert row["repeats"] == 3
    assert row["speedup_min"] <= row["speedup"] <= row["speedup_max"]
    assert row["speedup_max"] > 1.0
    assert row["peer_seconds"] >= 0.03
    assert row["difference"] == 0.5
    assert (row["error"], row["peer_error"]) == ("", "")
    assert "peak_bytes" not in row


def test_slow_pairs_are_repeated_less(side):
    with Worker(side) as ours, Worker(side) as theirs:
        row = compare(ours, theirs, {"sleep": 0.05}, {"sleep": 0.05}, repeats=5, budget=0.01)
    assert row["repeats"] == 1


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"fail": True}, "ValueError: it does not converge"),
        ({"die": True}, "its process died"),
        ({"sleep": 30.0}, "it was ended after the limit of 2 s"),
    ],
    ids=["raises", "dies", "takes too long"],
)
def test_a_side_that_fails_leaves_its_message(side, task, message):
    with Worker(side) as ours, Worker(side, time_limit=2.0) as theirs:
        row = compare(ours, theirs, {}, task, repeats=1, small={"size": 1})
        assert message in row["peer_error"]
        assert theirs.ask({}).numbers[0] == 1.0  # the next task has a process again
    assert row["error"] == ""
    assert row["seconds"] >= 0.0
    assert row["peak_bytes"] >= 0
    assert "speedup" not in row


def test_a_side_that_is_not_there_says_why():
    with (
        Worker(Side(Path(), Path(), unavailable="no Python 3.11")) as worker,
        pytest.raises(SideFailed, match=r"no Python 3\.11"),
    ):
        worker.ask({})
