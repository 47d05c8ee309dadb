import json
import logging
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clvkit.errors import TrackingWarning
from clvkit.serving import model_record, pipeline_record
from clvkit.tracking import (
    ArtifactRecord,
    CandidateRecord,
    FitRecord,
    MLflowWriter,
    fingerprint,
)

CANDIDATE = CandidateRecord(
    "BG/NBD",
    "btyd",
    params={"penalty": 0.1, "prior": None},
    metrics={"d2_tweedie": 0.35, "undefined": math.nan},
    origin_metrics=[{"d2_tweedie": 0.3}, {"d2_tweedie": 0.4}],
    seconds=1.5,
)


def children(client, tracked):
    runs = client.search_runs(
        [tracked.experiment_id], f"tags.mlflow.parentRunId = '{tracked.run_id}'"
    )
    return sorted(runs, key=lambda run: run.info.start_time)


def artifact(client, tracked, name, folder):
    return Path(client.download_artifacts(tracked.run_id, name, str(folder)))


# --- runs -----------------------------------------------------------------------------------


def test_a_fit_is_one_run(store, X):
    record = FitRecord(
        "one run",
        run_name="monday",
        params={"horizon": "13W", "n_trials": 40},
        metrics={"best_score": 0.4},
        tags={"regime": "rolling"},
        dataset=fingerprint(X),
        seconds=30,
    )
    tracked = MLflowWriter().write([record])
    run = store.get_run(tracked.run_id)
    assert store.get_experiment(tracked.experiment_id).name == "one run"
    assert (run.info.run_name, run.info.status) == ("monday", "FINISHED")
    assert run.data.params == {"horizon": "13W", "n_trials": "40"}
    assert run.data.metrics == {"best_score": 0.4}
    assert run.data.tags["regime"] == "rolling"
    assert run.info.end_time - run.info.start_time >= 30_000
    assert (tracked.model_uri, tracked.pipeline_uri, tracked.version) == (None, None, None)


def test_the_dataset_is_a_fingerprint(store, X):
    tracked = MLflowWriter().write([FitRecord("data", dataset=fingerprint(X))])
    (given,) = store.get_run(tracked.run_id).inputs.dataset_inputs
    profile = json.loads(given.dataset.profile)
    assert profile["n_customers"] == len(X)
    assert profile["digest"] == given.dataset.digest == fingerprint(X).digest
    assert set(profile) == {"n_rows", "n_customers", "start", "end", "digest"}


def test_a_candidate_is_a_nested_run(store):
    failed = CandidateRecord("broken", "boosting", failed=True, tags={"error": "too short"})
    tracked = MLflowWriter().write([FitRecord("candidates"), CANDIDATE, failed])
    good, bad = children(store, tracked)
    assert good.info.run_name == "BG/NBD"
    assert good.data.tags["family"] == "btyd"
    assert good.data.params == {"penalty": "0.1", "prior": "None"}
    assert good.data.metrics == {
        "d2_tweedie": 0.35,
        "d2_tweedie_by_origin": 0.4,
        "fit_seconds": 1.5,
    }
    history = store.get_metric_history(good.info.run_id, "d2_tweedie_by_origin")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.3), (2, 0.4)]
    assert (good.info.status, bad.info.status) == ("FINISHED", "FAILED")
    assert bad.data.tags["error"] == "too short"


def test_many_and_long_parameters_fit(store):
    params = {f"p{i}": "x" * 10_000 for i in range(230)}
    tracked = MLflowWriter().write([FitRecord("long", params=params)])
    stored = store.get_run(tracked.run_id).data.params
    assert len(stored) == 230
    assert set(stored.values()) == {"x" * 6_000}


def test_a_fit_opens_with_a_fit_record(store):
    with pytest.raises(TypeError, match="got CandidateRecord"):
        MLflowWriter().write([CANDIDATE])
    with pytest.raises(TypeError, match="got FitRecord"):
        MLflowWriter().write([FitRecord("twice"), FitRecord("twice")])


