import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.calibration._level_error import SPREADS, level_nodes, spread_weights


def test_without_origins_the_prior_is_left():
    weights = spread_weights(np.empty(0), np.empty(0))
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] == pytest.approx(0.5)


def test_ratios_within_chance_leave_the_level_alone_and_others_do_not():
    errors = np.full(3, 0.02)
    right = spread_weights(np.array([0.01, -0.02, 0.01]), errors)
    wrong = spread_weights(np.array([0.2, -0.15, 0.1]), errors)
    assert right[0] > 0.9
    assert wrong[0] < 1e-6
    assert 0.1 < SPREADS @ wrong < 0.25


def test_windows_that_overlap_say_less():
    ratios, errors = np.full(3, 0.01), np.full(3, 0.02)
    assert spread_weights(ratios, errors, 0.5)[0] < spread_weights(ratios, errors)[0]


def test_nodes_have_the_quantiles_of_the_mixture():
    weights = spread_weights(np.array([0.1]), np.array([0.05]))
    nodes = np.log(level_nodes(weights, 999, error=0.03))
    rng = np.random.default_rng(0)
    drawn = rng.choice(SPREADS, 200_000, p=weights)
    drawn = rng.normal(0.0, np.hypot(drawn, 0.03))
    assert_allclose(nodes, -nodes[::-1], atol=1e-12)
    assert_allclose(np.quantile(nodes, [0.1, 0.9]), np.quantile(drawn, [0.1, 0.9]), rtol=0.03)


def test_a_level_that_is_known_is_one():
    weights = np.append(1.0, np.zeros(len(SPREADS) - 1))
    assert_allclose(level_nodes(weights, 7), 1.0)
