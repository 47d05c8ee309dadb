"""The mixture: weights on rows that it is not scored on, hedged, and dropped where it is worse."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from clvkit import AutoCLV, latest_histories, make_samples
from clvkit.automl import Candidate
from clvkit.automl._bootstrap import draw_customers
from clvkit.automl._ensemble import _EnsembleBuilder, build_ensemble
from clvkit.automl._evaluation import Evaluation, level_scores
from clvkit.automl._level import add_level
from clvkit.automl._validation import plan_validation
from clvkit.errors import RegimeWarning
from clvkit.metrics import d2_tweedie, get_clv_scorer

D2 = get_clv_scorer("d2_tweedie")


@pytest.fixture(scope="module")
def validation(cdnow):
    X = latest_histories(cdnow[cdnow["customer_id"] % 3 == 0], end="1998-06-30")
    return plan_validation(X, None, "13W", n_origins=3)


@pytest.fixture(scope="module")
def one_origin(cdnow):
    X = latest_histories(cdnow[cdnow["customer_id"] % 3 == 0], end="1998-06-30")
    return plan_validation(X, None, "13W", n_origins=1)


def scored(name, family, predictions, validation, trial=0):
    """An evaluation of given predictions at each origin."""
    candidate = Candidate(name, family, None, label_trained=False)
    result = Evaluation(candidate, {}, trial, predictions=list(predictions))
    result.scores = [
        d2_tweedie(f.y_test, p) for f, p in zip(validation.folds, predictions, strict=True)
    ]
    return result


def noisy_truth(validation, seed, noise):
    """Predictions that know the truth, up to noise."""
    rng = np.random.default_rng(seed)
    return [
        (0.5 * f.y_test.mean() + 0.5 * f.y_test) * rng.gamma(1 / noise, noise, len(f.y_test))
        for f in validation.folds
    ]


def test_two_that_err_independently_are_better_together(validation):
    members = [
        scored(f"m{k}", f"family{k}", noisy_truth(validation, k, 0.5), validation, k)
        for k in range(2)
    ]
    mixture = build_ensemble(members, validation, D2, 0)
    assert mixture.score > max(member.score for member in members)
    assert sum(mixture.params["weights"].values()) == pytest.approx(1.0)
    assert all(0.2 < weight < 0.8 for weight in mixture.params["weights"].values())
    assert mixture.name == "ensemble"
    assert len(mixture.metrics) == len(validation.folds)


def test_its_score_is_that_of_weights_of_other_origins(validation):
    """What is right at one origin alone counts for nothing there."""
    good, fair = noisy_truth(validation, 0, 0.6), noisy_truth(validation, 1, 0.6)
    lucky = [validation.folds[0].y_test + 1e-3, *[p * 0 + p.mean() for p in good[1:]]]
    members = [
        scored("good", "a", good, validation, 0),
        scored("fair", "a", fair, validation, 1),
        scored("lucky", "a", lucky, validation, 2),
    ]
    mixture = build_ensemble(members, validation, D2, 0)
    # At the first origin, weights come from the others, where "lucky" is a constant.
    first = mixture.predictions[0]
    assert d2_tweedie(validation.folds[0].y_test, first) < 0.97
    weights = np.linalg.lstsq(np.column_stack([good[0], fair[0], lucky[0]]), first)[0]
    assert weights[2] == pytest.approx(0.0, abs=0.01)


def test_each_family_keeps_a_part_and_what_loses_to_a_constant_none(validation):
    flat = [np.full(len(f.y_test), f.y_test.mean()) for f in validation.folds]
    members = [
        scored("best", "a", noisy_truth(validation, 0, 0.1), validation, 0),
        scored("weak", "b", noisy_truth(validation, 1, 1.0), validation, 1),
        scored("weaker", "b", noisy_truth(validation, 2, 1.5), validation, 2),
        scored("population_mean", "baseline", flat, validation, 3),
        scored("hopeless", "c", [p * 50 for p in flat], validation, 4),
    ]
    weights = build_ensemble(members, validation, D2, 0).params["weights"]
    assert weights["best"] > 0.5
    assert weights["weak"] >= 0.1 - 1e-9
    assert not {"population_mean", "hopeless"} & set(weights)


def test_one_candidate_alone_is_no_mixture(validation):
    members = [scored("only", "a", noisy_truth(validation, 0, 0.5), validation)]
    assert build_ensemble(members, validation, D2, 0) is None


def test_with_one_origin_weights_are_crossed_over_customers(one_origin):
    members = [
        scored(f"m{k}", f"family{k}", noisy_truth(one_origin, k, 0.5), one_origin, k)
        for k in range(3)
    ]
    mixture = build_ensemble(members, one_origin, D2, 0)
    assert mixture.score > max(member.score for member in members)
    again = build_ensemble(members, one_origin, D2, 0)
    assert again.params == mixture.params
    assert np.array_equal(again.predictions[0], mixture.predictions[0])


def test_a_mixture_that_is_clearly_worse_is_dropped(validation):
    """The hedge must give a fifth to families that ruin the scorer's order."""
    rng = np.random.default_rng(0)
    truth = [f.y_test for f in validation.folds]
    members = [scored("best", "a", [y + 1e-6 for y in truth], validation, 0)]
    members += [
        scored(f"bad{k}", f"bad{k}", [rng.permutation(y) for y in truth], validation, k + 1)
        for k in range(3)
    ]
    assert build_ensemble(members, validation, D2, 0) is None


