"""The competitors that come with the benchmark do what they say."""

from __future__ import annotations

import functools
import importlib.util

import numpy as np
import pandas as pd
import pytest

from benchmarks.adapters import FOLDER, find_adapter
from benchmarks.environments import EnvironmentUnavailable, python_of
from benchmarks.levels import LEVELS
from benchmarks.logs import load_log
from benchmarks.runner import run_adapter
from benchmarks.scorecard import score_prediction
from benchmarks.scores import align, score
from benchmarks.tasks import Task
from benchmarks.truth import split_log

LOG = pd.DataFrame(
    [
        ("a", "2024-01-01 18:00", 30.0),
        ("a", "2024-01-20 00:00", 10.0),
        ("b", "2024-01-29 12:00", 6.0),
        ("c", "2024-01-21 00:00", 5.0),
        ("c", "2024-01-22 00:00", -9.0),
    ],
    columns=["customer_id", "date", "amount"],
).astype({"date": "datetime64[us]"})


def predicted(name, log, task):
    outcome = run_adapter(find_adapter(name), log, task)
    assert outcome.error == ""
    return outcome.prediction


def test_past_rate_counts_days_of_age_and_at_least_one_period():
    found = predicted("past_rate", LOG, Task("x", "2024-01-30", 10))
    assert found["spend"].to_dict() == pytest.approx({"a": 40 / 30 * 10, "b": 6.0, "c": -4.0})
    assert found["purchases"].to_dict() == pytest.approx({"a": 2 / 30 * 10, "b": 1.0, "c": 1.0})


def test_last_period_is_of_the_same_length():
    found = predicted("last_period", LOG, Task("x", "2024-01-30", 10))
    assert found["spend"].to_dict() == {"b": 6.0, "c": 0.0}
    assert found["purchases"].to_dict() == {"b": 1.0, "c": 1.0}
    earlier = predicted("last_period", LOG, Task("x", "2024-01-30", 11))
    assert earlier.loc["a"].tolist() == [10.0, 1.0]


@functools.cache
def at_the_end_of_cdnow(name):
    """Return the two parts of the log, and what a competitor predicts of the second."""
    task = Task("cdnow_sample", "1998-02-28", 60)
    split = split_log(load_log(task.log, None), task)
    return split, predicted(name, split.past, task)


@pytest.mark.parametrize(
    "name",
    [
        *("lightgbm_tweedie", "sklearn_hist_gbm", "clvkit_btyd"),
        pytest.param("clvkit_automl", marks=pytest.mark.long),
    ],
)
def test_models_predict_everybody_better_than_their_mean(name):
    split, found = at_the_end_of_cdnow(name)
    values, absent = align(found["spend"], split.spend)
    assert absent == 0
    assert score(split.spend.to_numpy(), values)["d2_tweedie"] > 0


@pytest.mark.parametrize("name", ["lightgbm_tweedie", "sklearn_hist_gbm", "clvkit_btyd"])
def test_quantiles_rise_and_hold_about_what_they_should(name):
    split, found = at_the_end_of_cdnow(name)
    columns = found[[str(level) for level in LEVELS]].to_numpy()
    assert (np.diff(columns, axis=1) >= -1e-9).all()
    metrics = score_prediction(split, found)
    assert 0 < metrics["crps_skill"] < 1
    assert 0.8 < metrics["coverage_90"] <= 1


# --- what the tabular ones share --------------------------------------------------------------


@pytest.fixture(scope="module")
def tabular():
    spec = importlib.util.spec_from_file_location("_tabular", FOLDER / "_tabular.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_features_know_nothing_after_their_origin(tabular):
    log, origin = load_log("cdnow_sample", None), pd.Timestamp("1997-09-30")
    known = log[log["date"] <= origin]
    pd.testing.assert_frame_equal(
        tabular.features(log, origin, 90), tabular.features(known, origin, 90)
    )


def test_features_are_those_of_each_customer(tabular):
    row = tabular.features(LOG, pd.Timestamp("2024-01-30"), 10).loc["a"]
    assert row[["age", "days_since_last", "days_with_events"]].tolist() == [29, 10, 2]
    assert row[["total", "mean", "largest", "mean_gap"]].tolist() == [40, 20, 30, 19]
    # Of the windows of 3, 5, 10 and 20 days up to the cutoff the last alone holds the 20th.
    assert row[[f"spend_in_{share}" for share in tabular.WINDOWS]].tolist() == [0, 0, 0, 10]
    assert row[[f"days_in_{share}" for share in tabular.WINDOWS]].tolist() == [0, 0, 0, 1]


def test_labels_end_by_the_cutoff_and_origins_have_a_history(tabular):
    days = pd.date_range("2024-01-01", "2024-12-31")
    log = pd.DataFrame({"customer_id": 1, "date": days, "amount": 1.0})
    cutoff = pd.Timestamp("2024-12-31")
    X, y, now = tabular.training_data(log, cutoff, 60, 0)
    assert len(X) == tabular.ORIGINS
    assert set(y) == {60.0}  # a day less, and it would be of the time after the cutoff
    assert sorted(365 - X["age"]) == [60, 90, 120, 150] == sorted(366 - X["age"] - 1)
    assert now["age"].tolist() == [365]
    X, y, _ = tabular.training_data(log[log["date"] > "2024-09-01"], cutoff, 60, 0)
    assert sorted(X["age"]) == [30, 60]


def test_a_short_log_is_learnt_from_by_halves(tabular):
    days = pd.date_range("2024-01-01", "2024-01-20")
    log = pd.DataFrame({"customer_id": 1, "date": days, "amount": 1.0})
    X, y, now = tabular.training_data(log, pd.Timestamp("2024-01-20"), 30, 0)
    assert X["age"].tolist() == [9]
    assert y.tolist() == [30.0]  # ten in ten days
    assert now["age"].tolist() == [19]


# --- lifetimes, in its own environment ------------------------------------------------------


@pytest.fixture(scope="module")
def bg_nbd():
    adapter = find_adapter("lifetimes_bg_nbd")
    try:
        python_of(adapter.requirements, adapter.python)
    except EnvironmentUnavailable as error:
        pytest.skip(f"the environment of lifetimes cannot be made: {error}")
    return adapter


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "cutoff", "days", "d2", "gini"),
    [
        ("cdnow_sample", "1997-09-30", 273, 0.201, 0.639),
        ("cdnow", "1998-01-31", 150, 0.294, 0.737),
        ("online_retail_II", "2011-06-09", 183, 0.567, 0.860),
    ],
)
def test_lifetimes_has_its_known_figures(name, cutoff, days, d2, gini, bg_nbd, shared_data):
    """Figures of an independent run on the same splits; they check the harness, not the peer."""
    task = Task(name, cutoff, days)
    past, spend, _ = split_log(load_log(name, shared_data), task)
    outcome = run_adapter(bg_nbd, past, task)
    assert outcome.error == ""
    assert outcome.versions["lifetimes"] == "0.11.3"
    scores = score(spend.to_numpy(), align(outcome.prediction["spend"], spend)[0])
    assert scores["d2_tweedie"] == pytest.approx(d2, abs=0.005)
    assert scores["normalized_gini"] == pytest.approx(gini, abs=0.005)


@pytest.mark.long
def test_lifetimes_does_not_converge_on_the_groceries(bg_nbd, shared_data):
    task = Task("grocery_elog", "2006-12-31", 364)
    outcome = run_adapter(bg_nbd, split_log(load_log(task.log, shared_data), task).past, task)
    assert outcome.error.startswith("ConvergenceError: The model did not converge.")
