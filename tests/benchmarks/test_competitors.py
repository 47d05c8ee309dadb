"""The competitors that come with the benchmark do what they say."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.adapters import find_adapter
from benchmarks.environments import EnvironmentUnavailable, python_of
from benchmarks.logs import load_log
from benchmarks.runner import run_adapter
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
    assert found.to_dict() == pytest.approx({"a": 40 / 30 * 10, "b": 6.0, "c": -4.0})


def test_last_period_is_of_the_same_length():
    found = predicted("last_period", LOG, Task("x", "2024-01-30", 10))
    assert found.to_dict() == {"b": 6.0, "c": 0.0}
    assert predicted("last_period", LOG, Task("x", "2024-01-30", 11)).loc["a"] == 10.0


@pytest.mark.parametrize(
    "name",
    ["lightgbm_tweedie", "clvkit_btyd", pytest.param("clvkit_automl", marks=pytest.mark.long)],
)
def test_models_predict_everybody_better_than_their_mean(name):
    task = Task("cdnow_sample", "1998-02-28", 60)
    past, spend = split_log(load_log(task.log, None), task)
    values, absent = align(predicted(name, past, task), spend)
    assert absent == 0
    assert score(spend.to_numpy(), values)["d2_tweedie"] > 0


def test_one_past_window_needs_customers_before_it():
    outcome = run_adapter(find_adapter("lightgbm_tweedie"), LOG, Task("x", "2024-01-30", 30))
    assert "no customer was seen 30 days before the cutoff" in outcome.error


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
    past, spend = split_log(load_log(name, shared_data), task)
    outcome = run_adapter(bg_nbd, past, task)
    assert outcome.error == ""
    assert outcome.versions["lifetimes"] == "0.11.3"
    scores = score(spend.to_numpy(), align(outcome.prediction, spend)[0])
    assert scores["d2_tweedie"] == pytest.approx(d2, abs=0.005)
    assert scores["normalized_gini"] == pytest.approx(gini, abs=0.005)


@pytest.mark.long
def test_lifetimes_does_not_converge_on_the_groceries(bg_nbd, shared_data):
    task = Task("grocery_elog", "2006-12-31", 364)
    outcome = run_adapter(bg_nbd, split_log(load_log(task.log, shared_data), task).past, task)
    assert outcome.error.startswith("ConvergenceError: The model did not converge.")
