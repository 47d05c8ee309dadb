"""What one candidate did: scores, failures, and the fair comparison of the regime single."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import make_scorer, mean_absolute_error

from clvkit import latest_histories
from clvkit.automl import Candidate
from clvkit.automl._evaluation import Evaluation, evaluate, level_scores
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import default_candidates
from clvkit.errors import BoundaryWarning
from clvkit.metrics import d2_tweedie, get_clv_scorer
from clvkit.utils._warnings import warn_user

D2 = get_clv_scorer("d2_tweedie")
DEFAULTS = {candidate.name: candidate for candidate in default_candidates()}


class Constant(RegressorMixin, BaseEstimator):
    """Predicts one value."""

    def __init__(self, value=0.0):
        self.value = value

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.full(len(X), self.value)


def constant(value, **settings):
    return Candidate(
        "constant", "own", lambda horizon, seed: Constant(value), label_trained=False, **settings
    )


@pytest.fixture(scope="module")
def rolling(cdnow):
    X = latest_histories(cdnow[cdnow["customer_id"] % 3 == 0], end="1998-06-30")
    return plan_validation(X, None, "13W", n_origins=2)


@pytest.fixture(scope="module")
def single(cdnow):
    log = cdnow[(cdnow["date"] <= "1997-10-31") & (cdnow["customer_id"] % 3 == 0)]
    with pytest.warns(UserWarning, match="across customers"):
        return plan_validation(latest_histories(log, end="1997-10-31"), None, "20W", n_origins=2)


@pytest.mark.parametrize("name", DEFAULTS)
def test_scores_are_those_of_the_predictions(rolling, name):
    result = evaluate(DEFAULTS[name], {}, 0, rolling, D2, 0)
    assert result.error == ""
    scores = [
        d2_tweedie(fold.y_test, prediction)
        for fold, prediction in zip(rolling.folds, result.predictions, strict=True)
    ]
    assert result.scores == pytest.approx(scores)
    assert [metrics["d2_tweedie"] for metrics in result.metrics] == pytest.approx(scores)
    assert result.score == pytest.approx(np.mean(scores))
    tells_activity = DEFAULTS[name].family == "btyd"
    assert np.isfinite(result.metrics[0]["churn_brier"]) == tells_activity


def test_label_trained_candidates_are_fitted_on_other_customers_in_single(single):
    """Out of fold everywhere: the mean of the others, not the own."""
    result = evaluate(DEFAULTS["population_mean"], {}, 0, single, D2, 0)
    (fold,) = single.folds
    for k in range(5):
        test = fold.customer_folds == k
        expected = fold.y_test[~test].mean()
        assert result.predictions[0][test] == pytest.approx(expected)


def test_a_candidate_that_predicts_nothing_for_everybody_is_scored(single, rolling):
    for validation in (single, rolling):
        result = evaluate(constant(0.0), {}, 0, validation, D2, 0)
        assert result.error == ""
        assert result.score < 0


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "not finite"), (np.inf, "not finite")], ids=["nan", "inf"]
)
def test_predictions_that_are_no_numbers_are_a_failure(rolling, value, text):
    result = evaluate(constant(value), {}, 0, rolling, D2, 0)
    assert text in result.error
    assert np.isnan(result.score)
    assert result.predictions is None


def test_any_scorer_of_scikit_learn_works(rolling):
    scorer = make_scorer(mean_absolute_error, greater_is_better=False)
    result = evaluate(constant(3.0), {}, 0, rolling, scorer, 0)
    expected = -np.mean([np.abs(fold.y_test - 3.0).mean() for fold in rolling.folds])
    assert result.score == pytest.approx(expected)


class Doubtful(Constant):
    """Warns whenever it is fitted, and may fail after that."""

    def fit(self, X, y=None):
        warn_user(f"{self.value} lies at the boundary", BoundaryWarning)
        if self.value < 0:
            raise ValueError("negative")
        return super().fit(X, y)


@pytest.mark.parametrize(("value", "error"), [(2.0, ""), (-1.0, "ValueError: negative")])
def test_warnings_are_kept_once_and_not_shown(rolling, value, error):
    build = Candidate("doubtful", "own", lambda horizon, seed: Doubtful(value), label_trained=False)
    result = evaluate(build, {}, 0, rolling, D2, 0)
    assert result.warnings == [f"BoundaryWarning: {value} lies at the boundary"]
    assert result.error == error


def leveled(*kinds):
    """Evaluations of (label_trained, own score, scaled score), levelled."""
    evaluations = []
    for i, (label_trained, own, scaled) in enumerate(kinds):
        candidate = Candidate(f"c{i}", "own", None, label_trained=label_trained)
        evaluation = Evaluation(candidate, {}, i, scores=[own], scaled_scores=[scaled])
        evaluations.append(evaluation)
    level_scores(evaluations)
    return [evaluation.scores[0] for evaluation in evaluations]


def test_a_right_order_three_times_too_high_does_not_win():
    # (label-trained, own score, score with the total scaled to the truth)
    rate, btyd = leveled((False, -0.5, 0.30), (False, 0.21, 0.25))
    assert (rate, btyd) == (-0.5, 0.21)


def test_having_seen_the_level_is_charged_what_not_knowing_it_costs():
    btyd, boosting = leveled((False, 0.21, 0.25), (True, 0.27, 0.27))
    assert btyd == 0.21
    assert boosting == pytest.approx(0.27 - 0.04)
    # Scaled against scaled decides: here the purchase model is ahead.
    btyd, boosting = leveled((False, 0.21, 0.25), (True, 0.24, 0.24))
    assert btyd > boosting


def test_a_level_that_was_known_and_missed_is_not_forgiven():
    btyd, boosting = leveled((False, 0.21, 0.22), (True, 0.02, 0.30))
    assert boosting == pytest.approx(0.02 - 0.01)
    assert boosting < btyd


def test_without_a_candidate_out_of_time_nothing_is_charged():
    assert leveled((True, 0.2, 0.2), (True, 0.1, 0.3)) == [0.2, 0.1]


def test_scores_of_other_regimes_stay_as_they_are():
    candidate = Candidate("c", "own", None)
    evaluation = Evaluation(candidate, {}, 0, scores=[0.1, 0.3])
    level_scores([evaluation])
    assert evaluation.scores == [0.1, 0.3]


def test_the_name_says_whether_parameters_were_searched():
    candidate = Candidate("tweedie", "boosting", None)
    assert Evaluation(candidate, {}, 7).name == "tweedie"
    assert Evaluation(candidate, {"num_leaves": 3}, 7).name == "tweedie-7"
    assert pd.isna(Evaluation(candidate, {}, 7).score)
