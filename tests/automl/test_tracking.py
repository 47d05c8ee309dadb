"""A tracked fit: what is written to MLflow, and that what is loaded says the same."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clvkit import AutoCLV, latest_histories
from clvkit.errors import TrackingWarning
from clvkit.serving import load
from clvkit.tracking import CandidateRecord, replay, write

pytestmark = pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning")

#: How all customers of the log begin, and what tests of the search for them plant.
SECRET, PLANTED = "secret-", "planted-"

#: Loads everything that was exported in a process that knows nothing of the fit.
SCRIPT = """
import sys
import mlflow
import numpy as np
import pandas as pd
from clvkit import latest_histories

store, model_uri, pipeline_uri, folder = sys.argv[1:]
mlflow.set_tracking_uri(store)
log = pd.read_parquet(f"{folder}/log.parquet")
model = mlflow.pyfunc.load_model(model_uri)
model.predict(log).to_parquet(f"{folder}/served.parquet")
text = log.assign(date=log["date"].astype(str))
model.predict(text, params={"cutoff": "1998-03-31"}).to_parquet(f"{folder}/text.parquet")
pipeline = mlflow.sklearn.load_model(pipeline_uri)
np.save(f"{folder}/pipeline.npy", pipeline.predict(latest_histories(log, "1998-03-31")))
"""


@pytest.fixture(scope="module")
def log(cdnow):
    past = cdnow[cdnow["date"] <= "1998-03-31"]
    return past.assign(customer_id=SECRET + past["customer_id"].astype(str))


@pytest.fixture(scope="module", params=["boosting", "btyd"])
def tracked(request, log, tmp_path_factory):
    import mlflow

    folder = tmp_path_factory.mktemp("tracked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(folder)
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        auto = AutoCLV(
            "13W",
            candidates=["baseline", request.param],
            n_trials=5,
            random_state=0,
            end="1998-03-31",
            tracking="cdnow",
            register_as=f"clv-{request.param}",
        ).fit(log)
        yield auto, folder
        mlflow.set_tracking_uri(before)


def test_one_run_a_fit_and_one_nested_run_a_candidate(tracked):
    import mlflow

    auto, _ = tracked
    runs = mlflow.search_runs(experiment_names=["cdnow"])
    assert "tags.mlflow.parentRunId" in runs
    children = runs[runs["tags.mlflow.parentRunId"] == auto.tracked_run_.run_id]
    parents = runs[runs["tags.mlflow.parentRunId"].isna()]
    assert parents["run_id"].tolist() == [auto.tracked_run_.run_id]
    assert set(children["tags.mlflow.runName"]) == set(auto.leaderboard_.index)
    scores = children.set_index("tags.mlflow.runName")["metrics.d2_tweedie"]
    pd.testing.assert_series_equal(
        scores.sort_index(), auto.leaderboard_["d2_tweedie"].sort_index(), check_names=False
    )
    parent = parents.iloc[0]
    assert parent["tags.regime"] == "rolling"
    assert parent["params.champion__candidate"] == auto.best_params_["candidate"]
    assert parent["params.horizon"] == "13W"


def test_metrics_of_each_origin_are_kept(tracked):
    import mlflow

    auto, _ = tracked
    client = mlflow.MlflowClient()
    runs = mlflow.search_runs(experiment_names=["cdnow"])
    name = auto.leaderboard_.index[0]
    run_id = runs.set_index("tags.mlflow.runName")["run_id"][name]
    history = client.get_metric_history(run_id, "d2_tweedie_by_origin")
    expected = [auto.leaderboard_[f"score@{origin}"][name] for origin in auto.origins_]
    assert [metric.value for metric in history] == pytest.approx(expected[::-1])


def test_what_is_loaded_in_a_new_process_says_the_same(tracked, log):
    auto, folder = tracked
    log.to_parquet(folder / "log.parquet")
    uris = [auto.tracked_run_.model_uri, auto.tracked_run_.pipeline_uri]
    assert uris[0].startswith("models:/clv-")
    store = f"sqlite:///{folder}/mlflow.db"
    subprocess.run([sys.executable, "-c", SCRIPT, store, *uris, str(folder)], check=True)
    values = auto.predict_customers(log).reset_index()
    for name in ("served", "text"):
        served = pd.read_parquet(folder / f"{name}.parquet")
        pd.testing.assert_frame_equal(served, values, rtol=1e-12, check_dtype=False)
    X = latest_histories(log, "1998-03-31")
    assert np.array_equal(np.load(folder / "pipeline.npy"), auto.best_pipeline_.predict(X))


def test_the_run_keeps_plots_and_the_environment(tracked):
    import mlflow

    auto, _ = tracked
    client, run_id = mlflow.MlflowClient(), auto.tracked_run_.run_id
    names = {file.path for file in client.list_artifacts(run_id)}
    assert names == {"environment.json", "leaderboard.csv", "plots"}
    plots = {file.path for file in client.list_artifacts(run_id, "plots")}
    assert plots == {"plots/cumulative_gains.png", "plots/decile_calibration.png"}


def texts_of(place):
    """Yield the name and the bytes of each file below a folder, and of what archives hold."""
    for file in filter(Path.is_file, sorted(place.rglob("*"))):
        yield str(file), file.read_bytes()
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                yield from ((f"{file}/{name}", archive.read(name)) for name in archive.namelist())


def naming(secret, folder):
    """Return where a text occurs: in artifacts, models, or any table of MLflow's database."""
    forms = [secret.encode(), secret.encode("utf-32-le")]  # the second in arrays of NumPy
    texts = texts_of(folder / "mlruns")
    found = [name for name, text in texts if any(form in text for form in forms)]
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as database:
        return found + [line for line in database.iterdump() if secret in line]


