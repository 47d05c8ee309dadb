"""The law against SciPy, and the derivatives against differences of the loss."""

import numpy as np
import pytest
from scipy import stats

from clvkit.boosting import _ziln

RNG = np.random.default_rng(5)
RAW = np.asfortranarray(RNG.normal(size=(200, 3)))
SPENDS = RNG.random(200) < 0.4
LOG_SPEND = np.where(SPENDS, RNG.normal(size=200), 0.0)
WEIGHT = RNG.gamma(2, size=200)


def total_loss(raw):
    _, mean, higher_is_better = _ziln.loss(LOG_SPEND, SPENDS, WEIGHT)(raw, None)
    assert not higher_is_better
    return mean * WEIGHT.sum()


def test_the_loss_is_the_negative_log_likelihood_of_the_law():
    p, mu, sigma = _ziln.law_of(RAW)
    density = p * stats.norm(mu, sigma).pdf(LOG_SPEND) * np.sqrt(2 * np.pi)
    expected = -WEIGHT @ np.log(np.where(SPENDS, density, 1 - p))
    assert total_loss(RAW) == pytest.approx(expected)


def test_gradients_are_the_derivatives_of_the_loss():
    gradient, _ = _ziln.gradients(LOG_SPEND, SPENDS, WEIGHT)(RAW, None)
    step = 1e-6
    for row, output in [(0, 0), (7, 1), *((i, j) for i in range(20, 40) for j in range(3))]:
        change = np.zeros_like(RAW)
        change[row, output] = step
        difference = (total_loss(RAW + change) - total_loss(RAW - change)) / (2 * step)
        assert gradient[row, output] == pytest.approx(difference, abs=2e-5, rel=1e-5)


def test_hessians_are_the_expected_squares_of_the_gradients_and_positive():
    n = 400_000
    raw = np.tile(np.array([0.3, -0.2, 0.4]), (n, 1))
    p, mu, sigma = (values[0] for values in _ziln.law_of(raw))
    rng = np.random.default_rng(0)
    spends = rng.random(n) < p
    log_spend = np.where(spends, rng.normal(mu, sigma, n), 0.0)
    gradient, hessian = _ziln.gradients(log_spend, spends, np.ones(n))(raw, None)
    assert (hessian > 0).all()
    means = np.mean(gradient.astype(float) ** 2, axis=0), np.mean(hessian.astype(float), axis=0)
    np.testing.assert_allclose(*means, rtol=0.02)


def test_sigma_is_bounded():
    raw = np.array([[0.0, 0.0, -100.0], [0.0, 0.0, 100.0]])
    np.testing.assert_allclose(_ziln.law_of(raw)[2], np.exp(_ziln.LOG_SIGMA_RANGE))


def test_quantiles_invert_the_distribution_function():
    p, mu, sigma = _ziln.law_of(RAW)
    levels = np.array([0.05, 0.3, 0.7, 0.999])
    quantiles = _ziln.quantile(p, mu, sigma, levels)
    below = (
        1
        - p[:, None]
        + p[:, None] * stats.lognorm(sigma[:, None], 0, np.exp(mu)[:, None]).cdf(quantiles)
    )
    expected = np.maximum(np.broadcast_to(levels, below.shape), 1 - p[:, None])
    np.testing.assert_allclose(below, expected, rtol=1e-9)
    assert (quantiles[levels <= 1 - p[:, None]] == 0).all()
