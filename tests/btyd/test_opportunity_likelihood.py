"""The BG/BB likelihood and what follows from it, against sums with many digits."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmarks.oracles.beta_geo_beta_binom import first_purchase, presence, terms
from clvkit.btyd import BetaGeoBetaBinom

DONORS = {"alpha": 1.2035224, "beta": 0.7497164, "gamma": 0.6567182, "delta": 2.7834422}


@pytest.fixture
def model():
    return BetaGeoBetaBinom.from_params(**DONORS)


TYPICAL = (1.2, 0.75, 0.66, 2.78)
#: (alpha, beta, gamma, delta), (x, t_x, n), horizon
HARD_CASES = {
    "ordinary": (TYPICAL, (2, 4, 6), 5),
    "no opportunity yet": (TYPICAL, (0, 0, 0), 3),
    "gamma of 1": ((1.2, 0.75, 1.0, 2.78), (1, 2, 9), 30),
    "bought always": (TYPICAL, (300, 300, 300), 52),
    "bought never": (TYPICAL, (0, 0, 300), 52),
    "silence": (TYPICAL, (4, 7, 20), 13),
    "long silence": (TYPICAL, (40, 60, 400), 52),
    "small shapes": ((1e-4, 1e-3, 1e-3, 1e-4), (2, 5, 9), 20),
    "large shapes": ((3e3, 5e3, 2e3, 9e4), (30, 70, 90), 20),
    "all alike": ((3e8, 5e8, 2e7, 9e8), (30, 70, 90), 20),
    "next to no dropout": ((0.5, 2.0, 1e-9, 3.0), (5, 9, 50), 20),
    "near certain dropout": ((0.5, 2.0, 50.0, 1e-3), (5, 9, 50), 20),
    "small chance": ((0.02, 300.0, 0.3, 4.0), (1, 40, 300), 100),
    "horizon at which summing ends": (TYPICAL, (2, 4, 6), 256),
    "horizon beyond it": (TYPICAL, (2, 4, 6), 257),
    "a thousand opportunities": ((1.2, 0.75, 0.02, 2.78), (2, 4, 6), 1000),
    "a thousand without memory": ((0.1, 9e3, 2e3, 2e6), (1, 5, 6), 1000),
}


@pytest.mark.parametrize(("params", "row", "horizon"), HARD_CASES.values(), ids=HARD_CASES)
def test_against_mpmath(params, row, horizon):
    model = BetaGeoBetaBinom.from_params(**dict(zip(DONORS, params, strict=True)))
    with mpmath.workdps(60):
        exact = [mpmath.mpf(value) for value in params]
        x, _, n = row
        alive, dead = terms(exact, row)
        likelihood = alive + mpmath.fsum(dead)
        there = [presence(exact, n, k) for k in range(1, horizon + 1)]
        mean = (exact[0] + x) / (exact[0] + exact[1] + n)
        expected = mean * mpmath.fsum(there) * alive / likelihood
        first = (first_purchase(exact, x, n, k) for k in range(1, horizon + 1))
        active = mpmath.fdot(there, first) * alive / likelihood
        values = [float(v) for v in (mpmath.log(likelihood), alive / likelihood, expected, active)]
    assert model.log_likelihood([row])[0] == pytest.approx(values[0], rel=1e-10, abs=1e-10)
    assert model.probability_alive([row])[0] == pytest.approx(values[1], rel=1e-9)
    assert model.expected_purchases([row], horizon)[0] == pytest.approx(values[2], rel=1e-9)
    assert model.probability_active([row], horizon)[0] == pytest.approx(values[3], rel=1e-9)


@pytest.mark.parametrize("params", [TYPICAL, (0.5, 9.0, 1e-3, 3.0), (2.0, 5.0, 30.0, 400.0)])
@pytest.mark.parametrize("horizon", [300, 10_000, 3_000_000])
def test_long_horizon_against_closed_form(params, horizon):
    model = BetaGeoBetaBinom.from_params(**dict(zip(DONORS, params, strict=True)))
    with mpmath.workdps(50):
        a, b, c, d = (mpmath.mpf(value) for value in params)
        rest = 1 - presence((a, b, c - 1, d + 1), 0, horizon)
        exact = float(a / (a + b) * d / (c - 1) * rest)
    assert model.expected_purchases_newcomer(horizon) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("annual", [1e-8, 1e-3, 0.1, 1.0, 50.0])
def test_residual_lifetime_against_closed_form(model, annual):
    """Fader, Hardie and Shang (2010): a hypergeometric series."""
    a, b, c, d = DONORS.values()
    row = (2, 4, 6)
    with mpmath.workdps(50):
        alive, dead = terms([mpmath.mpf(value) for value in DONORS.values()], row)
        series = mpmath.hyp2f1(1, d + 7, c + d + 7, 1 / (1 + mpmath.mpf(annual)))
        first = presence((a, b, mpmath.mpf(c), mpmath.mpf(d)), 6, 1) / (1 + annual)
        mean = (a + 2) / (a + b + 6)
        exact = float(alive / (alive + mpmath.fsum(dead)) * mean * first * series)
    actual = model.expected_discounted_purchases([row], annual)[0]
    assert actual == pytest.approx(exact, rel=1e-10)


def test_annual_rate_is_converted(model):
    """Of weekly opportunities there are 52 a year."""
    weekly = BetaGeoBetaBinom.from_params(**DONORS, time_unit="7D")
    actual = weekly.expected_discounted_purchases([[2, 4, 6]], 1.1**52 - 1.0)
    assert_allclose(actual, model.expected_discounted_purchases([[2, 4, 6]], 0.1), rtol=1e-10)


@pytest.mark.parametrize("case", ["ordinary", "silence", "small shapes", "all alike"])
def test_derivatives_against_mpmath(case):
    params, row, _ = HARD_CASES[case]
    model = BetaGeoBetaBinom.from_params(**dict(zip(DONORS, params, strict=True)))
    rows = model._rows([row])
    at = model._row_derivatives(model._params_with(()), rows)
    here = [mpmath.log(value) for value in params]

    def log_likelihood(*log_params):
        alive, dead = terms([mpmath.exp(value) for value in log_params], row)
        return mpmath.log(alive + mpmath.fsum(dead))

    unit = np.eye(4, dtype=int)
    with mpmath.workdps(40):
        gradient = [float(mpmath.diff(log_likelihood, here, tuple(e))) for e in unit.tolist()]
        bend = [
            [float(mpmath.diff(log_likelihood, here, tuple((e + f).tolist()))) for f in unit]
            for e in unit
        ]
    size = np.abs(gradient).max()
    assert_allclose(at.gradient[:, 0], gradient, rtol=1e-9, atol=1e-9 * size)
    assert_allclose(at.hessian[:, :, 0], bend, rtol=1e-8, atol=1e-8 * size)
