"""The Pareto/NBD likelihood and what follows from it, against integrals with many digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from benchmarks.oracles.pareto_nbd import log_likelihood, odds_of_death, purchases_if_alive
from benchmarks.oracles.strata import PARETO_STRATA, draw_pareto, uniform
from clvkit.btyd import ParetoNBD
from clvkit.btyd._pareto import LikelihoodSum, row_derivatives
from clvkit.btyd._summary import Rows

CDNOW = {"r": 0.5532770, "alpha": 10.5776834, "s": 0.6062400, "beta": 11.6687353}


@pytest.fixture
def model():
    return ParetoNBD.from_params(**CDNOW)


def made_of(values):
    return ParetoNBD.from_params(**dict(zip(CDNOW, values, strict=True)))


def one_row(row):
    return Rows(*(np.array([value], dtype=float) for value in row))


#: (r, alpha, s, beta), (x, t_x, T), horizon
HARD_CASES = {
    "ordinary": ((0.553, 10.58, 0.606, 11.67), (2, 30.43, 38.86), 39),
    "s of 1": ((0.553, 10.58, 1.0, 11.67), (2, 30.43, 38.86), 39),
    "s almost 1": ((0.553, 10.58, 1 + 1e-9, 11.67), (2, 30.43, 38.86), 39),
    "alpha is beta": ((0.553, 10.58, 0.606, 10.58), (2, 30.43, 38.86), 39),
    "alpha almost beta": ((0.553, 10.58, 0.606, 10.58 * (1 + 1e-10)), (2, 30.43, 38.86), 39),
    "heavy buyer": ((0.553, 10.58, 0.606, 11.67), (3000, 1094, 1095), 365),
    "heavy buyer, alpha below beta": ((0.553, 0.6, 0.606, 900.0), (3000, 300, 1095), 365),
    "long silence": ((0.55339714, 10.58019854, 0.6060625, 11.65622367), (300, 300, 365), 52),
    "small shapes": ((1e-4, 10.58, 1e-3, 0.2), (1, 5, 9), 52),
    "nearly no dropout": ((0.553, 10.58, 1e-9, 1e6), (2, 30.43, 38.86), 39),
    "same dropout for all": ((0.553, 10.58, 1e7, 1e9), (2, 30.43, 38.86), 39),
    "long observation": ((0.553, 10.58, 0.606, 11.67), (10, 2e5, 1e6), 1e5),
}


@pytest.mark.parametrize(("params", "row", "horizon"), HARD_CASES.values(), ids=HARD_CASES)
def test_against_mpmath(params, row, horizon):
    model = made_of(params)
    with mpmath.workdps(60):
        exact = [mpmath.mpf(value) for value in params]
        x, t_x, T = (mpmath.mpf(value) for value in row)
        alive = 1 / (1 + odds_of_death(*exact, x, t_x, T))
        expected = alive * purchases_if_alive(*exact, x, T, mpmath.mpf(horizon))
        likelihood = log_likelihood(*exact, x, t_x, T)
    actual = model.log_likelihood([row])[0]
    assert actual == pytest.approx(float(likelihood), rel=1e-11, abs=1e-11)
    # Relative, though it be 1e-500 otherwise: a log-odds of n loses about n times the rounding.
    assert model.probability_alive([row])[0] == pytest.approx(float(alive), rel=1e-11)
    assert model.expected_purchases([row], horizon)[0] == pytest.approx(float(expected), rel=1e-11)


def check_stratum(name, n):
    rng = np.random.default_rng(PARETO_STRATA.index(name))
    for _ in range(n):
        params, row = draw_pareto(name, rng)
        with mpmath.workdps(40):
            exact = float(log_likelihood(*map(mpmath.mpf, (*params, *row))))
        actual = made_of(params).log_likelihood([row])[0]
        assert actual == pytest.approx(exact, rel=1e-11, abs=1e-11), (params, row)


@pytest.mark.parametrize("name", PARETO_STRATA)
def test_likelihood_over_strata(name):
    check_stratum(name, 2)


@pytest.mark.long
@pytest.mark.parametrize("name", PARETO_STRATA)
def test_likelihood_over_strata_at_length(name):
    check_stratum(name, 100)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] * (name not in ("ordinary", "small shapes")))
        for name in PARETO_STRATA
    ],
)
def test_derivatives_over_strata(name):
    """Against differences of the exact likelihood, with more digits than they lose."""
    params, row = draw_pareto(name, np.random.default_rng(10 + PARETO_STRATA.index(name)))
    with mpmath.workdps(40):
        step = mpmath.mpf(10) ** -10

        def value(*moves):
            theta = [mpmath.mpf(p) for p in params]
            for j, by in moves:
                theta[j] *= mpmath.exp(by * step)
            return log_likelihood(*theta, *map(mpmath.mpf, row))

        here = value()
        up, down = ([value((j, by)) for j in range(4)] for by in (1, -1))
        gradient = np.array([float((up[j] - down[j]) / (2 * step)) for j in range(4)])
        hessian = np.empty((4, 4))
        for i in range(4):
            hessian[i, i] = float((up[i] - 2 * here + down[i]) / step**2)
            for j in range(i):
                both = value((i, 1), (j, 1)) + value((i, -1), (j, -1))
                mixed = (both - up[i] - down[i] - up[j] - down[j] + 2 * here) / (2 * step**2)
                hessian[i, j] = hessian[j, i] = float(mixed)
    found = row_derivatives(dict(zip(CDNOW, params, strict=True)), one_row(row))
    assert_allclose(found.gradient[:, 0], gradient, rtol=1e-9, atol=1e-10 * np.abs(gradient).max())
    assert_allclose(found.hessian[..., 0], hessian, rtol=1e-7, atol=1e-9 * np.abs(hessian).max())


def test_sum_over_rows_is_that_of_the_rows(model):
    """With thousands of rows and few, which may use other rules."""
    summary = model.simulate_summary(np.linspace(0, 80, 20_000), 0)
    rows, weights = Rows(*summary.T.copy()), np.linspace(0.5, 2.0, 20_000)
    together = LikelihoodSum(rows, weights)(np.log(list(CDNOW.values())))
    by_row = row_derivatives(CDNOW, rows).sum(weights)
    assert_allclose(together.value, by_row.value, rtol=1e-12)
    assert_allclose(together.value, weights @ model.log_likelihood(summary), rtol=1e-12)
    assert_allclose(together.gradient, by_row.gradient, rtol=1e-9)
    assert_allclose(together.hessian, by_row.hessian, rtol=1e-9)
    alone = [row_derivatives(CDNOW, rows.take(slice(i, i + 1))) for i in range(0, 20_000, 997)]
    for i, derivative in zip(range(0, 20_000, 997), alone, strict=True):
        whole = row_derivatives(CDNOW, rows.take(slice(i, i + 5_000)))
        assert_allclose(derivative.hessian[..., 0], whole.hessian[..., 0], rtol=1e-8, atol=1e-12)


def test_expected_purchases_over_strata():
    rng = np.random.default_rng(0)
    for _ in range(300):
        params, row = draw_pareto("wild", rng)
        horizon = uniform(rng, -2, 5)
        with mpmath.workdps(60):
            exact = purchases_if_alive(*map(mpmath.mpf, (*params, row[0], row[2], horizon)))
        actual = made_of(params)._purchases_if_alive(one_row(row), np.array([horizon]))[0]
        assert actual == pytest.approx(float(exact), rel=1e-11), (params, row, horizon)


@pytest.mark.parametrize("s", [0.01, 0.606, 1.0, 20.0])
@pytest.mark.parametrize("rate", [0.01, 0.15, 3.0])
def test_residual_lifetime_against_mpmath(s, rate):
    """Fader, Hardie and Lee (2005, RFM and CLV) by the exponential integral E_s."""
    model = ParetoNBD.from_params(**{**CDNOW, "s": s})
    with mpmath.workdps(40):
        A, B = CDNOW["alpha"] + 38.86, CDNOW["beta"] + mpmath.mpf(38.86)
        z = mpmath.log1p(rate) / 52 * B
        exact = (CDNOW["r"] + 2) / A * B * mpmath.exp(z) * mpmath.expint(s, z)
    row = [[2, 30.43, 38.86]]
    actual = model.expected_discounted_purchases(row, rate)[0] / model.probability_alive(row)[0]
    assert actual == pytest.approx(float(exact), rel=1e-12)


def exact_pmf(params, row, horizon, k):
    r, alpha, s, beta = map(mpmath.mpf, params)
    x, _, T = map(mpmath.mpf, row)
    R, A, B, horizon = r + x, alpha + T, beta + T, mpmath.mpf(horizon)

    def bought(t):
        return mpmath.binomial(R + k - 1, k) * (A / (A + t)) ** R * (t / (A + t)) ** k

    def dies(length):
        c = min(A, B)
        t = c * mpmath.expm1(length)
        return bought(t) * s * (B / (B + t)) ** s / (B + t) * (c + t)

    cuts = mpmath.linspace(0, mpmath.log1p(horizon / min(A, B)), 40)
    return bought(horizon) * (B / (B + horizon)) ** s + mpmath.quad(dies, cuts)


@pytest.mark.parametrize("k", [0, 1, 7, 60])
@pytest.mark.parametrize("name", ["ordinary", "s of 1", "heavy buyer", "small shapes"])
def test_pmf_against_mpmath(name, k):
    params, row, horizon = HARD_CASES[name]
    with mpmath.workdps(30):
        exact = float(exact_pmf(params, row, horizon, k))
    pmf = made_of(params)._pmf_if_alive(one_row(row), np.array([float(horizon)]), 60)[0]
    assert pmf[k] == pytest.approx(exact, rel=1e-9, abs=1e-14)


positive = st.floats(-4, 5).map(lambda exponent: 10.0**exponent)
rows = st.tuples(
    st.integers(0, 3000), st.floats(0.001, 1), st.floats(0.01, 5000), st.floats(0, 1e5)
)


@given(params=st.tuples(positive, positive, positive, positive), row=rows)
def test_finite_and_bounded(params, row):
    x, share, T, horizon = row
    summary = [[x, share * T if x else 0.0, T]]
    model = made_of(params)
    alive, later = (model.probability_alive(summary, ahead=h)[0] for h in (0.0, horizon))
    active = model.probability_active(summary, horizon)[0]
    expected = model.expected_purchases(summary, horizon)[0]
    pmf = model.purchase_pmf(summary, horizon, 20)[0]
    assert np.isfinite(model.log_likelihood(summary)[0])
    assert 0 <= later <= alive + 1e-12 <= 1 + 2e-12
    assert 0 <= active <= alive + 1e-12
    assert active <= expected * (1 + 1e-9) + 1e-300
    assert expected <= (params[0] + x) / (params[1] + T) * horizon * (1 + 1e-9)
    assert np.all(pmf >= 0)
    assert pmf.sum() <= 1 + 1e-9
    assert np.isfinite(model.expected_discounted_purchases(summary, 0.1)[0])
