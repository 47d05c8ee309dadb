"""Customers that nothing was fitted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from clvkit import AutoCLV, latest_histories, make_samples
from clvkit.automl import Candidate
from clvkit.automl._cold_start import across_customers, hold_out_customers
from clvkit.automl._evaluation import evaluate
from clvkit.automl._level import add_level, level_of
from clvkit.automl._validation import N_CUSTOMER_FOLDS, plan_validation
from clvkit.automl.candidates import default_candidates
from clvkit.errors import RegimeWarning, StudyError
from clvkit.history import customers_of
from clvkit.metrics import d2_tweedie, get_clv_scorer
from clvkit.model_selection import RollingOrigin

D2 = get_clv_scorer("d2_tweedie")
DEFAULTS = {candidate.name: candidate for candidate in default_candidates()}


class Stranger(RegressorMixin, BaseEstimator):
    """Predicts how many of the customers it is asked for were there when it was fitted."""

    def fit(self, X, y=None):
        self.customers_ = set(customers_of(X))
        return self

    def predict(self, X):
        return np.array([float(customer in self.customers_) for customer in customers_of(X)])


@pytest.fixture(scope="module")
def log(cdnow):
    return cdnow[cdnow["customer_id"] % 4 == 0]


@pytest.fixture(scope="module")
def histories(log):
    return latest_histories(log, end="1998-06-30")


@pytest.fixture(scope="module")
def rolling(histories):
    return plan_validation(histories, None, "13W", n_origins=2)


@pytest.fixture(scope="module")
def cold(rolling, histories):
    return hold_out_customers(rolling, histories, 0)


def search(n_trials=3, **settings):
    fixed = {"candidates": ["historical_rate", "population_mean", "bg_nbd"], "verbose": 0}
    return AutoCLV("13W", n_trials=n_trials, random_state=0, **(fixed | settings))


def test_customers_keep_their_fold_at_every_origin(cold):
    late, early = (
        dict(zip(customers_of(fold.X_test), fold.cold_folds, strict=True)) for fold in cold.folds
    )
    assert all(late[customer] == fold for customer, fold in early.items())
    sizes = np.bincount(list(late.values()), minlength=N_CUSTOMER_FOLDS)
    assert sizes.max() - sizes.min() <= 1


def test_every_row_is_predicted_once_by_a_fit_on_others(cold):
    fold = cold.folds[0]
    times = np.zeros(len(fold.X_test))
    for known, test in across_customers(fold.X_known, fold.X_test, fold.cold_folds):
        theirs, own = (set(customers_of(X)) for X in (fold.X_known[known], fold.X_test[test]))
        assert not theirs & own
        assert theirs | own == set(customers_of(fold.X_known))
        times += test
    assert (times == 1).all()


@pytest.mark.parametrize("label_trained", [False, True], ids=["label-free", "label-trained"])
@pytest.mark.parametrize("given", [False, True], ids=["log", "samples"])
def test_nobody_is_predicted_by_who_has_seen_him(log, histories, label_trained, given):
    X, y = make_samples(log, "13W", cutoffs=8) if given else (histories, None)
    candidate = Candidate(
        "stranger", "own", lambda horizon, seed: Stranger(), label_trained=label_trained
    )
    warm = plan_validation(X, y, "13W", n_origins=2)
    seen = evaluate(candidate, {}, 0, warm, D2, 0)
    unseen = evaluate(candidate, {}, 0, hold_out_customers(warm, X, 0), D2, 0)
    if given or not label_trained:  # one that learns from a log is fitted on snapshots of it
        assert max(prediction.max() for prediction in seen.predictions) == 1.0
    assert all((prediction == 0.0).all() for prediction in unseen.predictions)


def test_a_purchase_model_is_fitted_on_the_others_alone(cold):
    result = evaluate(DEFAULTS["bg_nbd"], {}, 0, cold, D2, 0)
    assert result.error == ""
    fold, prediction = cold.folds[0], result.predictions[0]
    held = fold.cold_folds == 2
    model = DEFAULTS["bg_nbd"].estimator("13W", random_state=0, params={})
    by_hand = model.fit(fold.X_known[~held]).predict(fold.X_test[held])
    assert prediction[held] == pytest.approx(by_hand)
    assert result.scores[0] == pytest.approx(d2_tweedie(fold.y_test, prediction))
    assert np.isfinite(result.metrics[0]["churn_brier"])


def test_the_components_are_those_of_the_rows(cold):
    """Put together from five fits, probabilities stand beside the customers they are of."""
    result = evaluate(DEFAULTS["bg_nbd"], {}, 0, cold, D2, 0)
    warm = DEFAULTS["bg_nbd"].estimator("13W", random_state=0, params={})
    fold = cold.folds[0]
    active = warm.fit(fold.X_known)[-1].predict_components(fold.X_test)["probability_active"]
    brier = np.mean((active - (fold.y_test > 0)) ** 2)
    assert result.metrics[0]["churn_brier"] == pytest.approx(brier, rel=0.02)


def test_a_baseline_of_single_rows_does_not_mind(rolling, cold):
    warm, held_out = (
        evaluate(DEFAULTS["historical_rate"], {}, 0, validation, D2, 0)
        for validation in (rolling, cold)
    )
    assert held_out.scores == pytest.approx(warm.scores)


@pytest.mark.filterwarnings("ignore::clvkit.errors.BoundaryWarning")
def test_the_common_total_is_of_others_too(cold):
    fold = cold.folds[0]
    by_hand = 0.0
    for k in range(N_CUSTOMER_FOLDS):
        held = fold.cold_folds == k
        model = level_of("13W").fit(fold.X_known[~held])
        by_hand += model.predict(fold.X_test[held]).sum()
    (levelled,) = add_level(replace(cold, folds=[fold])).folds
    assert levelled.total == pytest.approx(by_hand)


def test_a_splitters_training_rows_lose_the_customers_too(log):
    X, y = make_samples(log, "13W", cutoffs=8)
    cv = RollingOrigin("13W", n_origins=2)
    custom = plan_validation(X, y, "13W", n_origins=2, splitter=cv)
    stranger = Candidate("stranger", "own", lambda horizon, seed: Stranger())
    result = evaluate(stranger, {}, 0, hold_out_customers(custom, X, 0), D2, 0)
    assert result.error == ""
    assert all((prediction == 0.0).all() for prediction in result.predictions)


def test_in_single_all_candidates_share_the_folds(log):
    X = latest_histories(log[log["date"] <= "1997-10-31"], end="1997-10-31")
    with pytest.warns(RegimeWarning, match="across customers"):
        single = plan_validation(X, None, "20W", n_origins=2)
    (fold,) = hold_out_customers(single, X, 0).folds
    assert np.array_equal(fold.cold_folds, fold.customer_folds)
    assert fold.knew_level(label_trained=True)
    assert not fold.knew_level(label_trained=False)


def test_the_leaderboard_names_it(log):
    auto = search(groups="customers", n_origins=2).fit(log)
    assert auto.regime_ == "rolling, cold start"
    assert (auto.leaderboard_["regime"] == "rolling, cold start").all()
    assert (auto.leaderboard_["state"] == "finished").all()
    assert "cold start: each fifth of the customers" in auto.leaderboard_.attrs["protocol"]
    assert np.isfinite(auto.predict_customers(log)["upper"]).all()


def test_a_study_of_warm_customers_is_refused(log, tmp_path):
    study = {"storage": str(tmp_path / "study.journal"), "study_name": "cold", "n_origins": 1}
    search(1, **study).fit(log)
    with pytest.raises(StudyError, match="differs in validation"):
        search(1, groups="customers", **study).fit(log)


def test_other_groups_are_refused(log):
    with pytest.raises(ValueError, match="'groups' parameter"):
        search(groups="shops").fit(log)
