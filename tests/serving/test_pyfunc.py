import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from clvkit.baselines import HistoricalRate
from clvkit.boosting import TweedieLGBMRegressor
from clvkit.errors import ModelFormatError, UntrustedModelError
from clvkit.features import default_features
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, load, model_record, pipeline_record
from clvkit.tracking import FitRecord, MLflowWriter


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A tracking store of its own; a fresh database takes seconds, so there is one."""
    folder = tmp_path_factory.mktemp("serving")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(folder)  # MLflow puts the artifacts of a local store into ./mlruns
        import mlflow

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        yield mlflow.MlflowClient()
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def boosted(X, interval):
    """Snapshots, features and LightGBM: everything that a winner may be made of."""
    pipeline = make_pipeline(default_features(), TweedieLGBMRegressor(n_estimators=30, n_jobs=1))
    snapshots = SnapshotRegressor(pipeline, n_snapshots=2)
    return CLVModel(snapshots, horizon="13W", interval=interval).fit(X)


def track(model, name):
    records = [
        FitRecord("serving"),
        model_record(model, register_as=name),
        pipeline_record(model.pipeline_),
    ]
    return MLflowWriter().write(records)


@pytest.fixture(scope="session")
def tracked(store, btyd):
    where = track(btyd, "cdnow")
    store.set_registered_model_alias("cdnow", "champion", where.version)
    return where


@pytest.fixture(scope="session")
def served(tracked):
    import mlflow

    return mlflow.pyfunc.load_model(tracked.model_uri)


def table(model, log, **settings):
    return model.predict_customers(log, **settings).reset_index()


def close(left, right):
    pd.testing.assert_frame_equal(left, right, rtol=1e-12, atol=1e-12, check_dtype=False)


# --- in a new process -----------------------------------------------------------------------

SCRIPT = """
import sys
import mlflow, pandas as pd
uri, model, pipeline, folder = sys.argv[1:]
mlflow.set_tracking_uri(uri)
log = pd.read_parquet(f"{folder}/log.parquet")
mlflow.pyfunc.load_model(model).predict(log).to_parquet(f"{folder}/table.parquet")
exported = mlflow.sklearn.load_model(pipeline)
from clvkit.history import latest_histories
X = latest_histories(log, cutoff="1998-03-31")
pd.DataFrame({"clv": exported.predict(X)}).to_parquet(f"{folder}/clv.parquet")
"""


@pytest.mark.parametrize("family", ["btyd", "boosted"])
def test_a_new_process_gets_the_same_numbers(family, store, log, X, tmp_path, request):
    model = request.getfixturevalue(family)
    where = track(model, f"new-process-{family}")
    log.to_parquet(tmp_path / "log.parquet")
    arguments = [store.tracking_uri, where.model_uri, where.pipeline_uri, str(tmp_path)]
    subprocess.run([sys.executable, "-c", SCRIPT, *arguments], check=True, capture_output=True)
    got = pd.read_parquet(tmp_path / "table.parquet")
    close(got, table(model, log))
    clv = pd.read_parquet(tmp_path / "clv.parquet")["clv"]
    np.testing.assert_allclose(clv, model.predict(X), rtol=1e-12)


# --- requests -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log,
        lambda log: log.assign(date=log["date"].astype(str)),
        lambda log: log.assign(date=log["date"].dt.date),
        lambda log: log.astype({"customer_id": "int32"}),
        lambda log: log[::-1],
    ],
    ids=["timestamps", "text", "dates", "int32", "reversed"],
)
def test_the_log_may_come_in_any_shape_that_the_door_takes(served, btyd, log, change):
    close(served.predict(change(log)), table(btyd, log))


def test_whole_amounts_are_amounts(served, btyd, log):
    whole = log.assign(amount=log["amount"].round().astype(int))
    close(served.predict(whole), table(btyd, whole))


def test_cutoff_and_coverage_are_parameters(served, btyd, log):
    got = served.predict(log, params={"cutoff": "1997-12-31", "coverage": 0.5})
    close(got, table(btyd, log, cutoff="1997-12-31", coverage=0.5))


def test_the_model_tells_its_signature_and_an_example(served, tracked):
    signature = served.metadata.signature
    assert signature.inputs.input_names() == ["customer_id", "date", "amount"]
    assert signature.outputs.input_names()[:2] == ["customer_id", "clv"]
    assert [param.name for param in signature.params] == ["cutoff", "coverage"]
    assert len(served.predict(served.input_example)) == 2


def test_requirements_are_pinned(served, tracked):
    import mlflow

    file = mlflow.pyfunc.get_model_dependencies(tracked.model_uri)
    lines = Path(file).read_text(encoding="utf-8").split()
    assert all("==" in line for line in lines)
    assert {line.split("==")[0] for line in lines} >= {"clvkit-automl", "scikit-learn", "skops"}


def post(served, body, kind="application/json"):
    """Go the way of MLflow's scoring server, without its socket."""
    from mlflow.pyfunc.scoring_server import invocations

    return invocations(body, kind, served, served.metadata.get_input_schema())


