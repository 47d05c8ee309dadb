import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from clvkit.baselines import HistoricalRate
from clvkit.errors import ArgumentError
from clvkit.history import latest_histories
from clvkit.serving import CLVModel, model_record, pipeline_record
from clvkit.serving._trust import TRUSTED_TYPES


@pytest.fixture(scope="module")
def covariates(log):
    customers = log["customer_id"].unique()
    return pd.DataFrame(
        {"customer_id": customers, "age": 40, "tier": "gold", "since": pd.Timestamp("1996-01-01")}
    )


def test_a_record_of_a_plain_model(btyd):
    record = model_record(btyd, register_as="shop")
    assert record.inputs == dict.fromkeys(["customer_id", "date", "amount"], "any")
    assert list(record.outputs)[:2] == ["customer_id", "clv"]
    assert record.params["coverage"] == ("number", btyd.coverage)
    assert record.register_as == "shop"
    assert record.code.is_file()


def test_columns_of_a_request_are_those_of_the_log_and_the_covariates(log, covariates):
    X = latest_histories(log, attributes=["quantity"], covariates=covariates)
    model = CLVModel(HistoricalRate(), horizon="13W", attributes="quantity").fit(X)
    record = model_record(model)
    names = ["customer_id", "date", "amount", "quantity", "age", "tier", "since"]
    assert list(record.inputs) == names
    assert list(record.example.columns) == names
    assert set(record.example["age"]) == {1.0}
    assert set(record.example["tier"]) == {"x"}
    assert pd.to_datetime(record.example["since"]).notna().all()


@pytest.mark.parametrize("policy", ["drop", "raise"])
def test_where_whole_rows_are_compared_no_columns_are_named(log, policy):
    log = log.assign(line=range(len(log)))
    model = CLVModel(HistoricalRate(), horizon="13W", duplicates=policy)
    model.fit(latest_histories(log, duplicates=policy))
    assert model_record(model).inputs is None


def test_a_name_cannot_be_a_column_and_a_covariate(log, covariates):
    X = latest_histories(log, covariates=covariates.rename(columns={"age": "amount"}))
    model = CLVModel(HistoricalRate(), horizon="13W").fit(X)
    with pytest.raises(ArgumentError, match="'amount' is both a covariate and a column"):
        model_record(model)


def test_the_example_holds_nobody(btyd, log):
    example = model_record(btyd).example
    assert example["date"].max() == btyd.training_end_
    assert len(btyd.predict_customers(example)) == 2
    rows = log.assign(date=log["date"].astype(str))[["date", "amount"]].apply(tuple, axis=1)
    assert not set(example[["date", "amount"]].apply(tuple, axis=1)) & set(rows)


def test_what_is_not_fitted_has_no_record():
    with pytest.raises(NotFittedError):
        model_record(CLVModel(HistoricalRate(), horizon="13W"))


def test_a_record_of_a_pipeline(btyd, X):
    record = pipeline_record(btyd.pipeline_)
    assert record.trusted_types == TRUSTED_TYPES
    assert all("==" in line for line in record.requirements)
    np.testing.assert_array_equal(record.pipeline.predict(X), btyd.predict(X))
