"""A fit that is killed at any moment is continued as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from clvkit import AutoCLV

pytestmark = [
    pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning"),
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system with SIGKILL"),
]

#: A fit in a process of its own.
SCRIPT = """
import sys
import warnings
import pandas as pd
from clvkit import AutoCLV

warnings.simplefilter("ignore")
journal, folder, n_trials = sys.argv[1:]
log = pd.read_parquet(folder + "/log.parquet")
settings = {"n_trials": int(n_trials), "storage": journal, "study_name": "killed"}
auto = AutoCLV("13W", random_state=3, end="1998-03-31", verbose=0, **settings).fit(log)
auto.leaderboard_.to_pickle(folder + "/board.pkl")
"""

#: What is measured by the clock.
TIMES = ["fit_seconds", "predict_seconds", "feature_seconds"]


@pytest.fixture(scope="module")
def folder(cdnow, tmp_path_factory):
    log = cdnow[(cdnow["date"] <= "1998-03-31") & (cdnow["customer_id"] % 4 == 0)]
    folder = tmp_path_factory.mktemp("killed")
    log.to_parquet(folder / "log.parquet")
    return folder


def fit(folder, journal, n_trials):
    """Fit in this process, and return the leaderboard without times."""
    log = pd.read_parquet(folder / "log.parquet")
    settings = {"storage": journal, "study_name": "killed" if journal else None}
    auto = AutoCLV(
        "13W", n_trials=n_trials, random_state=3, end="1998-03-31", verbose=0, **settings
    ).fit(log)
    return auto, auto.leaderboard_.drop(columns=TIMES)


def begin(folder, journal, n_trials):
    arguments = [sys.executable, "-c", SCRIPT, str(journal), str(folder), str(n_trials)]
    return subprocess.Popen(arguments, env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"})


def kill_when(process, ready):
    """Kill a process as soon as ``ready()``; False where it was done before."""
    limit = time.monotonic() + 120
    while not ready():
        if process.poll() is not None:
            assert process.returncode == 0
            return False
        assert time.monotonic() < limit, "the fit does not get on"
        time.sleep(0.002)
    process.kill()
    process.wait()
    return True


def n_operations(journal):
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def check_finished(auto, n_trials):
    """Every trial is there once, and finished."""
    assert [trial.number for trial in auto.study_.trials] == list(range(n_trials))
    assert all(trial.state.is_finished() for trial in auto.study_.trials)


def test_a_killed_fit_ends_as_an_undisturbed_one(folder, tmp_path):
    """Killed in the middle of a trial, which is run again under its number."""
    journal = tmp_path / "journal"
    process = begin(folder, journal, 12)
    assert kill_when(process, lambda: _read(journal).count(b'"result"') == 8)
    auto, board = fit(folder, journal, 12)
    check_finished(auto, 12)
    _, whole = fit(folder, None, 12)
    pd.testing.assert_frame_equal(board, whole)


def _read(path):
    return path.read_bytes() if path.exists() else b""


@pytest.mark.long
def test_killed_ten_times_at_random_moments(folder, tmp_path):
    """Each kill comes after a random number of further entries in the journal."""
    rng = np.random.default_rng(0)
    journal = tmp_path / "journal"
    n_kills = 0
    for wait in rng.integers(3, 60, 10).tolist():
        process = begin(folder, journal, 30)
        begun = n_operations(journal)
        pause = rng.uniform(0, 0.2)
        n_kills += kill_when(process, lambda enough=begun + wait: n_operations(journal) >= enough)
        time.sleep(pause)
    assert n_kills == 10
    auto, board = fit(folder, journal, 30)
    check_finished(auto, 30)
    _, whole = fit(folder, None, 30)
    pd.testing.assert_frame_equal(board, whole)


@pytest.mark.long
def test_two_processes_share_a_journal(folder, tmp_path):
    """Both see the same leaderboard, and each trial was run by one of them."""
    journal = tmp_path / "journal"
    other = begin(folder, journal, 12)
    auto, board = fit(folder, journal, 12)
    assert other.wait(timeout=120) == 0
    check_finished(auto, 12)
    theirs = pd.read_pickle(folder / "board.pkl").drop(columns=TIMES)
    pd.testing.assert_frame_equal(board, theirs)
    _, whole = fit(folder, None, 12)
    pd.testing.assert_frame_equal(board, whole)
