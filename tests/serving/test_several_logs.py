"""Models of several logs: stored, scored with columns of other names, not served as one table."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from clvkit.errors import ArgumentError
from clvkit.features import RFMFeatures
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, load, model_record

NAMES = {
    "customer_id": {"visits": "who"},
    "amount": {"transactions": "price"},
    "attributes": {"visits": ["page"]},
}


@pytest.fixture(scope="module")
def logs():
    rng = np.random.default_rng(0)
    who = np.append(np.arange(20), rng.integers(0, 20, 280))
    date = np.datetime64("2024-01-01") + np.append(np.zeros(20, int), rng.integers(0, 300, 280))
    log = pd.DataFrame({"customer_id": who, "date": date, "price": rng.gamma(2.0, 10.0, 300)})
    visits = pd.DataFrame({"who": who[::-1], "date": date, "page": rng.choice(["a", "b"], 300)})
    return {"transactions": log, "visits": visits}


@pytest.fixture(scope="module")
def model(logs):
    groups = [("bought", RFMFeatures(), "history"), ("visited", RFMFeatures(), "visits")]
    imputer = SimpleImputer(strategy="constant", keep_empty_features=True)
    pipeline = make_pipeline(ColumnTransformer(groups), imputer, Ridge())
    model = CLVModel(SnapshotRegressor(pipeline, "30D"), horizon="30D", **NAMES)
    return model.fit(latest_histories(logs, **NAMES))


def test_a_model_remembers_its_logs(model, logs):
    assert model.streams_ == {"visits": ["page"]}
    assert model.covariate_types_ == {}
    assert model.feature_names_in_.tolist() == ["history", "visits"]
    table = model.predict_customers(logs)
    assert np.array_equal(table["clv"], model.predict(latest_histories(logs, **NAMES)))
    pd.testing.assert_frame_equal(model.refit(logs).predict_customers(logs), table)


def test_a_stored_model_reads_the_same_logs(model, logs, tmp_path):
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict_customers(logs), model.predict_customers(logs))


def test_visits_after_the_cutoff_change_no_prediction(model, logs):
    visits = logs["visits"]
    past = {**logs, "visits": visits[visits["date"] <= "2024-06-30"]}
    expected = model.predict_customers(logs, "2024-06-30")
    pd.testing.assert_frame_equal(model.predict_customers(past, "2024-06-30"), expected)


def test_a_served_model_takes_one_table(model):
    with pytest.raises(ArgumentError, match=r"takes several logs: 'transactions', 'visits'. Keep"):
        model_record(model)
