"""CLVModel.explain: the frame, whom it finds, and what is stored for it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from clvkit import AutoCLV
from clvkit.boosting import TweedieLGBMRegressor
from clvkit.btyd import BTYDRegressor
from clvkit.errors import ArgumentError, UnknownCustomerError
from clvkit.features import RFMFeatures
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, load

COLUMNS = ["part", "term", "value", "typical", "effect", "contribution"]


@pytest.fixture(scope="module")
def boosting(X):
    pipeline = make_pipeline(RFMFeatures(), TweedieLGBMRegressor(n_estimators=20))
    return CLVModel(SnapshotRegressor(pipeline, n_snapshots=2), horizon="13W").fit(X)


def test_the_frame_sums_to_the_value_in_the_table(model, log):
    values = model.predict_customers(log)
    for customer in values.index[[0, 100, -1]]:
        table = model.explain(log, customer)
        assert list(table.columns) == COLUMNS
        assert table["contribution"].sum() == pytest.approx(values["clv"][customer])
        assert table.attrs["clv"] == pytest.approx(values["clv"][customer])
        assert table.attrs["customer_id"] == customer
        assert table.attrs["cutoff"] == values.attrs["cutoff"]
        assert table.attrs["horizon"] == "13W"


def test_a_row_does_not_depend_on_who_else_is_in_the_log(boosting, log):
    everybody = boosting.explain(log, 5, "1998-03-31")
    alone = boosting.explain(log[log["customer_id"] == 5], 5, "1998-03-31")
    pd.testing.assert_frame_equal(alone, everybody)
    as_of_training = boosting.explain(log[log["customer_id"] == 5], 5)
    assert as_of_training.attrs["cutoff"] == "1998-03-31"


def test_the_strongest_terms_come_first_and_the_rest_is_summed_up(boosting, log):
    whole = boosting.explain(log, 5, n_terms=None)
    terms = whole.iloc[1:]
    assert terms["contribution"].abs().is_monotonic_decreasing
    some = boosting.explain(log, 5, n_terms=2)
    pd.testing.assert_frame_equal(some.iloc[:3], whole.iloc[:3])
    others = some.iloc[3]
    assert (len(some), others["term"]) == (4, "(others)")
    assert others["contribution"] == pytest.approx(terms["contribution"].iloc[2:].sum())
    assert others["effect"] == pytest.approx(terms["effect"].iloc[2:].prod())
    # A line that sums up one line would hide its name for nothing.
    nearly = boosting.explain(log, 5, n_terms=len(terms) - 1)
    pd.testing.assert_frame_equal(nearly, whole)


@pytest.mark.parametrize(
    ("customer", "text"),
    [
        (2, r"no customer 2 in the log by the cutoff .*590 customers, such as \[1, 5, 9\]\.$"),
        ("5", r"names customers by a number: give customer_id=5\.$"),
        (None, r"no customer None"),
        ([1, 5], r"no customer \[1, 5\]"),
    ],
    ids=["absent", "text", "none", "list"],
)
def test_an_unknown_customer_is_named(boosting, log, customer, text):
    with pytest.raises(UnknownCustomerError, match=text):
        boosting.explain(log, customer)


def test_a_number_where_customers_have_names(boosting, log):
    named = log.assign(customer_id=log["customer_id"].astype(str))
    with pytest.raises(UnknownCustomerError, match=r"by text: give customer_id='5'"):
        boosting.explain(named, 5)
    assert boosting.explain(named, "5").attrs["clv"] > 0


def test_who_came_after_the_cutoff_is_unknown(boosting, log):
    first = log.groupby("customer_id")["date"].min()
    late = first[first > "1997-03-01"].index[0]
    with pytest.raises(UnknownCustomerError, match="by the cutoff 1997-02-28"):
        boosting.explain(log, late, "1997-02-28")


def test_at_least_one_term(boosting, log):
    with pytest.raises(ArgumentError, match="n_terms=0"):
        boosting.explain(log, 5, n_terms=0)


def test_covariates_of_training_are_needed(log, X):
    country = pd.DataFrame({"customer_id": X.index.get_level_values(0)}).assign(country="se")
    with_country = latest_histories(log, "1998-03-31", covariates=country)
    model = CLVModel(BTYDRegressor(), horizon="13W").fit(with_country)
    assert model.explain(log, 5, covariates=country).attrs["clv"] > 0
    with pytest.raises(ValueError, match="covariates 'country'"):
        model.explain(log, 5)


def test_a_loaded_model_explains_the_same(boosting, log, tmp_path):
    boosting.save(tmp_path / "model")
    again = load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.explain(log, 5), boosting.explain(log, 5))


def test_what_is_stored_is_plain_and_of_no_single_customer(boosting, X):
    """Medians of a thousand rows: numbers that JSON knows."""
    assert json.loads(json.dumps(boosting.typical_)).keys() == boosting.typical_.keys()
    features = boosting.pipeline_[:-1].transform(X)
    assert list(boosting.typical_.values()) == pytest.approx(
        np.nanmedian(features, axis=0).tolist()
    )


def test_a_search_explains_by_its_model(log):
    auto = AutoCLV("13W", candidates=["bg_nbd", "last_period"], n_trials=2, verbose=0).fit(log)
    pd.testing.assert_frame_equal(auto.explain(log, 5), auto.model_.explain(log, 5))
    assert "probability_alive" in auto.explain(log, 5)["term"].tolist()
