"""Figures of a real log, a million lines, on Spark and on one machine."""

import numpy as np
import pandas as pd
import pytest

from clvkit.automl._hybrid_builders import hybrid
from clvkit.btyd import BTYDRegressor, ParetoNBD
from clvkit.features import default_features
from clvkit.history import latest_histories, rfm_summary
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel
from clvkit.spark import features, fit, predict_customers

LOG, COLUMNS = "online_retail_II.parquet", ["customer_id", "date", "amount"]
CHAMPIONS = {
    "btyd": BTYDRegressor(ParetoNBD()),
    "hybrid": SnapshotRegressor(hybrid("13W", 0, n_estimators=50), n_snapshots=2),
}


@pytest.fixture(scope="module")
def retail(shared_data):
    log = pd.read_parquet(shared_data / LOG, columns=COLUMNS)
    return log.dropna(subset=["customer_id"])


@pytest.fixture(scope="module")
def there(spark, shared_data):
    log = spark.read.parquet(str(shared_data / LOG)).select(COLUMNS)
    return log.dropna(subset=["customer_id"]).cache()


@pytest.fixture(scope="module")
def X(retail):
    return latest_histories(retail, "2011-09-30")


@pytest.mark.parametrize("name", list(CHAMPIONS))
def test_predictions_are_those_of_one_machine(name, X, retail, there, collected):
    model = CLVModel(CHAMPIONS[name], horizon="13W").fit(X)
    got = collected(predict_customers(model, there, "2011-11-30", components=True))
    want = model.predict_customers(retail, "2011-11-30")
    assert got.index.tolist() == want.index.tolist()
    for column in want.columns:
        np.testing.assert_allclose(
            got[column].to_numpy(float), want[column].to_numpy(float), rtol=1e-9
        )


@pytest.mark.long
def test_features_are_those_of_one_machine(X, there, collected):
    transformer = default_features().fit(X)
    got = collected(features(transformer, there, "2011-09-30"))
    np.testing.assert_allclose(got.iloc[:, 1:], transformer.transform(X), rtol=1e-9)


def test_parameters_are_those_of_one_machine(X, there):
    own = fit(ParetoNBD(), there, "2011-09-30")
    assert own.params_ == pytest.approx(ParetoNBD().fit(rfm_summary(X)).params_, rel=1e-6)