@pytest.mark.parametrize("orient", ["split", "records"])
def test_json_requests(served, btyd, log, orient):
    text = log.drop(columns="quantity").assign(date=log["date"].astype(str))
    body = {f"dataframe_{orient}": text.to_dict(orient=orient), "params": {"coverage": 0.5}}
    answer = post(served, json.dumps(body))
    assert answer.status == 200
    rows = pd.DataFrame(json.loads(answer.response)["predictions"])
    close(rows, table(btyd, log, coverage=0.5))


def test_csv_requests_are_more_than_mlflow_can_do_with_this_signature(served, log):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="inputs types are not DataType"):
        post(served, log.to_csv(index=False), "text/csv")


@pytest.mark.parametrize(
    ("change", "params", "message"),
    [
        ({"date": "3/4/2011"}, {}, "cannot be read as dates in 3 of 3 rows"),
        ({"date": None}, {}, "has no date in 3 of 3 rows"),
        ({"amount": "a lot"}, {}, "column 'amount' holds String"),
        ({}, {"coverage": 90.0}, "0.9 is 90 %"),
        ({}, {"cutoff": "soon"}, "Give a day such as cutoff"),
        ({}, {"cutoff": "1990-01-01"}, "no event is left"),
    ],
    ids=["date", "null", "amount", "coverage", "cutoff", "early"],
)
def test_a_bad_request_gets_the_message_of_the_door(served, log, change, params, message):
    from mlflow.exceptions import MlflowException

    bad = log.iloc[:3].drop(columns="quantity")
    bad = bad.assign(date=bad["date"].astype(str)).assign(**change)
    body = {"dataframe_records": bad.to_dict(orient="records"), "params": params}
    with pytest.raises(MlflowException, match=message) as caught:
        post(served, json.dumps(body))
    assert caught.value.get_http_status_code() == 400


def test_attributes_and_text_ids_are_in_the_signature(store, log):
    import mlflow

    named = log.assign(customer_id="c" + log["customer_id"].astype(str), channel="web")
    door = {"attributes": ["quantity", "channel"]}
    model = CLVModel(HistoricalRate(), horizon="13W", **door).fit(latest_histories(named, **door))
    assert model.attribute_types_ == {"quantity": "number", "channel": "string"}
    served = mlflow.pyfunc.load_model(track(model, "attributes").model_uri)
    inputs = served.metadata.get_input_schema()
    assert inputs.input_names() == ["customer_id", "date", "amount", "quantity", "channel"]
    assert model.customer_type_ == "string"
    close(served.predict(named), table(model, named))
    assert len(served.predict(served.input_example)) == 2


# --- loading by URI -------------------------------------------------------------------------


def test_load_takes_any_uri_of_the_model(tracked, btyd, log):
    version = f"models:/cdnow/{tracked.version}"
    for uri in (version, "models:/cdnow@champion", f"runs:/{tracked.run_id}/model"):
        close(table(load(uri), log), table(btyd, log))


def test_the_exported_pipeline_is_no_model(tracked):
    with pytest.raises(ModelFormatError, match=r"mlflow\.sklearn\.load_model"):
        load(tracked.pipeline_uri)


def test_a_tampered_artifact_is_refused_wherever_it_is_loaded(store, btyd):
    import mlflow

    where = track(btyd, "tampered")
    folder = mlflow.artifacts.download_artifacts(where.model_uri)
    file = Path(folder) / "artifacts" / "clv_model" / "model.skops"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(UntrustedModelError, match="changed after it was saved"):
        load(where.model_uri)
    with pytest.raises(UntrustedModelError, match="changed after it was saved"):
        mlflow.pyfunc.load_model(where.model_uri)


def test_no_file_of_the_registered_model_is_a_pickle(tracked):

    import mlflow

    folder = Path(mlflow.artifacts.download_artifacts(tracked.model_uri))
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 5
    assert not [file for file in files if file.suffix in {".pkl", ".pickle", ".joblib"}]
    assert not [file for file in files if file.read_bytes()[:2] in (b"\x80\x04", b"\x80\x05")]


def test_without_tracking_mlflow_is_not_even_imported(tmp_path):
    script = """
import sys
from clvkit.baselines import HistoricalRate
from clvkit.datasets import load_cdnow
from clvkit.history import latest_histories
from clvkit.serving import CLVModel, load
log = load_cdnow().head(200)
CLVModel(HistoricalRate(), horizon="13W").fit(latest_histories(log)).save("model")
load("model").predict_customers(log)
assert not {"mlflow", "lightgbm", "optuna", "matplotlib"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
