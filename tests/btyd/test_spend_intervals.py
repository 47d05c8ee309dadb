import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import BetaGeoNBD, BTYDRegressor, GammaGamma
from clvkit.btyd._spend_intervals import joint_quantiles
from clvkit.datasets import load_cdnow
from clvkit.errors import ArgumentError, NoComponentsError
from clvkit.history import latest_histories

PURCHASES = BetaGeoNBD.from_params(r=0.9, alpha=5.0, a=0.8, b=2.5)
SPEND = GammaGamma.from_params(p=6.2, q=3.7, gamma=15.4)


def draw(n, seed=0):
    rng = np.random.default_rng(seed)
    rows = PURCHASES.simulate_summary(rng.uniform(20, 70, n), seed)
    x = rows[:, 0]
    nu = rng.gamma(3.7, 1 / 15.4, n)
    mean = np.where(x > 0, rng.gamma(6.2 * np.maximum(x, 1)) / nu / np.maximum(x, 1), 0.0)
    return np.column_stack([rows, mean])


def simulate_spend(rows, horizon, seed):
    """Draw the spend of one horizon, purchases and their worth together."""
    rng = np.random.default_rng(seed)
    n = PURCHASES.simulate(rows, horizon, rng)
    p, shape, rate = SPEND.posterior(rows)
    total = rng.gamma(p * np.maximum(n, 1)) / (rng.gamma(shape) / rate)
    return np.where(n > 0, total, 0.0)


@pytest.mark.parametrize("row", [0, 3, 7, 11, 19])
def test_quantiles_are_those_of_simulated_spend(row):
    data = draw(40)[[row]]
    drawn = simulate_spend(np.repeat(data, 200_000, axis=0), 30.0, seed=row)
    levels = np.array([0.05, 0.5, 0.9, 0.99])
    actual = joint_quantiles(PURCHASES, SPEND, (data, 30.0, data), levels)[0]
    # The share of draws below each quantile, with the standard error of a share.
    below = (drawn[:, None] <= actual).mean(axis=0)
    expected = np.maximum(levels, (drawn == 0).mean())
    assert_allclose(below, expected, atol=4 * np.sqrt(0.25 / 200_000))


def test_rows_do_not_depend_on_one_another():
    data = draw(300)
    levels = np.array([0.1, 0.9])
    together = joint_quantiles(PURCHASES, SPEND, (data, 30.0, data), levels)
    alone = np.vstack(
        [
            joint_quantiles(PURCHASES, SPEND, (data[[i]], 30.0, data[[i]]), levels)
            for i in range(0, 300, 29)
        ]
    )
    assert_allclose(together[::29], alone, rtol=1e-12)


def test_wholesalers_and_lapsed_customers():
    data = np.array([[2_000.0, 69.99, 70.0, 5e6], [30.0, 5.0, 400.0, 10.0], [0, 0, 0.0, 0.0]])
    levels = np.array([0.025, 0.5, 0.975])
    wholesale, lapsed, new = joint_quantiles(PURCHASES, SPEND, (data, 20.0, data), levels)
    assert np.all(np.diff(wholesale) > 0)
    assert np.isfinite(wholesale).all()
    assert lapsed[1] == 0.0
    assert new[0] == 0.0 < new[2]


def test_nothing_happens_in_no_time():
    data = draw(20)
    quantiles = joint_quantiles(PURCHASES, SPEND, (data, 0.0, data), np.array([0.1, 0.999]))
    assert_allclose(quantiles, 0.0)


@pytest.mark.parametrize("given_any", [False, True])
def test_fixed_prices_make_stairs(given_any):
    # Half of the customers always pay 10, the others 20: n purchases are 10 n or 20 n.
    prices = np.repeat([10.0, 20.0], 30)
    data = np.column_stack([np.tile(draw(30)[:, :3], (2, 1)), prices])
    data[:, 0] = np.maximum(data[:, 0], 1.0)
    data[:, 1] = np.maximum(data[:, 1], 1.0)
    spend = GammaGamma.from_params(p=3e7, q=8.0, gamma=4e-6)
    levels = np.array([0.1, 0.5, 0.8, 0.95, 0.99])
    actual = joint_quantiles(PURCHASES, spend, (data, 30.0, data), levels, given_any=given_any)
    pmf = PURCHASES.purchase_pmf(data, 30.0, 300)
    if given_any:
        pmf[:, 0] = 0.0
        pmf /= pmf.sum(axis=1, keepdims=True)
    counts = (np.cumsum(pmf, axis=1)[:, :, None] < levels).sum(axis=1)
    assert_allclose(actual, counts * prices[:, None], rtol=1e-3)


