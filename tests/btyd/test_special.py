import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd._special import (
    fine_log_survival,
    log1p_exp,
    log_rising,
    log_survival,
    rising_slopes,
)


@pytest.mark.parametrize("z", [1e-8, 0.24, 1.0, 37.5, 999.0, 1001.0, 1e7, 1e12])
@pytest.mark.parametrize("n", [0, 1, 7, 3000])
def test_log_rising_against_mpmath(z, n):
    with mpmath.workdps(50):
        exact = float(mpmath.loggamma(mpmath.mpf(z) + n) - mpmath.loggamma(z))
    assert float(log_rising(z, n)) == pytest.approx(exact, rel=1e-13, abs=2e-12)


@pytest.mark.parametrize("z", [0.24, 5.0, 2_000.0])
def test_slopes_against_mpmath(z):
    counts = np.array([0.0, 1.0, 40.0])
    first, second = rising_slopes(z, counts)
    with mpmath.workdps(40):
        exact = [
            [mpmath.psi(order, mpmath.mpf(z) + n) - mpmath.psi(order, z) for n in counts]
            for order in (0, 1)
        ]
    assert_allclose(first, np.array(exact[0], dtype=float), rtol=1e-12, atol=1e-14)
    assert_allclose(second, np.array(exact[1], dtype=float), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("z", [999.0, 1001.0, 3e4, 1e7, 1e12])
def test_slopes_of_large_arguments_keep_their_digits(z):
    """Differences of digamma functions would lose them."""
    counts = np.array([0.0, 1.0, 40.0, 3000.0])
    with mpmath.workdps(60):
        exact = [
            [mpmath.psi(order, mpmath.mpf(z) + n) - mpmath.psi(order, z) for n in counts]
            for order in (0, 1)
        ]
    bound = 1e-9 if z < 1e3 else 1e-12
    for argument in (z, np.full(4, z)):
        for slope, values in zip(rising_slopes(argument, counts), exact, strict=True):
            assert_allclose(slope, np.array(values, dtype=float), rtol=bound, atol=1e-300)


@pytest.mark.parametrize("z", [1e-3, 2.78, 500.0, 1e8])
@pytest.mark.parametrize("c", [1e-6, 0.66, 40.0, 1e6])
@pytest.mark.parametrize("n", [0, 1, 52, 20_000])
def test_log_survival_against_mpmath(z, c, n):
    with mpmath.workdps(60):
        exact = float(mpmath.log(mpmath.beta(mpmath.mpf(z) + n, c) / mpmath.beta(z, c)))
    assert float(log_survival(z, c, n)) == pytest.approx(exact, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("z", [1e-6, 0.03, 1.0, 57.4, 119.0, 5e3])
@pytest.mark.parametrize("c", [1e-4, 0.05, 3.8, 1e3])
@pytest.mark.parametrize("n", [1e-3, 1.0, 17.5, 300.0])
def test_small_risks_keep_their_digits(z, c, n):
    with mpmath.workdps(50):
        z_, c_, n_ = (mpmath.mpf(one) for one in (z, c, n))
        exact = mpmath.loggamma(z_ + n_) + mpmath.loggamma(z_ + c_)
        exact -= mpmath.loggamma(z_) + mpmath.loggamma(z_ + c_ + n_)
    assert float(fine_log_survival(z, c, n)) == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize("odds", [-1e5, -700.0, -30.0, -1e-9, 0.0, 0.3, 40.0, 700.0, 1e5])
def test_log1p_exp_against_mpmath(odds):
    with mpmath.workdps(60):
        power = mpmath.exp(odds)
        exact = [float(v) for v in (mpmath.log1p(power), power / (1 + power), 1 / (1 + power))]
    found = [part[0] for part in log1p_exp(np.array([odds]))]
    assert_allclose(found, exact, rtol=1e-14, atol=1e-300)


def test_nobody_is_dead_at_odds_of_nothing():
    value, chance, against = log1p_exp(np.array([-np.inf]))
    assert (value[0], chance[0], against[0]) == (0.0, 0.0, 1.0)