@pytest.mark.parametrize("scoring", ["churn_brier", "own"])
def test_a_scorer_that_asks_for_components_ranks_without_a_mixture(cdnow, scoring):
    def brier(estimator, X, y):
        active = estimator.predict_components(X)["probability_active"]
        return -float(np.mean((active - (y > 0)) ** 2))

    auto = AutoCLV(
        "13W",
        candidates=["bg_nbd", "mbg_nbd"],
        n_trials=2,
        scoring=brier if scoring == "own" else scoring,
        random_state=0,
        verbose=0,
    ).fit(cdnow[cdnow["customer_id"] % 4 == 0])
    assert set(auto.leaderboard_.index) == {"bg_nbd", "mbg_nbd"}
    assert auto.leaderboard_["score"].notna().all()


def across_customers(name, predictions, validation, trial, label_trained):
    """An evaluation at one origin, with its score at the true total, too.

    Who has not seen labels of the period predicts three times too much.
    """
    (fold,), (prediction,) = validation.folds, predictions
    prediction = prediction * (1.0 if label_trained else 3.0)
    result = scored(name, name, [prediction], validation, trial)
    result.candidate = Candidate(name, name, None, label_trained=label_trained)
    scaled = prediction * fold.y_test.sum() / prediction.sum()
    result.scaled_scores = [d2_tweedie(fold.y_test, scaled)]
    return result


@pytest.mark.parametrize("knows", [True, False], ids=["labels lead", "out of time leads"])
def test_without_a_level_kinds_that_know_it_and_do_not_are_not_mixed(knows, cdnow):
    """One origin; the best two know its level from labels, or the best two had to guess it."""
    log = cdnow[cdnow["date"] <= "1998-01-31"]
    X = latest_histories(log[log["customer_id"] % 3 == 0])
    with pytest.warns(RegimeWarning):
        validation = plan_validation(X, None, "26W", n_origins=1)
    members = [
        across_customers(
            f"m{k}", noisy_truth(validation, k, 0.2 if k < 2 else 0.5), validation, k, good == knows
        )
        for k, good in enumerate([True, True, False, False])
    ]
    level_scores(members)
    mixture = build_ensemble(members, validation, D2, 0)
    assert set(mixture.params["weights"]) == {"m0", "m1"}
    assert mixture.candidate.label_trained == knows
    own = d2_tweedie(validation.folds[0].y_test, mixture.predictions[0])
    best = max((m for m in members if not m.candidate.label_trained), key=lambda m: m.scores[0])
    charge = max(best.scaled_scores[0] - best.scores[0], 0.0)
    expected = min(own, mixture.scaled_scores[0]) - charge if knows else own
    assert charge > 0
    assert mixture.score == pytest.approx(expected)


def test_the_mixture_is_scored_on_the_resamples_of_all(validation):
    members = [
        scored(f"m{k}", f"family{k}", noisy_truth(validation, k, 0.5), validation, k)
        for k in range(2)
    ]
    bootstrap = draw_customers(validation, 0)
    mixture = build_ensemble(members, validation, D2, 0, bootstrap=bootstrap)
    assert np.shape(mixture.resampled_scores) == (3, len(bootstrap.counts[0]))
    assert np.mean(mixture.resampled_scores) == pytest.approx(mixture.score, abs=0.1)


