import numpy as np
import pytest

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._row_algebra import added, choose, divided, given_any, log_of_rest, moved_parameter


def first(x, y):
    """Return -x^2 y - 1 with its derivatives, as one row."""
    return RowDerivatives(
        np.array([-x * x * y - 1.0]),
        np.array([[-2 * x * y], [-x * x]]),
        np.array([[[-2 * y], [-2 * x]], [[-2 * x], [0.0]]]),
    )


def second(x, y):
    """Return -x - y^3 - 2 with its derivatives."""
    return RowDerivatives(
        np.array([-x - y**3 - 2.0]),
        np.array([[-1.0], [-3 * y * y]]),
        np.array([[[0.0], [0.0]], [[0.0], [-6 * y]]]),
    )


def moved(x, y):
    """Substitute y = log(e^y + 2) in the first."""
    share = np.exp(y) / (np.exp(y) + 2.0)
    return moved_parameter(first(x, np.log(np.exp(y) + 2.0)), 1, np.array([share]))


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (lambda x, y: divided(first(x, y), second(x, y)), None),
        (
            lambda x, y: added(first(x, y), second(x, y)),
            lambda f, s: np.log(np.exp(f) + np.exp(s)),
        ),
        (lambda x, y: log_of_rest(first(x, y)), lambda f, s: np.log(1.0 - np.exp(f))),
        (
            lambda x, y: given_any(first(x, y), second(x, y), np.array([True])),
            lambda f, s: f - np.log(1.0 - np.exp(s)),
        ),
        (moved, None),
    ],
    ids=["ratio", "sum", "rest", "given any", "moved"],
)
def test_against_differences(function, value):
    x, y, h = 0.7, 0.4, 1e-6
    got = function(x, y)
    if value is not None:
        exact = value(first(x, y).value, second(x, y).value)
        np.testing.assert_allclose(got.value, exact, rtol=1e-14)
    for j, step in enumerate(([h, 0.0], [0.0, h])):
        high, low = function(x + step[0], y + step[1]), function(x - step[0], y - step[1])
        np.testing.assert_allclose(got.gradient[j], (high.value - low.value) / (2 * h), rtol=1e-7)
        np.testing.assert_allclose(
            got.hessian[j], (high.gradient - low.gradient) / (2 * h), rtol=1e-7, atol=1e-8
        )


def test_rows_are_chosen():
    one, other = first(0.5, 0.5), second(0.5, 0.5)
    for mask, chosen in ((True, one), (False, other)):
        for left, right in zip(choose(np.array([mask]), one, other), chosen, strict=True):
            np.testing.assert_array_equal(left, right)


def test_what_is_certain_has_no_infinite_slope():
    certain = RowDerivatives(np.zeros(1), np.ones((2, 1)), np.ones((2, 2, 1)))
    rest = log_of_rest(certain)
    assert all(np.isfinite(part).all() for part in rest)
