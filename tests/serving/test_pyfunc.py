import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.pipeline import make_pipeline

from clvkit.baselines import HistoricalRate
from clvkit.boosting import TweedieLGBMRegressor
from clvkit.errors import UntrustedModelError
from clvkit.features import default_features
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, load


@pytest.fixture(scope="session")
def boosted(X, interval):
    """Snapshots, features and LightGBM: everything that a winner may be made of."""
    pipeline = make_pipeline(default_features(), TweedieLGBMRegressor(n_estimators=30, n_jobs=1))
    snapshots = SnapshotRegressor(pipeline, n_snapshots=2)
    return CLVModel(snapshots, horizon="13W", interval=interval).fit(X)


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
def test_a_new_process_gets_the_same_numbers(family, store, track, log, X, tmp_path, request):
    model = request.getfixturevalue(family)
    where = track(model, f"new-process-{family}")
    log.to_parquet(tmp_path / "log.parquet")
    arguments = [store.tracking_uri, where.model_uri, where.pipeline_uri, str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
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


def test_what_the_model_cannot_tell_is_null_in_a_server(track, log, monkeypatch):
    import mlflow

    model = CLVModel(HistoricalRate(), horizon="13W").fit(latest_histories(log))
    served = mlflow.pyfunc.load_model(track(model, "nulls").model_uri)
    body = json.dumps(
        {"dataframe_records": [{"customer_id": 1, "date": "1998-01-03", "amount": 2}]}
    )
    assert np.isnan(served.predict(log)["probability_alive"]).all()
    monkeypatch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")

    def no_number(text):
        raise AssertionError(f"{text} is no JSON")

    (row,) = json.loads(post(served, body).response, parse_constant=no_number)["predictions"]
    assert row["probability_alive"] is None
    assert row["clv"] > 0


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


IDS = {
    "missing": lambda ids, gap: ids.astype("Int64").mask(gap),
    "floats": lambda ids, gap: ids.astype("float64").mask(gap),
    "arrow": lambda ids, gap: ids.astype("int64[pyarrow]").mask(gap),
    "category": lambda ids, gap: ("c" + ids.astype(str)).astype("category"),
    "category-missing": lambda ids, gap: ("c" + ids.astype(str)).astype("category").mask(gap),
    "whole-category": lambda ids, gap: ids.astype("category"),
    "text": lambda ids, gap: "c" + ids.astype(str),
    "text-missing": lambda ids, gap: ("c" + ids.astype(str)).mask(gap),
    "objects": lambda ids, gap: ("c" + ids.astype(str)).astype(object).mask(gap, None),
}


@pytest.mark.filterwarnings("ignore:.*have no customer in column:clvkit.errors.DataWarning")
@pytest.mark.parametrize("kind", list(IDS))
def test_customers_may_be_named_in_any_way_and_be_missing(kind, track, log):
    import mlflow

    named = log.assign(customer_id=IDS[kind](log["customer_id"], log.index % 7 == 3))
    model = CLVModel(HistoricalRate(), horizon="13W").fit(latest_histories(named))
    served = mlflow.pyfunc.load_model(track(model, f"ids-{kind}").model_uri)
    got = served.predict(named)
    assert got["customer_id"].tolist() == table(model, named)["customer_id"].tolist()
    close(got, table(model, named))
    assert len(served.predict(served.input_example)) == 2


@pytest.mark.filterwarnings("ignore:.*have no customer in column:clvkit.errors.DataWarning")
@pytest.mark.parametrize("ids", ["Int64", "float64"])
def test_a_real_log_with_missing_customers(ids, track, shared_data):
    import mlflow

    log = pd.read_parquet(shared_data / "online_retail_II.parquet").iloc[:30_000]
    log = log.astype({"customer_id": ids})
    assert log["customer_id"].isna().any()
    door = {"attributes": ["quantity", "country"]}
    model = CLVModel(HistoricalRate(), horizon="4W", **door).fit(latest_histories(log, **door))
    served = mlflow.pyfunc.load_model(track(model, f"retail-{ids}").model_uri)
    close(served.predict(log), table(model, log))


def test_missing_values_of_attributes_stay_missing(track, log):
    import mlflow

    gap = log.index % 5 == 0
    log = log.assign(
        quantity=log["quantity"].astype("Int64").mask(gap),
        channel=pd.Series("web", index=log.index).astype("category").mask(gap),
    )
    door = {"attributes": ["quantity", "channel"]}
    model = CLVModel(HistoricalRate(), horizon="13W", **door).fit(latest_histories(log, **door))
    served = mlflow.pyfunc.load_model(track(model, "gaps").model_uri)
    close(served.predict(log), table(model, log))


def test_repeated_rows_are_whole_rows_once_served(track, log):
    import mlflow

    lines = log.assign(line=log.index % 2)
    doubled = pd.concat([lines, lines.assign(line=2), lines])
    dropping = CLVModel(HistoricalRate(), horizon="13W", duplicates="drop")
    dropping.fit(latest_histories(doubled, duplicates="drop"))
    served = mlflow.pyfunc.load_model(track(dropping, "dropping").model_uri)
    want = table(dropping, doubled)
    close(served.predict(doubled), want)
    close(served.predict(pl.from_pandas(doubled)), want)
    text = doubled.assign(date=doubled["date"].astype(str))
    bodies = {
        "application/json": json.dumps({"dataframe_records": text.to_dict("records")}),
        "text/csv": text.to_csv(index=False),
    }
    for kind, body in bodies.items():
        answer = post(served, body, kind).response
        close(pd.DataFrame(json.loads(answer)["predictions"]), want)
    assert (want["clv"] > table(dropping, lines)["clv"]).any()


def test_repeated_rows_are_refused_once_served(track, log):
    import mlflow
    from mlflow.exceptions import MlflowException

    lines = log.assign(line=range(len(log)))
    model = CLVModel(HistoricalRate(), horizon="13W", duplicates="raise")
    model.fit(latest_histories(lines, duplicates="raise"))
    served = mlflow.pyfunc.load_model(track(model, "raising").model_uri)
    close(served.predict(lines), table(model, lines))
    with pytest.raises(MlflowException, match="repeat an earlier row in every column"):
        served.predict(pd.concat([lines, lines.iloc[:1]]))


def test_covariates_are_in_the_rows_of_a_request(track, log):
    import mlflow

    customers = pd.DataFrame({"customer_id": log["customer_id"].unique()})
    customers["age"] = np.where(customers.index % 5, 20.0 + customers.index % 50, np.nan)
    customers["tier"] = np.where(customers.index % 3, "gold", None)
    customers["since"] = pd.Timestamp("1996-01-01") + pd.to_timedelta(customers.index, unit="D")
    pipeline = make_pipeline(default_features(), TweedieLGBMRegressor(n_estimators=20, n_jobs=1))
    model = CLVModel(SnapshotRegressor(pipeline, n_snapshots=2), horizon="13W")
    model.fit(latest_histories(log, covariates=customers))
    served = mlflow.pyfunc.load_model(track(model, "covariates").model_uri)
    names = ["customer_id", "date", "amount", "age", "tier", "since"]
    assert served.metadata.get_input_schema().input_names() == names
    want = table(model, log, covariates=customers)
    close(served.predict(log.merge(customers, on="customer_id")), want)
    assert len(served.predict(served.input_example)) == 2


def test_a_polars_frame_is_refused_by_mlflow_where_columns_are_named(served, log):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="Failed to enforce schema"):
        served.predict(pl.from_pandas(log))


def test_attributes_and_text_ids_are_in_the_signature(track, log):
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


def test_a_tampered_artifact_is_refused_wherever_it_is_loaded(track, btyd):
    import mlflow

    where = track(btyd, "tampered")
    folder = mlflow.artifacts.download_artifacts(where.model_uri)
    file = Path(folder) / "artifacts" / "clv_model" / "model.skops"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(UntrustedModelError, match="changed after it was registered"):
        load(where.model_uri)
    with pytest.raises(UntrustedModelError, match="changed after it was registered"):
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
