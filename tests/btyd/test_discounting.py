import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd._discounting import discounted
from clvkit.btyd._summary import newcomers

FOREVER = np.array([np.finfo(float).max])


def saturating(rows, horizon):
    """Purchases at a rate of exp(-s / 5)."""
    return 5.0 * -np.expm1(-horizon / 5.0)


def power(rows, horizon):
    """Purchases at a rate of 1 / (1 + s): no finite number in a lifetime."""
    return np.log1p(horizon)


@pytest.mark.parametrize("rate", [1e-4, 0.003, 0.1, 3.0])
@pytest.mark.parametrize("scale", [0.5, 5.0, 50.0])
def test_exponential_rate(rate, scale):
    actual = discounted(saturating, newcomers(1), FOREVER, rate=rate, scale=np.array([scale]))
    assert_allclose(actual, 1.0 / (rate + 0.2), rtol=1e-8)


@pytest.mark.parametrize("horizon", [0.0, 1.0, 40.0])
def test_horizon_cuts(horizon):
    rate, lengths = 0.05, np.array([horizon])
    actual = discounted(saturating, newcomers(1), lengths, rate=rate, scale=np.array([5.0]))
    assert_allclose(actual, -np.expm1(-(rate + 0.2) * horizon) / (rate + 0.2), rtol=1e-10)


def test_slowly_falling_rate():
    """The integral of exp(-d s) / (1 + s) is e^d E1(d)."""
    from scipy.special import exp1

    rate = np.log1p(0.1) / 52
    actual = discounted(power, newcomers(1), FOREVER, rate=rate, scale=np.array([1.0]))
    assert_allclose(actual, np.exp(rate) * exp1(rate), rtol=1e-9)


def test_no_discount():
    lengths = np.array([7.0])
    actual = discounted(saturating, newcomers(1), lengths, rate=0.0, scale=np.array([1.0]))
    assert_allclose(actual, saturating(None, lengths))