def test_another_store_is_named_by_its_uri(store, tmp_path):
    uri = store.tracking_uri
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/never.db")
    try:
        tracked = MLflowWriter(uri).write([FitRecord("elsewhere")])
        assert mlflow.get_tracking_uri().endswith("never.db")
    finally:
        mlflow.set_tracking_uri(uri)
    assert store.get_run(tracked.run_id).info.status == "FINISHED"
    assert not (tmp_path / "never.db").exists()


# --- the user's own runs --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("experiment", "nested"), [("mine", True), ("other", False)], ids=["same", "other"]
)
def test_a_run_of_the_user_stays_active(store, model, experiment, nested):
    import mlflow

    if store.get_experiment_by_name("mine") is None:
        store.create_experiment("mine")
    experiment_id = store.get_experiment_by_name("mine").experiment_id
    with mlflow.start_run(experiment_id=experiment_id) as outer:
        tracked = MLflowWriter().write([FitRecord(experiment), CANDIDATE, model_record(model)])
        assert mlflow.active_run().info.run_id == outer.info.run_id
    parent = store.get_run(tracked.run_id).data.tags.get("mlflow.parentRunId")
    assert parent == (outer.info.run_id if nested else None)
    assert store.get_run(outer.info.run_id).data.params == {}
    assert mlflow.active_run() is None


