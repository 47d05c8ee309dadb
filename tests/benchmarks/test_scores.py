"""Scores are those of the package, and intervals those of resampled customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from benchmarks.scores import METRICS, align, bootstrap_differences, score, weighted_scores
from clvkit.metrics import d2_tweedie, normalized_gini


def some(seed, n=200):
    rng = np.random.default_rng(seed)
    mean = rng.gamma(0.5, 40.0, n)
    y = np.where(rng.random(n) < 0.4, rng.gamma(1.0, mean), 0.0)
    pred = np.where(rng.random(n) < 0.2, 0.0, mean.round(-1))  # zeros and ties
    return y, pred, mean


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_whole_counts_are_repeated_customers(seed, ones):
    """Weights of a resample score like the sample with its customers as often as drawn."""
    y, pred, _ = some(seed, 60)
    counts = (
        np.ones(60, int) if ones else np.random.default_rng(seed).multinomial(60, [1 / 60] * 60)
    )
    found = weighted_scores(y, pred, counts[None].astype(float))
    assert set(found) == set(METRICS)
    expected = score(np.repeat(y, counts), np.repeat(pred, counts))
    floored = np.maximum(pred, 1e-3 * y.mean())  # its floor stays that of all customers
    repeated = np.repeat(y, counts), np.repeat(floored, counts)
    expected["d2_tweedie"] = d2_tweedie(*repeated)
    if (floored < 1e-3 * repeated[0].mean()).any():  # raised once more: not the same question
        del expected["d2_tweedie"]
    for metric, value in expected.items():
        assert found[metric][0] == pytest.approx(value, rel=1e-9, abs=1e-9), metric


def test_scores_are_the_usual_ones():
    y, pred, _ = some(0)
    scores = score(y, pred)
    assert list(scores) == list(METRICS)
    assert scores["r2"] == pytest.approx(r2_score(y, pred))
    assert scores["normalized_gini"] == normalized_gini(y, pred)
    assert score(y, y)["r2"] == 1.0


def test_a_prediction_of_zero_is_raised_to_a_thousandth_of_the_mean():
    y, pred, _ = some(1)
    floor = 1e-3 * y.mean()
    raised = np.maximum(pred, floor)
    assert score(y, pred)["d2_tweedie"] == score(y, raised)["d2_tweedie"]
    assert score(y, np.maximum(pred, 2 * floor))["d2_tweedie"] != score(y, raised)["d2_tweedie"]


def test_customers_without_a_prediction_count_as_zero():
    spend = pd.Series([1.0, 2.0, 3.0, 4.0], index=["a", "b", "c", "d"])
    prediction = pd.Series([5.0, np.nan, 7.0, np.inf], index=["b", "c", "z", "d"])
    values, absent = align(prediction, spend)
    assert values.tolist() == [0.0, 5.0, 0.0, 0.0]
    assert absent == 3


def test_differences_are_paired():
    y, pred, mean = some(2, 2000)
    found = bootstrap_differences(
        y, {"good": mean, "same": mean.copy(), "rough": pred}, "good", n_resamples=200
    ).set_index(["competitor", "metric"])
    assert set(found.index.get_level_values("competitor")) == {"same", "rough"}
    same = found.loc["same", ["difference", "lower", "upper"]]
    assert (same == 0).all(axis=None)
    rough = found.loc[("rough", "d2_tweedie")]
    assert rough["difference"] == pytest.approx(d2_tweedie(y, pred) - d2_tweedie(y, mean))
    assert rough["lower"] < rough["difference"] < rough["upper"] < 0


def test_resamples_without_any_spend_do_not_count():
    y = np.zeros(30)
    y[0] = 5.0  # missing from every third resample
    found = bootstrap_differences(
        y, {"a": np.ones(30), "b": 1 + y}, "a", n_resamples=100
    ).set_index("metric")
    assert np.isfinite(found[["difference", "lower", "upper"]]).all(axis=None)


def test_the_interval_is_as_wide_as_repetition_makes_it():
    """Its width is that of the same difference over fresh samples of customers."""
    differences = []
    for seed in range(300):
        y, pred, mean = some(seed, 400)
        differences.append(np.abs(y - pred).mean() - np.abs(y - mean).mean())
    fresh = np.subtract(*np.quantile(differences, [0.975, 0.025]))
    widths = []
    for seed in range(20):
        y, pred, mean = some(1000 + seed, 400)
        found = bootstrap_differences(y, {"a": mean, "b": pred}, "a", n_resamples=300, seed=seed)
        row = found[found["metric"] == "mae"].iloc[0]
        widths.append(row["upper"] - row["lower"])
    assert np.mean(widths) == pytest.approx(fresh, rel=0.2)


def test_the_same_seed_gives_the_same_interval_whatever_the_chunks(monkeypatch):
    y, pred, mean = some(3)
    first = bootstrap_differences(y, {"a": mean, "b": pred}, "a", n_resamples=50, seed=1)
    again = bootstrap_differences(y, {"a": mean, "b": pred}, "a", n_resamples=50, seed=1)
    other = bootstrap_differences(y, {"a": mean, "b": pred}, "a", n_resamples=50, seed=2)
    pd.testing.assert_frame_equal(first, again)
    assert not first["lower"].equals(other["lower"])
    monkeypatch.setattr("benchmarks.scores.CHUNK", 7 * len(y))
    pd.testing.assert_frame_equal(
        first, bootstrap_differences(y, {"a": mean, "b": pred}, "a", n_resamples=50, seed=1)
    )
