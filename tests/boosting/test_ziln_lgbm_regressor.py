"""Against the truth of simulated zero-inflated lognormal spend."""

import numpy as np
import pytest
from scipy.special import expit, ndtri

from clvkit.boosting import HurdleLGBMRegressor, ZILNLGBMRegressor
from clvkit.errors import UnknownNameError
from clvkit.metrics import d2_tweedie

N = 100_000


def truth(X):
    p = expit(-1 + 1.2 * X[:, 0] - 0.8 * X[:, 1])
    mu = 3 + 0.6 * X[:, 1] + 0.5 * np.tanh(X[:, 2])
    return p, mu, np.clip(0.6 * np.exp(0.35 * X[:, 3]), 0.2, 1.6)


def draw(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 6))
    p, mu, sigma = truth(X)
    return X, np.where(rng.random(N) < p, np.exp(mu + sigma * rng.normal(size=N)), 0.0)


@pytest.fixture(scope="module")
def fitted():
    X, y = draw(0)
    return ZILNLGBMRegressor(match_total=False).fit(X, y)


@pytest.fixture(scope="module")
def new():
    return draw(1)


def test_mean_share_of_zeros_and_quantiles_are_those_of_the_truth(fitted, new):
    X, _ = new
    p, mu, sigma = truth(X)
    share = np.clip((p - 0.1) / p, 1e-12, None)
    quantile = np.where(p > 0.1, np.exp(mu + sigma * ndtri(share)), 0.0)
    components = fitted.predict_components(X)
    found = {
        "mean": fitted.predict(X).mean() / np.mean(p * np.exp(mu + sigma**2 / 2)),
        "zeros": np.mean(1 - components["probability_active"]) / np.mean(1 - p),
        "quantile": fitted.predict_quantiles(X, 0.9)[0.9].mean() / quantile.mean(),
    }
    assert found == pytest.approx(dict.fromkeys(found, 1.0), abs=0.03)


def test_the_spread_of_each_customer_is_found(fitted, new):
    X, _ = new
    components = fitted.predict_components(X)
    for found, true in zip(("probability_active", "mu", "sigma"), truth(X), strict=True):
        assert np.corrcoef(components[found], true)[0, 1] > 0.95


def test_quantiles_have_their_coverage(fitted, new):
    X, y = new
    levels = np.array([0.8, 0.9, 0.99])
    coverage = (y[:, None] <= fitted.predict_quantiles(X, levels)).mean()
    # Zero, and with it P(0), is covered by every quantile.
    expected = np.maximum(levels, 1 - truth(X)[0][:, None]).mean(axis=0)
    np.testing.assert_allclose(coverage, expected, atol=0.01)


@pytest.mark.long
def test_it_explains_at_least_as_much_as_two_models_apart():
    gains = []
    for seed in (0, 1, 2):
        (X, y), (X_new, y_new) = draw(seed), draw(seed + 100)
        ziln, hurdle = (
            d2_tweedie(y_new, model.fit(X, y).predict(X_new))
            for model in (ZILNLGBMRegressor(), HurdleLGBMRegressor())
        )
        gains.append(ziln - hurdle)
    assert min(gains) > -0.0005
    assert np.mean(gains) > 0


def test_components_make_the_prediction(fitted, new):
    X = new[0][:500]
    table = fitted.predict_components(X)
    product = table["probability_active"] * table["conditional_spend"]
    np.testing.assert_allclose(product, fitted.predict(X))
    np.testing.assert_allclose(table["conditional_median"], np.exp(table["mu"]))


def test_contributions_add_up_to_the_outputs(fitted, new):
    X = new[0][:500]
    table = fitted.predict_components(X)
    for component, inverse in {
        "probability_active": expit,
        "mu": np.array,
        "sigma": np.exp,
    }.items():
        total = fitted.predict_contributions(X, component).sum(axis=1)
        np.testing.assert_allclose(inverse(total), table[component])
    with pytest.raises(UnknownNameError, match="'spend' is no component"):
        fitted.predict_contributions(X, "spend")


def test_the_mean_is_capped():
    X, y = draw(3)
    X, y = X[:3000], y[:3000]
    capped = ZILNLGBMRegressor(max_spend=10.0, match_total=False).fit(X, y)
    assert capped.predict_components(X)["conditional_spend"].max() == pytest.approx(10.0)
    wild = np.where(np.arange(3000) % 50 == 0, 1e9, y)
    model = ZILNLGBMRegressor(learning_rate=1.0, reg_lambda=0.0, match_total=False).fit(X, wild)
    assert model.max_spend_ == 1e9
    assert model.predict(X).max() <= 1e9 * (1 + 1e-12)
