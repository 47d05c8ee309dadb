import mpmath as mp
import numpy as np
import pytest

from clvkit.btyd._renewal_likelihood import (
    draw_renewals,
    log_keep,
    log_keep_slopes,
    row_derivatives,
)
from clvkit.btyd._tenures import Tenures

PARAMS = [
    {"alpha": 0.7, "beta": 1.2},
    {"alpha": 0.05, "beta": 0.03, "c": 1.0},
    {"alpha": 0.21, "beta": 1.43, "c": 1.72},
    {"alpha": 3.0, "beta": 40.0, "c": 0.4},
    {"alpha": 2e3, "beta": 3e4, "c": 1.1},
    {"alpha": 1e6, "beta": 9e6},
]
ROWS = Tenures(
    np.array([1.0, 1.0, 2.0, 7.0, 24.0, 24.0, 120.0, 9.0, 9.0]),
    np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]),
    np.array([0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 60.0, 8.0, 9.0]),
)


def exact_log_likelihood(log_params, tenure, churned, entry):
    alpha, beta, c = (mp.exp(value) for value in log_params)

    def survival(t):
        return mp.beta(alpha, beta + mp.mpf(t) ** c) / mp.beta(alpha, beta)

    chance = survival(tenure - 1) - survival(tenure) if churned else survival(tenure)
    return mp.log(chance / survival(entry))


def log_params(params):
    return [mp.log(mp.mpf(params[name])) for name in ("alpha", "beta")] + [
        mp.log(mp.mpf(params.get("c", 1.0)))
    ]


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_likelihood_is_exact(params):
    got = row_derivatives(params, ROWS).value
    with mp.workdps(60):
        exact = [exact_log_likelihood(log_params(params), *row) for row in zip(*ROWS, strict=True)]
    np.testing.assert_allclose(got, np.array(exact, dtype=float), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("params", PARAMS[:4], ids=str)
@pytest.mark.parametrize("row", range(0, 9, 2))
def test_derivatives_are_exact(params, row):
    got = row_derivatives(params, ROWS.take([row]))
    values = [column[row] for column in ROWS]
    with mp.workdps(40):
        at = log_params(params)

        def function(*theta):
            return exact_log_likelihood(theta, *values)

        for i in range(3):
            order = [int(i == k) for k in range(3)]
            exact = float(mp.diff(function, at, tuple(order)))
            assert got.gradient[i, 0] == pytest.approx(exact, rel=1e-8, abs=1e-11)
            for j in range(3):
                second = [order[k] + int(j == k) for k in range(3)]
                exact = float(mp.diff(function, at, tuple(second)))
                # Terms of the size 1 / churn^2 cancel here (1 / churn above); steps need no more.
                assert got.hessian[i, j, 0] == pytest.approx(exact, rel=1e-6, abs=1e-10)


def test_a_lifetime_is_lost_at_some_renewal_or_goes_on():
    t = np.arange(1.0, 51.0)
    lost = Tenures(t, np.ones(50), np.zeros(50))
    params = {"alpha": 0.3, "beta": 2.0, "c": 1.4}
    chances = np.exp(row_derivatives(params, lost).value)
    goes_on = np.exp(log_keep(params, np.zeros(1), np.array([50.0])))
    assert chances.sum() + goes_on[0] == pytest.approx(1.0, abs=1e-12)


def test_slopes_of_a_share_are_those_of_its_logarithm():
    params = {"alpha": 0.3, "beta": 2.0, "c": 1.4}
    since, until = np.array([0.0, 3.0]), np.array([2.0, 11.0])
    slopes = log_keep_slopes(params, since, until)
    for row, name in enumerate(params):
        low, high = (params | {name: params[name] * np.exp(h)} for h in (-1e-5, 1e-5))
        difference = (log_keep(high, since, until) - log_keep(low, since, until)) / 2e-5
        np.testing.assert_allclose(slopes[row], difference, rtol=1e-7)


@pytest.mark.parametrize("c", [0.5, 1.0, 1.8])
def test_draws_have_the_distribution_they_should(c):
    params = {"alpha": 0.6, "beta": 1.5, "c": c}
    n = 200_000
    since, most = np.full(n, 3.0), np.full(n, 6.0)
    drawn = draw_renewals(params, since, most, np.random.default_rng(0))
    for k in range(1, 7):
        exact = np.exp(log_keep(params, np.array([3.0]), np.array([3.0 + k])))[0]
        assert (drawn >= k).mean() == pytest.approx(exact, abs=4.5 * np.sqrt(0.25 / n))
