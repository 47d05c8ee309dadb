"""Two processes share the work of one study in a PostgreSQL data base."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from clvkit import AutoCLV

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning"),
]

SCRIPT = """
import sys
import warnings
import pandas as pd
from clvkit import AutoCLV

warnings.simplefilter("ignore")
url, folder = sys.argv[1:]
auto = AutoCLV("13W", n_trials=16, random_state=3, storage=url, study_name="shared", verbose=0)
auto.fit(pd.read_parquet(folder + "/log.parquet"))
auto.leaderboard_.to_pickle(folder + "/board.pkl")
"""

TIMES = ["fit_seconds", "predict_seconds", "feature_seconds"]


def programs():
    """Return the folder of PostgreSQL's programs, installing Debian's package where we may."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "-q", "postgresql"]
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(install, env=environment, capture_output=True, check=False)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    if shutil.which("initdb"):
        return Path(shutil.which("initdb")).parent
    pytest.skip("PostgreSQL is not installed, and installing its package takes root and apt-get")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed: pip install psycopg2-binary")
    bin_folder = programs()
    # A socket's path is short, and the server refuses to run as root.
    folder = Path(
        subprocess.check_output(["mktemp", "-d", "/tmp/clvkit-pg-XXXXXX"], text=True).strip()
    )
    user = {}
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}

    def run(program, *arguments):
        command = [str(bin_folder / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120, **user)

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", "clvkit", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    log = str(folder / "log")
    run("pg_ctl", "-D", data, "-w", "-o", options, "-l", log, "start")
    try:
        yield f"postgresql+psycopg2://clvkit@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_two_processes_share_the_work(url, cdnow, tmp_path):
    log = cdnow[cdnow["customer_id"] % 4 == 0]
    log.to_parquet(tmp_path / "log.parquet")
    command = [sys.executable, "-c", SCRIPT, url, str(tmp_path)]
    others = [subprocess.Popen(command) for _ in range(2)]
    assert [other.wait(timeout=600) for other in others] == [0, 0]
    # A third one finds everything done.
    settings = {"n_trials": 16, "random_state": 3, "verbose": 0}
    auto = AutoCLV("13W", storage=url, study_name="shared", **settings).fit(log)
    trials = auto.study_.trials
    assert [trial.number for trial in trials if trial.state.is_finished()] == list(range(16))
    workers = {trial.user_attrs["lease"]["worker"] for trial in trials if trial.state.is_finished()}
    assert len(workers) == 2
    theirs = pd.read_pickle(tmp_path / "board.pkl").drop(columns=TIMES)
    pd.testing.assert_frame_equal(auto.leaderboard_.drop(columns=TIMES), theirs)
    alone = AutoCLV("13W", **settings).fit(log)
    pd.testing.assert_frame_equal(alone.leaderboard_.drop(columns=TIMES), theirs)
