import numpy as np
from numpy.testing import assert_allclose

from clvkit.btyd import BetaGeoNBD
from clvkit.btyd._uncertainty import drawn_models, models_around

TRUTH = BetaGeoNBD.from_params(r=0.6, alpha=5.0, a=0.8, b=2.5)


def draw(n, seed=0):
    return TRUTH.simulate_summary(np.random.default_rng(seed).uniform(20, 70, n), seed)


def test_points_around_have_the_mean_and_covariance_of_the_estimates():
    model = BetaGeoNBD().fit(draw(2_000))
    logs = np.log([list(other.params_.values()) for other in models_around(model)])
    assert len(logs) == 8
    assert_allclose(logs.mean(axis=0), np.log(list(model.params_.values())))
    assert_allclose(np.cov(logs.T, bias=True), model.covariance_, rtol=1e-9, atol=1e-12)


def test_drawn_models_have_it_too():
    model = BetaGeoNBD().fit(draw(2_000))
    drawn = drawn_models(model, 4_000, np.random.default_rng(0))
    logs = np.log([list(other.params_.values()) for other in drawn])
    whitened = np.linalg.solve(np.linalg.cholesky(model.covariance_), logs.T)
    assert_allclose(np.cov(whitened), np.eye(4), atol=0.1)


def test_interval_of_the_expectation_is_that_of_the_delta_method():
    data = draw(20_000)
    model, some = BetaGeoNBD().fit(data), data[:200]
    actual = model.expected_purchases_interval(some, 20.0, coverage=0.9)
    slopes = []
    for name, value in model.params_.items():
        up, down = (
            BetaGeoNBD.from_params(**model.params_ | {name: value * np.exp(h)}).expected_purchases(
                some, 20.0
            )
            for h in (1e-5, -1e-5)
        )
        slopes.append((np.log(up) - np.log(down)) / 2e-5)
    slopes = np.array(slopes)
    sd = np.sqrt(np.einsum("in,ij,jn->n", slopes, model.covariance_, slopes))
    assert_allclose(np.log(actual[:, 1] / actual[:, 0]), 2 * 1.6448536 * sd, rtol=0.02)


def test_expectation_of_known_parameters_is_certain():
    some = draw(50)
    interval = TRUTH.expected_purchases_interval(some, 10.0)
    assert_allclose(interval, TRUTH.expected_purchases(some, 10.0)[:, None] * np.ones(2))


def test_quantiles_of_known_parameters_are_those_of_the_pmf():
    some = draw(300)
    lower, upper = TRUTH.purchases_interval(some, 30.0, coverage=0.8).T
    cdf = np.cumsum(TRUTH.purchase_pmf(some, 30.0, 400), axis=1)
    assert np.all(np.take_along_axis(cdf, upper[:, None].astype(int), 1) >= 0.9 - 1e-12)
    below = np.take_along_axis(cdf, np.maximum(upper - 1, 0)[:, None].astype(int), 1)[:, 0]
    assert np.all((below < 0.9) | (upper == 0))
    below = np.take_along_axis(cdf, np.maximum(lower - 1, 0)[:, None].astype(int), 1)[:, 0]
    assert np.all((below < 0.1) | (lower == 0))


def test_a_heavy_buyer_has_a_wide_interval_and_does_not_change_the_others():
    some = np.vstack([draw(20), [[3_000.0, 69.9, 70.0]]])
    lower, upper = TRUTH.purchases_interval(some, 70.0).T
    assert 100 < lower[-1] < 1_000 < 2_500 < upper[-1] < 4_000
    cdf = TRUTH.purchase_pmf(some[-1:], 70.0, 4_000).cumsum()
    assert cdf[int(upper[-1]) - 1] < 0.95 <= cdf[int(upper[-1])]
    alone = TRUTH.purchases_interval(some[:1], 70.0)
    assert_allclose(TRUTH.purchases_interval(some, 70.0)[:1], alone)


def test_intervals_cover():
    """New purchases of 5,000 simulated customers, parameters estimated from 500 of them."""
    data = draw(5_000)
    model = BetaGeoNBD().fit(data[:500])
    bought = TRUTH.simulate(data, 30.0, random_state=1)
    lower, upper = model.purchases_interval(data, 30.0, coverage=0.9).T
    assert np.mean((lower <= bought) & (bought <= upper)) >= 0.89


def test_shorter_histories_make_the_expectation_less_certain():
    few, many = BetaGeoNBD().fit(draw(300)), BetaGeoNBD().fit(draw(30_000))
    some = draw(100)
    widths = [
        np.diff(np.log(m.expected_purchases_interval(some, 20.0))).mean() for m in (few, many)
    ]
    assert widths[0] > 5 * widths[1]


def test_with_covariates():
    noise = np.random.default_rng(3).normal(size=(1_000, 1))
    data = np.hstack([draw(1_000), np.ones((1_000, 1)), noise])
    model = BetaGeoNBD(covariates={"purchase": ["noise"]}).fit(data)
    lower, upper = model.purchases_interval(data, 20.0).T
    assert np.all(lower <= upper)
    inner = model.expected_purchases_interval(data, 20.0)
    expected = model.expected_purchases(data, 20.0)
    assert np.all((inner[:, 0] <= expected * 1.001) & (expected <= inner[:, 1] * 1.001))


def test_a_flat_likelihood_leaves_finite_intervals():
    """An error of e^1000 is more than floats hold; what is expected then is still a number."""
    model = BetaGeoNBD.from_params(**TRUTH.params_)
    model.covariance_ = np.diag([0.01, 0.01, 1e6, 1e6])
    rows = np.array([[0.0, 0.0, 30.0], [3.0, 10.0, 30.0]])
    for method in (model.expected_purchases_interval, model.purchases_interval):
        ends = method(rows, 39.0)
        assert np.isfinite(ends).all()
        assert np.all(ends[:, 0] <= ends[:, 1])


def test_nothing_is_expected_of_an_empty_horizon():
    model = BetaGeoNBD.from_params(**TRUTH.params_)
    assert np.all(model.expected_purchases_interval([[3.0, 10.0, 30.0]], 0.0) == 0.0)
