import numpy as np
import pytest

from clvkit.boosting import QuantileLGBMRegressor
from clvkit.errors import ArgumentError


def test_quantiles_do_not_cross_and_are_never_negative(spend_data):
    X, y = spend_data
    model = QuantileLGBMRegressor(
        quantiles=[0.6, 0.65, 0.7, 0.75, 0.8], num_leaves=31, min_child_samples=5
    ).fit(X, y)
    quantiles = model.predict_quantiles(X)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (quantiles >= 0).all(axis=None)
    assert quantiles.index.equals(X.index)


def test_quantiles_have_their_coverage_on_other_customers(spend_data):
    X, y = spend_data
    model = QuantileLGBMRegressor(quantiles=[0.75, 0.9]).fit(X[:2000], y[:2000])
    quantiles = model.predict_quantiles(X[2000:])
    coverage = [np.mean(y[2000:] <= quantiles[level]) for level in (0.75, 0.9)]
    np.testing.assert_allclose(coverage, [0.75, 0.9], atol=0.04)


def test_predict_is_the_quantile_that_was_asked_for(spend_data):
    X, y = spend_data
    model = QuantileLGBMRegressor(quantile=0.8, quantiles=[0.9, 0.7]).fit(X, y)
    np.testing.assert_array_equal(model.levels_, [0.7, 0.8, 0.9])
    np.testing.assert_array_equal(model.predict(X), model.predict_quantiles(X, 0.8)[0.8])
    between = model.predict_quantiles(X, [0.7, 0.75, 0.8])
    np.testing.assert_allclose(between[0.75], (between[0.7] + between[0.8]) / 2)


def test_contributions_add_up_where_nothing_is_sorted(spend_data):
    X, y = spend_data
    model = QuantileLGBMRegressor(quantile=0.9, quantiles=[0.9]).fit(X, y)
    total = model.predict_contributions(X).sum(axis=1)
    np.testing.assert_allclose(np.maximum(total, 0), model.predict(X), atol=1e-9)


@pytest.mark.parametrize("q", [0.05, [0.5, 0.95]], ids=str)
def test_levels_outside_those_fitted_are_refused(q, spend_data):
    X, y = spend_data
    model = QuantileLGBMRegressor(n_estimators=2).fit(X, y)
    with pytest.raises(ArgumentError, match=r"outside the levels that were fitted, 0\.1 to 0\.9"):
        model.predict_quantiles(X, q)


def test_levels_are_checked_before_the_fit():
    with pytest.raises(ArgumentError, match=r"quantiles holds 1\.5"):
        QuantileLGBMRegressor(quantiles=[1.5]).fit([[1.0]], [1.0])
