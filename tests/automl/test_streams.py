"""Several logs: no candidate, origin or prediction knows of any what came after its cutoff."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from clvkit import AutoCLV, latest_histories, make_samples
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import resolve_candidates
from clvkit.errors import ArgumentError, HistoryTypeError, MissingColumnError
from clvkit.features import RFMFeatures
from clvkit.history import get_histories, history_columns
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel

START, CUTOFF, END, HORIZON = np.datetime64("2020-01-01"), "2020-09-10", "2020-10-31", "30D"


def regression(features):
    """A pipeline of features and a regression that any features fit."""
    return make_pipeline(
        features, SimpleImputer(strategy="constant", keep_empty_features=True), Ridge(1e4)
    )


def visits_and_purchases():
    """A pipeline that learns from both columns."""
    groups = [("bought", RFMFeatures(), "history"), ("visited", RFMFeatures(), "visits")]
    return regression(ColumnTransformer(groups))


def a_log(seed, n_customers=30):
    rng = np.random.default_rng(seed)
    ids = np.append(np.arange(n_customers), rng.integers(0, n_customers, 300))
    days = START + np.append(np.arange(n_customers) % 20, rng.integers(0, 300, 300))
    amount = rng.gamma(1.5, 20, len(ids)).round(2) + 1
    return pd.DataFrame({"customer_id": ids, "date": days, "amount": amount})


def logs_of(seed):
    return {"transactions": a_log(seed), "visits": a_log(seed + 1).drop(columns="amount")}


def change_visits_after(logs, moment, seed):
    """Return the logs with every visit after a moment drawn anew."""
    visits = logs["visits"]
    new = a_log(seed).drop(columns="amount")
    parts = [visits[visits["date"] <= moment], new[new["date"] > moment]]
    return {**logs, "visits": pd.concat(parts, ignore_index=True)}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), other=st.integers(1001, 2000))
def test_origins_know_no_later_visits(seed, other):
    logs = logs_of(seed)
    plans = [
        plan_validation(latest_histories(version, END), None, HORIZON, n_origins=4)
        for version in (logs, change_visits_after(logs, CUTOFF, other))
    ]
    compared = 0
    for ours, theirs in zip(*[plan.folds for plan in plans], strict=True):
        assert history_columns(ours.X_test) == ["history", "visits"]
        assert np.array_equal(ours.y_test, theirs.y_test)
        if ours.origin <= CUTOFF:
            compared += 1
            for table in ("X_known", "X_test"):
                pd.testing.assert_frame_equal(getattr(ours, table), getattr(theirs, table))
    assert compared


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), other=st.integers(1001, 2000))
def test_snapshots_know_no_later_visits(seed, other):
    """The last snapshot lies a horizon before the end: later visits train nothing."""
    logs = logs_of(seed)
    models = [
        SnapshotRegressor(visits_and_purchases(), HORIZON).fit(latest_histories(version, END))
        for version in (logs, change_visits_after(logs, "2020-10-01", other))
    ]
    assert models[0].snapshots_[-1] == "2020-10-01"
    coefficients = [model.pipeline_[-1].coef_ for model in models]
    assert np.array_equal(*coefficients)
    earlier = SnapshotRegressor(visits_and_purchases(), HORIZON).fit(
        latest_histories(change_visits_after(logs, "2020-08-01", other), END)
    )
    assert not np.array_equal(coefficients[0], earlier.pipeline_[-1].coef_), "visits are used"


def test_snapshots_are_the_samples_of_both_logs():
    logs = logs_of(0)
    X, y = make_samples(logs, HORIZON, cutoffs=["2020-08-31", "2020-10-01"], end=END)
    model = SnapshotRegressor(visits_and_purchases(), HORIZON, step="31D", n_snapshots=2)
    model.fit(latest_histories(logs, END))
    assert model.snapshots_ == ["2020-08-31", "2020-10-01"]
    expected = visits_and_purchases().fit(X, y)
    assert np.array_equal(model.pipeline_[-1].coef_, expected[-1].coef_)


@pytest.fixture(scope="module")
def fitted():
    own = resolve_candidates({"both": visits_and_purchases()})[0]
    auto = AutoCLV(
        HORIZON,
        candidates=[own],
        n_trials=1,
        verbose=0,
        random_state=0,
        end=END,
    )
    return auto.fit(logs_of(0))


def test_auto_clv_learns_from_logs_and_from_their_histories_alike(fitted):
    X = latest_histories(logs_of(0), end=END)
    again = AutoCLV(**fitted.get_params(deep=False)).fit(X)
    assert np.array_equal(again.predict(X), fitted.predict(X))
    assert again.model_.streams_ == {"visits": []}
    assert fitted.regime_ == "rolling"
    assert fitted.best_params_["candidate"] == "both"


def test_customers_are_scored_from_the_same_logs(fitted):
    logs = logs_of(0)
    table = fitted.predict_customers(logs, END)
    assert np.array_equal(table["clv"], fitted.predict(latest_histories(logs, END)))
    one = {name: log[log["customer_id"] == 3] for name, log in logs.items()}
    alone = fitted.predict_customers({**one, "transactions": one["transactions"].iloc[:5]})
    assert alone.attrs["cutoff"] == table.attrs["cutoff"], "visits count up to the end of training"
    without = fitted.predict_customers({**one, "visits": one["visits"].iloc[:0]}, END)
    assert without["clv"].item() != table.loc[3, "clv"]


def test_a_request_needs_the_logs_of_training(fitted):
    logs = logs_of(0)
    message = r"trained with the logs 'transactions', 'visits', and is given 'transactions'. Pass {"
    with pytest.raises(ArgumentError, match=message):
        fitted.predict_customers(logs["transactions"])
    with pytest.raises(MissingColumnError, match=r"with the logs 'visits', and X has none of"):
        fitted.predict(latest_histories(logs["transactions"], END))
    more = latest_histories({**logs, "calls": logs["visits"]}, END)
    with pytest.raises(ArgumentError, match=r"is given the logs 'calls'"):
        fitted.predict(more)


def test_a_model_of_one_log_takes_one():
    logs = logs_of(0)
    model = CLVModel(SnapshotRegressor(regression(RFMFeatures()), HORIZON), horizon=HORIZON)
    model.fit(latest_histories(logs["transactions"], END))
    with pytest.raises(ArgumentError, match=r"with one log, and is given 'transactions', '"):
        model.predict_customers(logs)
    assert len(model.predict_customers({"transactions": logs["transactions"]})) == 30


def test_visits_that_know_more_than_the_histories_are_refused(fitted):
    X = latest_histories(logs_of(0), END)
    past = get_histories(X).cut_back(CUTOFF)
    leaking = X.assign(history=pd.Series(past, index=X.index))
    for call in (
        fitted.fit,
        fitted.predict,
        SnapshotRegressor(regression(RFMFeatures()), HORIZON).fit,
    ):
        with pytest.raises(HistoryTypeError, match=r"'visits' has another cutoff than column"):
            call(leaking)
