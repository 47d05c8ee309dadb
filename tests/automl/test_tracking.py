"""A tracked fit: what is written to MLflow, and that what is loaded says the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from clvkit import AutoCLV, latest_histories

pytestmark = pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning")

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
    return cdnow[cdnow["date"] <= "1998-03-31"]


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
