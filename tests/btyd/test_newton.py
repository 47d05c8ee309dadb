import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd._newton import Derivatives, maximize


def bowl(x):
    """-(x0 - 1)^4 - (x1 + 2)^2, whose Hessian vanishes at the top in one direction."""
    u, v = x - [1.0, -2.0]
    return Derivatives(-(u**4) - v**2, np.array([-4 * u**3, -2 * v]), np.diag([-12 * u**2, -2.0]))


def hill(x):
    """A normal density: convex away from the top, where plain Newton runs off."""
    value = np.exp(-0.5 * x @ x)
    return Derivatives(value, -x * value, (np.outer(x, x) - np.eye(len(x))) * value)


def slope(x):
    """Rising for ever: -exp(-x)."""
    return Derivatives(-np.exp(-x[0]), np.exp(-x), -np.diag(np.exp(-x)))


def climb(objective, start, **options):
    settings = {"n": 1.0, "tol": 1e-10, "max_iter": 200, **options}
    return maximize(objective, np.array(start, dtype=float), **settings)


def test_degenerate_top():
    end = climb(bowl, [5.0, 5.0])
    assert end.converged
    assert_allclose(end.log_params, [1.0, -2.0], atol=1e-3)


def test_wrong_curvature_at_the_start():
    end = climb(hill, [2.5, -3.0])
    assert end.converged
    assert_allclose(end.log_params, 0.0, atol=1e-9)


def test_ridge_ends_where_the_slope_is_nothing():
    end = climb(slope, [0.0], tol=1e-4)
    assert end.converged
    assert 9.0 < end.log_params[0] < 12.0


def test_ridge_ends_at_the_farthest_that_is_allowed():
    end = climb(slope, [0.0], tol=1e-300)
    assert end.converged
    assert end.log_params[0] == 16.0


def test_lower_bound():
    end = climb(bowl, [5.0, 5.0], lower=np.array([2.0, -np.inf]))
    assert end.converged
    assert_allclose(end.log_params, [2.0, -2.0])


def test_too_few_iterations():
    end = climb(bowl, [5.0, 5.0], max_iter=1)
    assert not end.converged
    assert end.n_iter == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_stops_where_every_step_is_worthless(value):
    def cliff(x):
        here = bowl(x)
        return here if x[0] == 5.0 else here._replace(value=value)

    end = climb(cliff, [5.0, 5.0])
    assert not end.converged
    assert end.log_params[0] == 5.0
