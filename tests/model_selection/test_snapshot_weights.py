"""Weights and cutoffs of snapshots, and customers drawn whole."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clvkit.model_selection._snapshot_weights import (
    fit_weighted,
    same_season,
    sample_customers,
    snapshot_weights,
)
from clvkit.utils._duration import parse_duration


def day(text):
    return int(np.datetime64(text, "D").astype(np.int64))


def days(*texts):
    return np.array([day(text) for text in texts])


@pytest.mark.parametrize(
    ("start", "end", "horizon", "expected"),
    [
        ("2020-01-01", "2023-03-31", "13W", ["2022-03-31", "2021-03-31", "2020-03-31"]),
        ("2020-03-01", "2023-03-31", "13W", ["2022-03-31", "2021-03-31"]),
        ("2022-06-01", "2023-03-31", "13W", []),
        # A year ago, the horizon of a year has just ended; one of two years has not.
        ("2020-01-01", "2022-12-31", "1Y", ["2021-12-31", "2020-12-31"]),
        ("2019-01-01", "2022-12-31", "2Y", ["2020-12-31"]),
    ],
)
def test_the_same_season_is_whole_years_ago(start, end, horizon, expected):
    found = same_season(day(start), day(end), parse_duration(horizon), "D")
    assert found == days(*expected).tolist()


def test_a_half_life_counts_from_the_latest_snapshot():
    cutoffs = days("2022-01-01", "2022-01-31", "2022-03-02")
    half_life = parse_duration("30D")
    weight = snapshot_weights(
        cutoffs, day("2022-06-01"), parse_duration("13W"), "D", half_life=half_life
    )
    assert weight.tolist() == [0.25, 0.5, 1.0]


def test_a_season_weighs_by_what_it_shares_with_the_period_to_predict():
    horizon, end = parse_duration("100D"), day("2023-03-31")
    cutoffs = days("2021-03-31", "2022-03-31", "2022-04-25", "2022-02-09", "2022-12-21")
    weight = snapshot_weights(cutoffs, end, horizon, "D", season_weight=3.0)
    assert weight == pytest.approx([3.0, 3.0, 2.5, 2.0, 1.0])
    both = snapshot_weights(
        cutoffs, end, horizon, "D", season_weight=3.0, half_life=parse_duration("265D")
    )
    assert both[1] == pytest.approx(1.5)


def test_customers_are_drawn_whole_and_at_random():
    customers = np.repeat(np.arange(200), np.arange(200) % 7 + 1)
    rows = sample_customers(customers, 300, np.random.RandomState(0))
    kept = set(customers[rows])
    assert np.array_equal(rows, np.flatnonzero(np.isin(customers, list(kept))))
    assert 300 - 7 < len(rows) <= 300
    assert set(customers[sample_customers(customers, 300, np.random.RandomState(1))]) != kept
    # Every customer has the same chance, whatever the number of his rows.
    drawn = [
        customers[sample_customers(customers, 300, np.random.RandomState(seed))]
        for seed in range(200)
    ]
    chance = np.bincount(np.concatenate([np.unique(some) for some in drawn]), minlength=200) / 200
    by_size = [chance[np.arange(200) % 7 == size].mean() for size in range(7)]
    assert np.ptp(by_size) < 0.06
    assert len(sample_customers(np.zeros(9), 3, np.random.RandomState(0))) == 9


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        lambda model: make_pipeline(StandardScaler(), model),
        lambda model: make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), model)),
        lambda model: TransformedTargetRegressor(make_pipeline(StandardScaler(), model)),
        lambda model: make_pipeline(StandardScaler(), TransformedTargetRegressor(model)),
    ],
    ids=["alone", "pipeline", "nested", "target", "target in pipeline"],
)
def test_weights_reach_what_is_fitted_last(wrap):
    rng = np.random.default_rng(0)
    X, y, weight = rng.normal(size=(50, 2)), rng.normal(size=50), rng.uniform(1, 3, 50)
    model = wrap(LinearRegression(fit_intercept=False))
    fitted = fit_weighted(model, X, y, weight)
    alone = isinstance(model, LinearRegression)
    design = X if alone else (X - X.mean(axis=0)) / X.std(axis=0)
    by_hand = LinearRegression(fit_intercept=False).fit(design, y, sample_weight=weight)
    assert fitted.predict(X) == pytest.approx(by_hand.predict(design))
    assert not np.allclose(by_hand.predict(design), clone(model).fit(X, y).predict(X))


def test_what_takes_no_weights_is_fitted_without():
    X = np.arange(10.0)[:, None]
    model = make_pipeline(StandardScaler(), KNeighborsRegressor(1))
    fitted = fit_weighted(model, X, X[:, 0], np.arange(10.0))
    assert np.array_equal(fitted.predict(X), X[:, 0])
