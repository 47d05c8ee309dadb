"""The CRPS of quantiles is that of the distribution, as far as a grid can tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.levels import LEVELS, WIDTHS, crps, pinball, score_distribution


def test_every_level_stands_for_its_share():
    assert WIDTHS.sum() == pytest.approx(1.0)
    assert (WIDTHS > 0).all()
    assert {0.05, 0.1, 0.9, 0.95} < set(LEVELS)  # the ends of the intervals that are scored


def test_the_pinball_loss_is_that_of_its_definition():
    y, quantiles = np.array([3.0, 1.0]), np.array([[2.0, 4.0], [2.0, 4.0]])
    assert pinball(y, quantiles, np.array([0.1, 0.9])) == pytest.approx(
        np.array([[0.1, 0.1], [0.9, 0.3]])
    )


def test_a_point_has_the_crps_of_its_absolute_error():
    y = np.array([0.0, 3.0, 10.0])
    same = np.full((3, len(LEVELS)), 4.0)
    # The mean of the levels, by their widths, is not quite a half.
    above = 2 * (WIDTHS * np.array(LEVELS)).sum()
    assert crps(y, same) == pytest.approx(np.where(y > 4, above, 2 - above) * np.abs(y - 4))
    assert above == pytest.approx(1.0, abs=0.02)


def test_a_normal_law_has_nearly_its_crps():
    """Gneiting and Raftery (2007), eq. 21: of N(0, 1) at y."""
    y = np.linspace(-3, 3, 13)
    quantiles = np.broadcast_to(norm.ppf(LEVELS), (13, len(LEVELS)))
    exact = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert crps(y, quantiles) == pytest.approx(exact, rel=0.03)


def test_a_lower_end_that_is_nearly_0_holds_who_spends_nothing():
    y = np.array([0.0, 0.0, 0.0, 40.0])
    quantiles = np.tile(np.linspace(3e-8, 50.0, len(LEVELS)), (4, 1))
    assert score_distribution(y, quantiles)["coverage_90"] == 1.0
    assert score_distribution(y, quantiles + 0.01)["coverage_90"] == 0.25


def test_what_is_compared_with_the_same_for_everybody():
    rng = np.random.default_rng(0)
    mean = rng.gamma(0.5, 40.0, 4000)
    y = rng.exponential(mean)
    exact = -mean[:, None] * np.log1p(-np.array(LEVELS))
    right, constant = score_distribution(y, exact), np.tile(np.quantile(y, LEVELS), (4000, 1))
    assert right["crps_skill"] > 0.3
    assert right["pinball_90"] < 0.8
    assert right["coverage_80"] == pytest.approx(0.8, abs=0.02)
    assert right["coverage_90"] == pytest.approx(0.9, abs=0.02)
    same = score_distribution(y, constant)
    assert same["crps_skill"] == pytest.approx(0.0)
    assert same["pinball_90"] == pytest.approx(1.0)
    assert score_distribution(y, 3 * exact)["crps_skill"] < right["crps_skill"]
