"""SpendRegressor: any regressor, never negative, with the total of the training samples."""

from __future__ import annotations

import numpy as np
import pytest
import skops.io
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from clvkit.errors import TargetError
from clvkit.model_selection import SpendRegressor
from clvkit.serving._trust import TRUSTED_TYPES


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    X = rng.gamma(2, size=(3000, 3))
    y = np.where(rng.random(3000) < 0.3, rng.gamma(0.5, 20 * X[:, 0] ** 2), 0)
    return X, y, rng.uniform(0.5, 2, 3000)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_total_is_kept_and_nothing_is_negative(samples, log, weighted):
    X, y, weight = samples
    weight = weight if weighted else None
    prediction = SpendRegressor(LinearRegression(), log=log).fit(X, y, weight).predict(X)
    assert np.average(prediction, weights=weight) == pytest.approx(np.average(y, weights=weight))
    assert prediction.min() > 0


def test_the_logarithm_is_fitted_and_one_factor_put_right(samples):
    X, y, _ = samples
    inner = Ridge().fit(X, np.log1p(y / y.mean()))
    by_hand = np.maximum(np.expm1(inner.predict(X)), 0.05)
    prediction = SpendRegressor(Ridge(), log=True).fit(X, y).predict(X)
    assert prediction == pytest.approx(by_hand * y.sum() / by_hand.sum())


def test_predictions_stay_below_the_largest_target(samples):
    X, y, _ = samples
    model = SpendRegressor(Ridge(), log=True).fit(X, y)
    far = model.predict(1e6 * X)
    assert far.max() <= model.scale_ * model.largest_ * (1 + 1e-12)


def test_the_unit_does_not_matter(samples):
    X, y, _ = samples
    euros = SpendRegressor(Ridge(), log=True).fit(X, y).predict(X)
    assert SpendRegressor(Ridge(), log=True).fit(X, 100 * y).predict(X) == pytest.approx(
        100 * euros
    )


def test_nobody_spends(samples):
    X, y, _ = samples
    assert not SpendRegressor(Ridge(), log=True).fit(X, 0 * y).predict(X).any()


def test_what_takes_no_weights_still_keeps_the_weighted_total(samples):
    X, y, weight = samples

    class Weightless(DummyRegressor):
        def fit(self, X, y):
            return super().fit(X, y)

    model = SpendRegressor(Weightless()).fit(X, y, weight)
    assert model.predict(X)[0] == pytest.approx(np.average(y, weights=weight))


def test_negative_targets_are_refused(samples):
    X, y, _ = samples
    with pytest.raises(TargetError, match=r"negative values.*SpendRegressor.*floor"):
        SpendRegressor(Ridge()).fit(X, y - 1)


def test_it_survives_storage(samples):
    X, y, _ = samples
    model = SpendRegressor(DecisionTreeRegressor(max_depth=3)).fit(X, y)
    again = skops.io.loads(skops.io.dumps(model), trusted=list(TRUSTED_TYPES))
    assert np.array_equal(again.predict(X), model.predict(X))


@parametrize_with_checks([SpendRegressor(Ridge(), log=True)])
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)
