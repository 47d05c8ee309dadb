import pickle
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import TweedieRegressor
from sklearn.model_selection import ShuffleSplit, cross_val_score

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.metrics import get_clv_scorer, total_bias
from clvkit.utils._deadline import OutOfTime, deadline

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TRUSTED = [
    "clvkit.boosting._tweedie_lgbm_regressor.TweedieLGBMRegressor",
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
]


def test_it_beats_the_mean_and_a_linear_model_on_spend(spend_data):
    X, y = spend_data
    numeric = X.assign(country=X["country"].cat.codes).fillna(0)
    scorer = get_clv_scorer("d2_tweedie")
    boosted = cross_val_score(TweedieLGBMRegressor(), X, y, scoring=scorer).mean()
    linear = cross_val_score(
        TweedieRegressor(power=1.5, max_iter=1000), numeric, y, scoring=scorer
    ).mean()
    mean = cross_val_score(DummyRegressor(), numeric, y, scoring=scorer).mean()
    assert boosted > linear > mean


def test_predictions_are_positive_and_bounded_by_experience(spend_data):
    X, y = spend_data
    predictions = TweedieLGBMRegressor().fit(X, y).predict(X)
    assert predictions.shape == (len(y),)
    assert predictions.dtype == float
    assert (predictions > 0).all()
    assert predictions.max() < y.max()


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_the_total_is_matched_and_the_ranking_untouched(spend_data, weighted):
    X, y = spend_data
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    matched = TweedieLGBMRegressor().fit(X, y, weight).predict(X)
    raw = TweedieLGBMRegressor(match_total=False).fit(X, y, weight).predict(X)
    assert np.average(matched, weights=weight) == pytest.approx(np.average(y, weights=weight))
    assert np.average(raw, weights=weight) < 0.99 * np.average(y, weights=weight)
    np.testing.assert_allclose(matched / raw, (matched / raw)[0], rtol=1e-12)


@pytest.mark.parametrize("unit", [2.0**-30, 2.0**7, 2.0**40], ids=["tiny", "hundreds", "huge"])
def test_the_unit_of_money_does_not_matter(spend_data, unit):
    X, y = spend_data
    model = TweedieLGBMRegressor(n_estimators=20, reg_alpha=1, min_child_weight=2)
    expected = unit * clone(model).fit(X, y).predict(X)
    # A power of two, so that not even rounding differs.
    np.testing.assert_array_equal(model.fit(X, unit * y).predict(X), expected)


@pytest.mark.parametrize("n_samples", [1, 2, 19, 500])
def test_nobody_spends_anything(n_samples):
    X = np.arange(2.0 * n_samples).reshape(-1, 2)
    model = TweedieLGBMRegressor().fit(X, np.zeros(n_samples))
    np.testing.assert_array_equal(model.predict(X), np.zeros(n_samples))
    np.testing.assert_array_equal(model.feature_importances_, [0, 0])


@pytest.mark.parametrize("n_samples", [1, 2, 5, 21, 60])
def test_few_samples_are_enough_for_their_mean(n_samples):
    X, y = np.arange(float(n_samples)).reshape(-1, 1), np.arange(1.0, n_samples + 1)
    model = TweedieLGBMRegressor().fit(X, y)
    assert model.predict(X).mean() == pytest.approx(y.mean())


@pytest.mark.parametrize("power", [1.01, 1.99])
def test_extreme_powers_and_extreme_spend_stay_finite(spend_data, power):
    X, y = spend_data
    wild = np.where(np.arange(len(y)) == 5, 1e9, y)
    model = TweedieLGBMRegressor(
        tweedie_variance_power=power, learning_rate=1.0, reg_lambda=0.0, min_child_samples=1
    ).fit(X, wild)
    predictions = model.predict(X)
    assert np.isfinite(predictions).all()
    assert (predictions >= 0).all()


def test_importances_are_shares_of_the_gain(spend_data):
    X, y = spend_data
    importances = TweedieLGBMRegressor().fit(X, y).feature_importances_
    assert importances.sum() == pytest.approx(1)
    assert set(np.argsort(importances)[-2:]) == {0, 2}
    assert not hasattr(TweedieLGBMRegressor(), "feature_importances_")


def test_pickle_and_skops_give_the_same_predictions(spend_data):
    X, y = spend_data
    model = TweedieLGBMRegressor(subsample=0.8, random_state=1).fit(X, y)
    stored = skops.io.dumps(model)
    assert sorted(skops.io.get_untrusted_types(data=stored)) == TRUSTED
    for copy in (pickle.loads(pickle.dumps(model)), skops.io.loads(stored, trusted=TRUSTED)):
        np.testing.assert_array_equal(copy.predict(X), model.predict(X))
        np.testing.assert_array_equal(copy.feature_importances_, model.feature_importances_)
        assert copy.get_params() == model.get_params()


def test_clones_and_refits_are_identical(spend_data):
    X, y = spend_data
    model = TweedieLGBMRegressor().fit(X, y)
    expected = model.predict(X)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), expected)
    np.testing.assert_array_equal(model.fit(X, y).predict(X), expected)


@pytest.mark.parametrize(
    "params",
    [
        {"tweedie_variance_power": 1.0},
        {"tweedie_variance_power": 2.0},
        {"num_leaves": 1},
        {"n_estimators": 0},
        {"subsample": 0.0},
        {"reg_lambda": -1.0},
        {"match_total": "yes"},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of TweedieLGBMRegressor must"):
        TweedieLGBMRegressor(**params).fit([[1.0], [2.0]], [0, 1])


@pytest.mark.skipif(not (DATA / "cdnow.parquet").exists(), reason="the real log is not there")
def test_matching_the_total_halves_the_bias_on_unseen_customers_of_cdnow():
    log = pd.read_parquet(DATA / "cdnow.parquet")
    log["date"] = pd.to_datetime(log["date"])
    past, future = log[log["date"] <= "1997-09-30"], log[log["date"] > "1997-09-30"]
    customers = past.groupby("customer_id")
    X = customers["amount"].agg(["size", "sum", "max"]).astype(float)
    X["since"] = (pd.Timestamp("1997-09-30") - customers["date"].max()).dt.days
    y = future.groupby("customer_id")["amount"].sum().reindex(X.index).fillna(0).to_numpy()

    def biases(match_total):
        for fit, test in ShuffleSplit(10, test_size=0.5, random_state=0).split(X):
            model = TweedieLGBMRegressor(match_total=match_total).fit(X.iloc[fit], y[fit])
            yield total_bias(y[test], model.predict(X.iloc[test]))

    with_it, without = list(biases(True)), list(biases(False))
    assert abs(np.mean(with_it)) < abs(np.mean(without)) / 2
    assert np.mean(np.abs(with_it)) < np.mean(np.abs(without))


@pytest.mark.parametrize("early_stopping_rounds", [None, 10])
def test_a_fit_is_given_up_between_two_trees_at_its_deadline(early_stopping_rounds):
    X = np.random.default_rng(0).normal(size=(2000, 5))
    y = np.exp(X[:, 0])
    model = TweedieLGBMRegressor(
        n_estimators=100_000, early_stopping_rounds=early_stopping_rounds, learning_rate=1e-6
    )
    start = time.perf_counter()
    with deadline(start + 0.3), pytest.raises(OutOfTime):
        model.fit(X, y)
    assert time.perf_counter() - start < 5