def test_members_of_any_name_are_exported(validation):
    names = ["a__b", "a_b", "weights", "weights_", "estimators"]
    members = {
        name: Evaluation(Candidate(name, "own", _Build(1), label_trained=False), {}, k)
        for k, name in enumerate(names)
    }
    average = _EnsembleBuilder(members, False)("13W", 0, dict.fromkeys(names, 0.2))
    steps = [name for name, _ in average.estimators]
    assert len(set(steps)) == len(names)
    average._validate_names(steps)
    assert average.get_params()["equal_totals"] is False


class Factor(RegressorMixin, BaseEstimator):
    """Predicts a multiple of what was bought so far."""

    def __init__(self, factor=1.0, horizon="13W"):
        self.factor = factor
        self.horizon = horizon

    def fit(self, X, y=None):
        from clvkit.baselines import HistoricalRate

        self.rate_ = HistoricalRate(horizon=self.horizon).fit(X)
        return self

    def predict(self, X):
        return self.factor * self.rate_.predict(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def test_totals_of_candidates_do_not_matter_at_one_level(cdnow):
    log = cdnow[cdnow["customer_id"] % 4 == 0]
    candidates = [
        Candidate(f"times{factor}", "own", _Build(factor), label_trained=False)
        for factor in (1, 30)
    ]
    settings = {"candidates": candidates, "n_trials": 2, "verbose": 0, "random_state": 0}
    auto = AutoCLV("13W", **settings).fit(log)
    scores = auto.leaderboard_["score"]
    assert scores["times1"] == pytest.approx(scores["times30"])
    own = AutoCLV("13W", level="own", ensemble=False, **settings).fit(log)
    assert own.leaderboard_["score"]["times30"] < -1
    assert own.predict_customers(log)["clv"].sum() > auto.predict_customers(log)["clv"].sum()


class _Build:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, horizon, random_state):
        return Factor(self.factor, horizon)


def test_the_level_of_an_origin_comes_from_before_it(validation, cdnow):
    """Whatever is spent after an origin, the total that predictions are scaled to is the same."""
    levelled = add_level(validation)
    assert levelled.levelled
    log = cdnow[cdnow["customer_id"] % 3 == 0]
    origin = validation.folds[0].origin
    changed = log.assign(amount=log["amount"].where(log["date"] <= origin, 2 * log["amount"]))
    other = add_level(
        plan_validation(latest_histories(changed, end="1998-06-30"), None, "13W", n_origins=3)
    )
    assert other.folds[0].total == levelled.folds[0].total


def test_a_level_that_was_far_off_is_not_used(cdnow):
    """From March 1998 on everybody spends ten times as much per purchase."""
    log = cdnow[cdnow["customer_id"] % 3 == 0]
    late = log["date"] > "1998-03-31"
    grown = log.assign(amount=log["amount"].where(~late, 10 * log["amount"]))
    X = latest_histories(grown, end="1998-06-30")
    validation = plan_validation(X, None, "13W", n_origins=1)
    assert not add_level(validation).levelled


@pytest.mark.long
def test_on_noise_nothing_is_gained(cdnow):
    """The winner is no better than a constant on fresh noise, and its intervals hold as asked."""
    X, y = make_samples(cdnow, "13W")
    rng = np.random.default_rng(0)
    noise = rng.gamma(0.4, 40, len(y)) * (rng.random(len(y)) < 0.3)
    cutoff = X.index.get_level_values("cutoff")
    last = cutoff == cutoff.max()
    auto = AutoCLV("13W", n_trials=6, random_state=0, verbose=0).fit(X[~last], noise[~last])
    fresh = noise[last]
    constant = d2_tweedie(fresh, np.full(len(fresh), noise[~last].mean()))
    assert d2_tweedie(fresh, auto.predict(X[last])) <= constant + 0.005
    ends = auto.predict_interval(X[last])
    inside = (ends["lower"] <= fresh) & (fresh <= ends["upper"])
    assert 0.85 <= inside.mean() <= 0.97