def test_the_rarest_spend_is_found():
    rows = np.array([[0.0, 0.0, 1e-3, 0.0]])  # a newcomer, of whom all is possible
    levels = 1.0 - np.array([1e-6, 1e-7, 1e-8])
    found = joint_quantiles(PURCHASES, SPEND, (rows, 2_000.0, rows), levels)[0]
    alone = [
        joint_quantiles(PURCHASES, SPEND, (rows, 2_000.0, rows), levels[[j]]) for j in range(3)
    ]
    assert_allclose(found, np.ravel(alone), rtol=1e-4)
    assert np.all(np.diff(np.log(found)) < 1.5)


@pytest.fixture(scope="module")
def log():
    return load_cdnow()


@pytest.fixture(scope="module")
def regressor(log):
    return BTYDRegressor(horizon="13W").fit(latest_histories(log, "1998-03-31"))


def test_intervals_of_the_regressor_cover_a_quarter_of_cdnow(regressor, log):
    X = latest_histories(log, "1998-03-31")
    interval = regressor.predict_interval(X, coverage=0.9)
    later = log[log["date"] > "1998-03-31"].groupby("customer_id")["amount"].sum()
    spent = later.reindex(X.index.get_level_values(0), fill_value=0.0).to_numpy()
    inside = (interval["lower"] <= spent) & (spent <= interval["upper"])
    assert inside.mean() >= 0.88
    assert interval.index.equals(X.index)


def test_interval_is_two_quantiles(regressor, log):
    X = latest_histories(log, "1998-03-31").head(50)
    quantiles = regressor.predict_quantiles(X, [0.05, 0.5, 0.95])
    assert list(quantiles.columns) == [0.05, 0.5, 0.95]
    assert np.all(np.diff(quantiles, axis=1) >= 0)
    interval = regressor.predict_interval(X, coverage=0.9)
    assert_allclose(interval, quantiles[[0.05, 0.95]])


def test_unknown_parameters_widen(log):
    some = latest_histories(log, "1998-03-31").sample(300, random_state=0)
    fitted = BTYDRegressor(horizon="13W").fit(some)
    known = BTYDRegressor(horizon="13W").fit(some)
    for model in (known.purchase_model_, known.spend_model_):
        del model.covariance_
    widths = [m.predict_interval(some)["upper"].mean() for m in (fitted, known)]
    assert widths[0] > 1.005 * widths[1]


def test_refused(regressor, log):
    X = latest_histories(log, "1998-03-31").head(5)
    with pytest.raises(ArgumentError, match="must lie between 0 and 1"):
        regressor.predict_quantiles(X, [0.5, 1.0])


class OnlyExpectation(GammaGamma):
    """A spend model that does not tell how spend is distributed."""

    @property
    def posterior(self):
        raise AttributeError("posterior")


def test_without_a_distribution_there_are_no_quantiles(log):
    X = latest_histories(log, "1998-03-31")
    model = BTYDRegressor(horizon="13W", spend_model=OnlyExpectation()).fit(X)
    with pytest.raises(NoComponentsError, match="tells what is expected and not how it"):
        model.predict_interval(X)


def test_covariates_come_from_the_columns_beside_the_history(log):
    X = latest_histories(log, "1998-03-31")
    customers = pd.Series(X.index.get_level_values(0), index=X.index)
    X = X.assign(odd=(customers % 2).astype(float), shop=np.where(customers % 3, "a", "b"))
    model = BTYDRegressor(
        BetaGeoNBD(covariates={"purchase": ["odd"], "dropout": ["shop"]}),
        GammaGamma(covariates=["shop"]),
        horizon="13W",
    ).fit(X)
    assert {"purchase.odd", "dropout_a.shop=b"} <= set(model.purchase_model_.params_)
    assert "spend.shop=b" in model.spend_model_.params_
    assert_allclose(model.predict(X.iloc[::-1])[::-1], model.predict(X), rtol=1e-12)
    assert np.isfinite(model.predict_interval(X.head(20))).all(axis=None)
