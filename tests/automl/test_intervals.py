"""Which out-of-fold predictions teach the intervals how much levels move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clvkit import latest_histories
from clvkit.automl import _intervals
from clvkit.automl._evaluation import evaluate
from clvkit.automl._intervals import learn_intervals, out_of_fold
from clvkit.automl._level import add_level, with_level
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import default_candidates
from clvkit.calibration import LevelIntervals, predicted_distribution
from clvkit.history import get_histories
from clvkit.metrics import get_clv_scorer
from clvkit.serving import CLVModel

BG_NBD = next(candidate for candidate in default_candidates() if candidate.name == "bg_nbd")


@pytest.fixture(scope="module")
def histories(cdnow):
    return latest_histories(cdnow[cdnow["customer_id"] % 3 == 0])


@pytest.fixture(scope="module")
def validation(histories):
    return plan_validation(histories, None, "13W", n_origins=3)


@pytest.fixture(scope="module")
def best(validation):
    return evaluate(BG_NBD, {}, 0, validation, get_clv_scorer("d2_tweedie"), 0)


def test_every_row_stands_with_its_truth(best, validation):
    oof = out_of_fold(best, validation)
    start = 0
    for fold, prediction in zip(validation.folds, best.predictions, strict=True):
        part = oof.iloc[start : start + len(fold.y_test)]
        assert part.index.equals(fold.X_test.index)
        assert np.array_equal(part["y_true"], fold.y_test)
        assert np.array_equal(part["y_pred"], prediction)
        start += len(part)
    assert start == len(oof)


@pytest.mark.parametrize("leaks", [(0, 0, 0), (1, 0, 0), (1, 1, 1)], ids=str)
def test_folds_that_leak_do_not_tell_the_level(histories, best, validation, leaks):
    folds = [replace(f, leaks=bool(k)) for f, k in zip(validation.folds, leaks, strict=True)]
    oof = out_of_fold(best, validation)
    cutoff = oof.index.get_level_values("cutoff")
    told = [fold.origin for fold in folds if not fold.leaks]
    expected = LevelIntervals().fit(
        oof["y_true"], oof["y_pred"], origin=cutoff, tells_level=cutoff.strftime("%F").isin(told)
    )
    got = learn_intervals(best, replace(validation, folds=folds), histories, "13W")
    assert np.array_equal(got.spread_weights_, expected.spread_weights_)


def test_a_leak_changes_what_levels_are_taken_to_do(histories, best, validation):
    leaking = replace(validation.folds[0], leaks=True)
    partly = replace(validation, folds=[leaking, *validation.folds[1:]])
    known, left_out = (
        learn_intervals(best, one, histories, "13W").spread_weights_ for one in (validation, partly)
    )
    assert not np.array_equal(known, left_out)


@pytest.fixture(scope="module")
def levelled(validation):
    return add_level(validation)


def served(best, validation, histories):
    intervals = learn_intervals(best, validation, histories, "13W")
    pipeline = best.candidate.estimator("13W", random_state=0)
    return CLVModel(with_level(pipeline, "13W"), horizon="13W", interval=intervals).fit(histories)


@pytest.mark.parametrize("name", ["historical_rate", "tweedie", "bg_nbd"])
def test_the_model_of_the_level_tells_the_distribution_whatever_the_champion_is(
    name, histories, levelled
):
    candidate = next(one for one in default_candidates() if one.name == name)
    best = evaluate(candidate, {}, 0, levelled, get_clv_scorer("d2_tweedie"), 0)
    model = served(best, levelled, histories)
    assert model.interval.distributional_
    quantiles = model.predict_quantiles(histories, [0.1, 0.5, 0.9]).to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    # Of who has almost surely left the median is nothing, whatever is expected of him.
    level = model.estimator_[-1].total_
    gone = (level.predict_components(histories)["probability_active"] < 0.05).to_numpy()
    assert gone.sum() > 10
    assert (quantiles[gone, 1] == 0.0).all()


def test_distributions_are_left_where_quantiles_are_no_better_with_them(
    histories, levelled, best, monkeypatch
):
    """A distribution that contradicts the truth at the origins: the active ones spend nothing."""

    def reversed_distribution(estimator, X, predicted):
        told = predicted_distribution(estimator, X, predicted)
        return told._replace(zeros=1.0 - told.zeros, position=told.position[::-1].copy())

    monkeypatch.setattr(_intervals, "predicted_distribution", reversed_distribution)
    assert not learn_intervals(best, levelled, histories, "13W").distributional_


def test_nothing_is_told_where_nobody_has_bought_twice_in_the_end(histories, levelled, best):
    once = histories[get_histories(histories).n_events == 1]
    assert not learn_intervals(best, levelled, once, "13W").distributional_