def test_nothing_of_the_log_is_in_the_run(tracked, log):
    """No customer is named in what was written: artifacts and models, parameters and tags."""
    import mlflow

    auto, folder = tracked
    assert log["customer_id"].str.startswith(SECRET).all()
    assert auto.predict_customers(log).index.str.startswith(SECRET).all()
    assert naming(SECRET, folder) == []

    # The search reads the models, and finds what is planted: in a tag, and in an array.
    names = [name for name, _ in texts_of(folder / "mlruns")]
    assert any(name.endswith("model.skops/schema.json") for name in names)
    assert any(name.endswith("leaderboard.csv") for name in names)
    client, planted = mlflow.MlflowClient(), f"{PLANTED}17"
    client.set_tag(auto.tracked_run_.run_id, "note", planted)
    assert len(naming(planted, folder)) == 1
    with zipfile.ZipFile(folder / "mlruns" / "planted.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ids.npy", np.array([planted]).tobytes())
    assert len(naming(planted, folder)) == 2


# --- a server that goes away --------------------------------------------------------------------


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A tracking server in a process of its own, and what kills it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    uri, output = f"http://127.0.0.1:{port}", tmp_path / "server.log"
    with output.open("w") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        )

    def kill():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    try:
        deadline = time.monotonic() + 120
        while not is_up(uri):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)
        yield uri, kill
    finally:
        kill()


def is_up(uri):
    import requests

    try:
        return requests.get(f"{uri}/health", timeout=5).ok
    except requests.RequestException:
        return False


def test_killing_the_server_during_a_fit_loses_nothing(server, log, tmp_path, monkeypatch):
    import mlflow

    uri, kill = server
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.create_experiment("killed")  # it is there when the fit begins
    calls = []

    def scorer(estimator, X, y):
        calls.append(kill())
        return -float(np.abs(estimator.predict(X) - y).mean())

    auto = AutoCLV(
        "13W",
        candidates=["baseline", "bg_nbd"],
        n_trials=4,
        scoring=scorer,
        random_state=0,
        tracking="killed",
        register_as="killed-clv",
    )
    try:
        with pytest.warns(TrackingWarning, match=r"no run was opened.*replay\(auto, uri\)"):
            auto.fit(log)
    finally:
        mlflow.set_tracking_uri(before)
    assert calls
    assert auto.tracked_run_ is None
    values = auto.predict_customers(log)

    # The next morning, in another process.
    again = pickle.loads(pickle.dumps(auto.set_params(scoring="mae")))
    store = f"sqlite:///{tmp_path}/mlflow.db"
    tracked = replay(again, store)
    client = mlflow.MlflowClient(store)
    children = client.search_runs([tracked.experiment_id], "tags.mlflow.parentRunId != ''")
    assert {run.info.run_name for run in children} == set(auto.leaderboard_.index)
    mlflow.set_tracking_uri(store)
    try:
        loaded = load("models:/killed-clv/1")
    finally:
        mlflow.set_tracking_uri(before)
    pd.testing.assert_frame_equal(loaded.predict_customers(log), values, rtol=1e-12)


# --- nothing is tracked -----------------------------------------------------------------------

#: Python tells of every file that is opened to be written, and of every name that is looked up.
WATCHED = """
import os, sys

seen = []

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            seen.append((event, path))
    elif event.startswith(("socket.connect", "socket.getaddr", "socket.gethost", "socket.bind")):
        seen.append((event, arguments[1:]))

sys.addaudithook(watch)
from clvkit import AutoCLV
from clvkit.datasets import load_cdnow

auto = AutoCLV("13W", candidates=CANDIDATES, n_trials=3, random_state=0, verbose=0)
auto.fit(load_cdnow()).predict_customers(load_cdnow())
assert auto.fit_records_ is None and auto.tracked_run_ is None
assert "mlflow" not in sys.modules
assert not seen, seen
open("canary", "w").close()
assert len(seen) == 1
"""


@pytest.mark.parametrize(
    "candidates",
    [["baseline", "bg_nbd"], pytest.param(["tweedie"], marks=pytest.mark.long)],
    ids=str,
)
def test_without_tracking_no_file_is_written_and_no_name_is_looked_up(candidates, tmp_path):
    script = WATCHED.replace("CANDIDATES", repr(candidates))
    done = subprocess.run(
        [sys.executable, "-B", "-W", "ignore", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["canary"]


# --- what it costs -----------------------------------------------------------------------------


def test_forty_trials_are_tracked_in_five_seconds(tracked):
    """As records of forty trials, so that the search does not count.

    Of the processor's time: what else the machine does at the moment is not the writer's doing.
    """
    auto, _ = tracked
    opening, *rest = auto.fit_records_
    trials = [record for record in rest if isinstance(record, CandidateRecord)]
    others = [record for record in rest if not isinstance(record, CandidateRecord)]
    records = [opening, *itertools.islice(itertools.cycle(trials), 40), *others]
    start = time.process_time()
    assert write(records).version is not None
    assert time.process_time() - start < 5.0