def test_nothing_is_printed_or_logged_and_levels_come_back(store, model, capfd, caplog):
    bar, level = os.environ.get("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"), logging.WARNING - 5
    logging.getLogger("mlflow").setLevel(level)
    MLflowWriter().write([FitRecord("quiet"), model_record(model, register_as="quiet")])
    assert logging.getLogger("mlflow").level == level
    assert os.environ.get("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR") == bar
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_a_new_store_is_made_without_a_word(tmp_path):
    script = """
from clvkit.tracking import FitRecord, MLflowWriter
MLflowWriter("sqlite:///new.db").write([FitRecord("new")])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "new.db").exists()


# --- files ----------------------------------------------------------------------------------


def test_artifacts_are_files(store, tmp_path):
    from matplotlib.figure import Figure

    (tmp_path / "notes.md").write_text("as it is")
    board = pd.DataFrame({"name": ["a", "b"], "score": [0.5, 0.25]})
    records = [
        ArtifactRecord("leaderboard.csv", board),
        ArtifactRecord("indexed.csv", board.set_index("name")),
        ArtifactRecord("plots/gains.png", Figure()),
        ArtifactRecord("settings.json", {"horizon": "13W"}),
        ArtifactRecord("readme.txt", "hello"),
        ArtifactRecord("notes.md", tmp_path / "notes.md"),
    ]
    tracked = MLflowWriter().write([FitRecord("files"), *records])
    got = tmp_path / "got"
    got.mkdir()
    for name in ("leaderboard.csv", "indexed.csv"):
        pd.testing.assert_frame_equal(pd.read_csv(artifact(store, tracked, name, got)), board)
    assert json.loads(artifact(store, tracked, "settings.json", got).read_text()) == {
        "horizon": "13W"
    }
    assert artifact(store, tracked, "readme.txt", got).read_text() == "hello"
    assert artifact(store, tracked, "notes.md", got).read_text() == "as it is"
    assert [file.path for file in store.list_artifacts(tracked.run_id, "plots")] == [
        "plots/gains.png"
    ]


def test_what_is_no_file_is_refused(store):
    with pytest.raises(TypeError, match=r"'x\.bin' cannot be made of a complex"):
        MLflowWriter().write([FitRecord("files"), ArtifactRecord("x.bin", 1j)])


# --- models ---------------------------------------------------------------------------------


def test_the_winner_is_logged_twice_and_registered_once(store, model, X):
    import mlflow

    records = [FitRecord("winner"), model_record(model, "cdnow"), pipeline_record(model.pipeline_)]
    tracked = [MLflowWriter().write(records) for _ in range(2)]
    assert [t.version for t in tracked] == [1, 2]
    assert tracked[1].model_uri == "models:/cdnow/2"
    version = store.get_model_version("cdnow", "2")
    assert (version.run_id, version.status) == (tracked[1].run_id, "READY")
    names = {m.name for m in store.search_logged_models([tracked[0].experiment_id])}
    assert names == {"model", "pipeline"}
    outputs = store.get_run(tracked[0].run_id).outputs.model_outputs
    assert len(outputs) == 2
    pipeline = mlflow.sklearn.load_model(tracked[0].pipeline_uri)
    np.testing.assert_array_equal(pipeline.predict(X), model.predict(X))


def test_without_a_name_nothing_is_registered(store, model):
    tracked = MLflowWriter().write([FitRecord("unregistered"), model_record(model)])
    assert tracked.version is None
    assert tracked.model_uri.startswith("models:/m-")
    assert not store.search_model_versions(f"run_id = '{tracked.run_id}'")


def test_a_model_that_cannot_be_exported_costs_only_itself(store, model):
    def fail(folder):
        raise ValueError("holds a lambda")

    bad = replace(model_record(model, register_as="never"), save=fail)
    with pytest.warns(TrackingWarning, match="model could not be exported.*holds a lambda"):
        tracked = MLflowWriter().write(
            [FitRecord("export"), bad, pipeline_record(model.pipeline_), CANDIDATE]
        )
    assert tracked.model_uri is None
    assert tracked.pipeline_uri is not None
    assert len(children(store, tracked)) == 1
    assert not store.search_registered_models("name = 'never'")


# pytest gives warnings anew that it did not wait for, and then no filter knows their module.
AGAIN = pytest.mark.filterwarnings("ignore:Operation with range is deprecated")


@AGAIN
@pytest.mark.parametrize("name", ["a/b", "a:b", ""], ids=repr)
def test_a_name_that_cannot_be_registered_costs_only_the_registration(store, model, name):
    import mlflow

    records = [FitRecord("bad name"), model_record(model, name), pipeline_record(model.pipeline_)]
    with pytest.warns(TrackingWarning, match="models:/m-.*could not be registered as"):
        tracked = MLflowWriter().write(records)
    assert (tracked.version, store.get_run(tracked.run_id).info.status) == (None, "FINISHED")
    assert len(mlflow.pyfunc.load_model(tracked.model_uri).predict(records[1].example)) == 2
    assert tracked.pipeline_uri is not None


@AGAIN
def test_a_registry_that_refuses_costs_only_the_registration(store, model, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError("read only")

    monkeypatch.setattr("mlflow.MlflowClient.create_model_version", refuse)
    with pytest.warns(TrackingWarning, match="PermissionError: read only"):
        tracked = MLflowWriter().write([FitRecord("refused"), model_record(model, "refused")])
    assert tracked.model_uri.startswith("models:/m-")


class Drawing:
    """A display, as those of clvkit.inspection."""

    def plot(self, ax):
        ax.plot([0, 1], [0, 1])


def test_a_display_is_drawn_when_it_is_written(store, tmp_path):
    from matplotlib import image, pyplot

    before = pyplot.get_fignums()
    record = ArtifactRecord("plots/drawing.png", Drawing())
    tracked = MLflowWriter().write([FitRecord("drawing"), record])
    pixels = image.imread(artifact(store, tracked, "plots/drawing.png", tmp_path))
    assert pixels[..., :3].std() > 0
    assert pyplot.get_fignums() == before


# --- runs that do not end well ----------------------------------------------------------------


def test_what_raises_leaves_no_run_running(store, monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("server is gone")

    writer = MLflowWriter()
    writer.send(FitRecord("cut off"))
    monkeypatch.setattr("mlflow.MlflowClient.log_batch", refuse)
    with pytest.raises(ConnectionError):
        writer.write([CANDIDATE])
    assert store.get_run(writer.tracked.run_id).info.status == "FAILED"
    assert [run.info.status for run in children(store, writer.tracked)] == ["FAILED"]


def test_abort_is_silent_where_nothing_can_be_reached(store, monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("server is gone")

    MLflowWriter().abort()
    writer = MLflowWriter()
    writer.send(FitRecord("unreachable"))
    monkeypatch.setattr("mlflow.MlflowClient.set_terminated", refuse)
    writer.abort()
