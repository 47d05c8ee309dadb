"""What all four regressors promise."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils.estimator_checks import parametrize_with_checks

from clvkit.baselines import PopulationMean
from clvkit.boosting import (
    HurdleLGBMRegressor,
    QuantileLGBMRegressor,
    TweedieLGBMRegressor,
    ZILNLGBMRegressor,
)
from clvkit.metrics import d2_tweedie
from clvkit.serving._trust import TRUSTED_TYPES

REGRESSORS = [
    TweedieLGBMRegressor,
    HurdleLGBMRegressor,
    ZILNLGBMRegressor,
    QuantileLGBMRegressor,
]
OF_THE_MEAN = REGRESSORS[:3]
every = pytest.mark.parametrize("regressor", REGRESSORS)
of_the_mean = pytest.mark.parametrize("regressor", OF_THE_MEAN)


@parametrize_with_checks(
    [regressor() for regressor in REGRESSORS],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": (
            "leaves are limited, and features binned, by the number of rows and not by weight"
        )
    },
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@every
@pytest.mark.parametrize(
    "draws",
    [{}, {"subsample": 0.6, "colsample_bytree": 0.6}, {"early_stopping_rounds": 5}],
    ids=["plain", "draws", "stopping"],
)
def test_one_seed_gives_the_same_predictions_at_any_number_of_threads(regressor, draws, spend_data):
    X, y = spend_data
    model = regressor(random_state=3, **draws)
    first, again = model.fit(X, y).predict(X), clone(model).fit(X, y).predict(X)
    two = clone(model).set_params(n_jobs=2).fit(X, y).predict(X)
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(two, first)


@every
def test_pickle_and_skops_give_the_same_predictions(regressor, spend_data):
    X, y = spend_data
    model = regressor(random_state=0, subsample=0.7, early_stopping_rounds=10, n_estimators=30).fit(
        X, y
    )
    stored = skops.io.dumps(model)
    assert set(skops.io.get_untrusted_types(data=stored)) <= set(TRUSTED_TYPES)
    for copy in (
        pickle.loads(pickle.dumps(model)),
        skops.io.loads(stored, trusted=list(TRUSTED_TYPES)),
    ):
        np.testing.assert_array_equal(copy.predict(X), model.predict(X))
        np.testing.assert_array_equal(copy.feature_importances_, model.feature_importances_)
        pd.testing.assert_frame_equal(
            copy.predict_contributions(X[:5]), model.predict_contributions(X[:5])
        )
        assert copy.get_params() == model.get_params()


@every
@pytest.mark.parametrize("n_samples", [1, 2, 19, 300])
def test_nobody_spends_anything(regressor, n_samples):
    X = np.arange(2.0 * n_samples).reshape(-1, 2)
    model = regressor().fit(X, np.zeros(n_samples))
    np.testing.assert_array_equal(model.predict(X), np.zeros(n_samples))


@of_the_mean
@pytest.mark.parametrize("n_samples", [1, 2, 5, 60])
def test_few_samples_are_enough_for_their_mean(regressor, n_samples):
    X, y = np.arange(float(n_samples)).reshape(-1, 1), np.arange(float(n_samples)) + 1
    assert regressor().fit(X, y).predict(X).mean() == pytest.approx(y.mean())


@every
def test_constant_features_give_one_prediction(regressor):
    y = np.tile([0.0, 1.0, 3.0], 100)
    prediction = regressor().fit(np.ones((300, 2)), y).predict(np.ones((4, 2)))
    assert np.ptp(prediction) == 0
    assert prediction[0] == pytest.approx(1.0 if regressor is QuantileLGBMRegressor else 4 / 3)


@of_the_mean
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_the_total_is_matched(regressor, weighted, spend_data):
    X, y = spend_data
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    prediction = regressor().fit(X, y, weight).predict(X)
    assert np.average(prediction, weights=weight) == pytest.approx(np.average(y, weights=weight))


@every
@pytest.mark.parametrize("unit", [2.0**-30, 2.0**40], ids=["tiny", "huge"])
def test_the_unit_of_money_does_not_matter(regressor, unit, spend_data):
    X, y = spend_data
    model = regressor(n_estimators=20)
    expected = unit * clone(model).fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(X, unit * y).predict(X), expected, rtol=1e-4)


@every
def test_columns_are_checked_by_name(regressor, spend_data):
    X, y = spend_data
    model = regressor(n_estimators=5).fit(X, y)
    for method in (model.predict, model.predict_contributions):
        with pytest.raises(ValueError, match="in the same order"):
            method(X[["gap", "rate", "country", "noise"]])


@every
@pytest.mark.parametrize("importance_type", ["gain", "split"])
def test_importances_are_shares(regressor, importance_type, spend_data):
    X, y = spend_data
    importances = regressor(importance_type=importance_type).fit(X, y).feature_importances_
    assert importances.sum() == pytest.approx(1)
    if importance_type == "gain":
        assert importances.argmax() in (0, 2)
        assert importances[3] < 0.2
    assert not hasattr(regressor(), "feature_importances_")


@of_the_mean
def test_monotone_constraints_hold_by_name(regressor):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((4000, 2)), columns=["rate", "gap"])
    level = 10 * (1 + np.sin(12 * X["rate"]) + X["gap"])
    y = np.where(rng.random(4000) < 0.5, rng.gamma(2, level), 0)
    grid = pd.DataFrame({"rate": np.linspace(0, 1, 200), "gap": 0.5})
    free = regressor().fit(X, y).predict(grid)
    bound = regressor(monotone_constraints={"rate": 1}).fit(X, y).predict(grid)
    assert np.diff(free).min() < 0
    assert np.diff(bound).min() >= -1e-12 * bound.max()
    assert np.ptp(bound) > 0


@every
def test_early_stopping_judges_by_the_rows_that_the_caller_names(regressor, spend_data):
    X, y = spend_data
    held_out = np.arange(len(y)) % 3 == 0
    spoilt = np.where(held_out, np.random.default_rng(0).permutation(y), y)
    few, many = (
        regressor(n_estimators=300, early_stopping_rounds=10).fit(
            X, target, validation_rows=held_out
        )
        for target in (spoilt, y)
    )
    assert _n_trees(few) < _n_trees(many) < _n_trees(regressor(n_estimators=300).fit(X, y))


def _n_trees(model):
    boosters = [value for name, value in vars(model).items() if name.endswith("booster_")]
    return sum(booster.num_trees() for booster in boosters + getattr(model, "boosters_", []))


@every
def test_rows_held_out_by_chance_are_drawn_by_the_seed(regressor, spend_data):
    X, y = spend_data
    model = regressor(early_stopping_rounds=5, validation_fraction=0.3, n_estimators=50)
    one, two = (clone(model).set_params(random_state=s).fit(X, y).predict(X) for s in (0, 1))
    assert (one != two).any()


@every
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nothing_is_learnt_from_noise(regressor, seed):
    rng = np.random.default_rng(seed)
    X, X_new = rng.normal(size=(2, 4000, 8))
    y, y_new = np.where(rng.random((2, 4000)) < 0.3, rng.lognormal(3, 1, (2, 4000)), 0)
    mean = d2_tweedie(y_new, PopulationMean().fit(X, y).predict(X_new))
    model = d2_tweedie(y_new, regressor(random_state=seed).fit(X, y).predict(X_new))
    assert model <= mean + 0.005


@of_the_mean
def test_noise_does_little_harm(regressor):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(6000, 5))
    y = np.where(rng.random(6000) < 0.3, rng.lognormal(3, 1, 6000), 0)
    assert d2_tweedie(y, cross_val_predict(regressor(), X, y)) > -0.03


@pytest.mark.parametrize(
    "model",
    [
        TweedieLGBMRegressor(subsample=0.7),
        HurdleLGBMRegressor(),
        ZILNLGBMRegressor(),
        QuantileLGBMRegressor(quantiles=[0.9], n_estimators=30),
    ],
    ids=lambda model: type(model).__name__,
)
def test_sums_do_not_depend_on_threads_where_samples_are_many(model):
    # So many rows that LightGBM gives each thread a share of them.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 6))
    y = np.where(rng.random(60_000) < 0.4, rng.lognormal(X[:, 0], 1), 0)
    one, two, three = (
        clone(model).set_params(n_jobs=n_jobs, n_estimators=20, random_state=0).fit(X, y)
        for n_jobs in (1, 2, 3)
    )
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    np.testing.assert_array_equal(one.predict(X), three.predict(X))
