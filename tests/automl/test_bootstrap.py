"""Resamples of customers: the same for all candidates, whole customers, right errors."""

from __future__ import annotations

import numpy as np
import pytest

from clvkit import latest_histories
from clvkit.automl._bootstrap import N_RESAMPLES, draw_customers
from clvkit.automl._predictions import CandidatePredictions
from clvkit.automl._validation import plan_validation
from clvkit.history import customers_of
from clvkit.metrics import d2_tweedie, get_clv_scorer

D2 = get_clv_scorer("d2_tweedie")


@pytest.fixture(scope="module")
def validation(cdnow):
    X = latest_histories(cdnow[cdnow["customer_id"] % 4 == 0], end="1998-06-30")
    return plan_validation(X, None, "13W", n_origins=2)


@pytest.fixture(scope="module")
def bootstrap(validation):
    return draw_customers(validation, 0)


def test_a_customer_is_drawn_as_often_at_every_origin(validation, bootstrap):
    first, second = (
        dict(zip(customers_of(fold.X_test), counts.T, strict=True))
        for fold, counts in zip(validation.folds, bootstrap.counts, strict=True)
    )
    assert set(second) <= set(first)
    assert all(np.array_equal(first[customer], count) for customer, count in second.items())


def test_the_draws_are_those_of_a_bootstrap(bootstrap, validation):
    counts = bootstrap.counts[0]
    assert counts.shape == (N_RESAMPLES, len(validation.folds[0].X_test))
    assert np.mean(counts) == pytest.approx(1.0, abs=0.01)
    assert np.mean(counts == 0) == pytest.approx(np.exp(-1), abs=0.01)
    again, other = draw_customers(validation, 0), draw_customers(validation, 1)
    assert np.array_equal(again.counts[1], bootstrap.counts[1])
    assert not np.array_equal(other.counts[1], bootstrap.counts[1])


def test_scores_of_resamples_are_those_of_the_drawn_rows(validation, bootstrap):
    fold = validation.folds[1]
    prediction = np.random.default_rng(0).gamma(1, 10, len(fold.y_test))
    asked = CandidatePredictions(prediction)
    expected = []
    for count in bootstrap.counts[1]:
        rows = np.repeat(np.arange(len(count)), count)
        expected.append(d2_tweedie(fold.y_test[rows], prediction[rows]))
    fast = bootstrap.scores(D2, fold, 1, asked)
    assert fast == pytest.approx(expected, abs=1e-4)

    def unknown(estimator, X, y):  # the same score, which nobody knows to be a sum
        return d2_tweedie(y, estimator.predict(X))

    assert bootstrap.scores(unknown, fold, 1, asked) == pytest.approx(expected, abs=1e-4)


def test_a_score_of_components_is_resampled_too(validation, bootstrap):
    import pandas as pd

    fold = validation.folds[0]
    active = pd.DataFrame({"probability_active": np.full(len(fold.y_test), 0.3)})
    asked = CandidatePredictions(np.ones(len(fold.y_test)), active)
    scores = bootstrap.scores(get_clv_scorer("churn_brier"), fold, 0, asked)
    buyers = [
        np.average(fold.y_test > 0, weights=count) for count in bootstrap.counts[0].astype(float)
    ]
    assert scores == pytest.approx([-(0.7**2 * b + 0.3**2 * (1 - b)) for b in buyers], rel=1e-5)


def test_a_score_that_a_resample_does_not_have_is_missing(validation, bootstrap):
    def broken(estimator, X, y):
        raise ValueError("nobody bought")

    scores = bootstrap.scores(broken, validation.folds[0], 0, CandidatePredictions(np.ones(600)))
    assert np.isnan(scores).all()


def test_the_spread_is_that_of_other_customers(validation):
    """Against the spread of the score over many sets of customers drawn from a known law."""
    rng = np.random.default_rng(0)
    n, fold = 400, validation.folds[0]

    def draw():
        prediction = rng.gamma(2, 5, n)
        return np.where(rng.random(n) < 0.5, rng.gamma(1, 2 * prediction), 0.0), prediction

    scores = [d2_tweedie(*draw()) for _ in range(400)]
    from dataclasses import replace

    errors = []
    for seed in range(20):
        y, prediction = draw()
        part = replace(fold, X_test=fold.X_test.iloc[:n], y_test=y)
        drawn = draw_customers(replace(validation, folds=[part]), seed)
        errors.append(np.std(drawn.scores(D2, part, 0, CandidatePredictions(prediction))))
    assert np.mean(errors) == pytest.approx(np.std(scores), rel=0.15)
