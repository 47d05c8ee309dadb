"""Trees that start from a prediction and learn the correction."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.btyd import PurchaseModelFeatures
from clvkit.datasets import load_cdnow
from clvkit.errors import ArgumentError, UnknownNameError
from clvkit.history import make_samples
from clvkit.metrics import d2_tweedie


def draw(n, seed=0):
    """Draw spend whose mean is the offset, and half as much again for one kind of customer."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"clv": rng.lognormal(2.0, 1.5, n), "kind": rng.integers(0, 2, n)})
    mean = X["clv"] * np.where(X["kind"] == 1, 1.5, 1.0)
    return X, np.where(rng.random(n) < 0.5, 2.0 * mean * rng.gamma(2.0, 0.5, n), 0.0), mean


def test_without_a_split_the_prediction_is_the_offset():
    X, _, _ = draw(2_000)
    model = TweedieLGBMRegressor(offset="clv", n_estimators=1, min_child_samples=2_000)
    y = 3.0 * X["clv"].to_numpy()
    assert_allclose(model.fit(X, y).predict(X), y, rtol=1e-2)


def test_the_correction_is_learnt():
    X, y, _ = draw(20_000)
    X_new, _, mean_new = draw(5_000, seed=1)
    model = TweedieLGBMRegressor(offset="clv", n_estimators=40).fit(X, y)
    ratio = pd.Series(model.predict(X_new) / X_new["clv"]).groupby(X_new["kind"]).median()
    assert_allclose(ratio, [1.0, 1.5], rtol=0.1)
    plain = TweedieLGBMRegressor(n_estimators=40).fit(X, y)
    assert d2_tweedie(mean_new, model.predict(X_new)) > d2_tweedie(mean_new, plain.predict(X_new))
    assert_allclose(model.predict(X).sum(), y.sum())


def test_a_position_is_as_good_as_a_name():
    X, y, _ = draw(1_000)
    by_name = TweedieLGBMRegressor(offset="clv").fit(X, y).predict(X)
    by_position = TweedieLGBMRegressor(offset=0).fit(X.to_numpy(), y).predict(X.to_numpy())
    assert_allclose(by_position, by_name, rtol=1e-12)


def test_missing_and_zero_offsets_have_a_prediction():
    X, y, _ = draw(3_000)
    X.loc[:99, "clv"] = np.nan
    X.loc[100:199, "clv"] = 0.0
    predicted = TweedieLGBMRegressor(offset="clv").fit(X, y).predict(X)
    assert np.all(np.isfinite(predicted))
    assert np.all(predicted > 0)


def test_contributions_still_add_up():
    X, y, _ = draw(2_000)
    model = TweedieLGBMRegressor(offset="clv").fit(X, y)
    table = model.predict_contributions(X)
    assert_allclose(table.sum(axis=1), np.log(model.predict(X)), atol=1e-8)


def test_early_stopping_starts_from_it_too():
    X, y, _ = draw(3_000)
    model = TweedieLGBMRegressor(offset="clv", early_stopping_rounds=5, random_state=0).fit(X, y)
    assert model.booster_.best_iteration >= 1


def test_round_trip_by_skops():
    from skops.io import dumps, loads

    from clvkit.serving._trust import TRUSTED_TYPES

    X, y, _ = draw(500)
    model = TweedieLGBMRegressor(offset="clv").fit(X, y)
    stored = loads(dumps(model), trusted=list(TRUSTED_TYPES))
    assert_allclose(stored.predict(X), model.predict(X), rtol=1e-15)


@pytest.mark.parametrize(
    ("change", "offset", "error", "message"),
    [
        ({}, "spend", UnknownNameError, r"offset='spend' is no numeric feature of X, which has 2"),
        ({}, 2, UnknownNameError, "offset=2 is no numeric feature"),
        ({"clv": -1.0}, "clv", ArgumentError, "holds negative values, or none above 0"),
        ({"clv": np.nan}, "clv", ArgumentError, "holds negative values, or none above 0"),
        ({"kind": pd.Categorical(["a"] * 100)}, "kind", UnknownNameError, "no numeric feature"),
    ],
    ids=["name", "position", "negative", "missing", "categories"],
)
def test_refused(change, offset, error, message):
    X, y, _ = draw(100)
    with pytest.raises(error, match=message):
        TweedieLGBMRegressor(offset=offset).fit(X.assign(**change), y)


def test_it_starts_from_a_purchase_model():
    X, y = make_samples(load_cdnow(), "13W", cutoffs=2)
    features = PurchaseModelFeatures().set_output(transform="pandas")
    model = make_pipeline(features, TweedieLGBMRegressor(offset="clv", n_estimators=20)).fit(X, y)
    assert d2_tweedie(y, model.predict(X)) > 0.15
