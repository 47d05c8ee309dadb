import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from clvkit.btyd._quadrature import beta_expectation, gauss_jacobi, logit_trapezoid

SHAPES = {
    "ordinary": (0.79, 2.43),
    "sum of 1": (0.25, 0.75),
    "sum of 2": (0.5, 1.5),
    "tiny": (1e-3, 2e-3),
    "heavy buyer": (0.79, 3002.0),
    "no dropout": (0.5, 1e8),
    "certain dropout": (1e6, 0.5),
    "large": (300.0, 900.0),
}


def moment(a, b, k):
    """Return E[p^k] of Beta(a, b)."""
    j = np.arange(k)
    return np.prod((a + j) / (a + b + j))


@pytest.mark.parametrize(("a", "b"), SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("rule", [lambda a, b: gauss_jacobi(a, b, 16), logit_trapezoid])
def test_moments(rule, a, b):
    nodes, weights = rule(a, np.array([b]))
    assert np.all((nodes >= 0) & (nodes <= 1))
    assert np.all(weights >= 0)
    for k in (0, 1, 2, 5):
        assert_allclose((weights * nodes**k).sum(), moment(a, b, k), rtol=1e-10)


def test_gauss_jacobi_is_exact_for_polynomials():
    nodes, weights = gauss_jacobi(0.79, np.array([2.43, 7.0]), 8)
    assert_allclose((weights * nodes**15).sum(axis=1), [moment(0.79, b, 15) for b in (2.43, 7.0)])


def test_nodes_of_a_heavy_buyer_keep_relative_accuracy():
    """The least node belongs to a probability of 1e-10, which 1 - (1 - p) could not hold."""
    nodes, weights = gauss_jacobi(0.01, np.array([1e8]), 16)
    assert nodes.min() < 1e-9
    assert_allclose((weights / (1e-9 + nodes)).sum(), rule_of_trapezoids(0.01, 1e8), rtol=1e-2)


def rule_of_trapezoids(a, b):
    nodes, weights = logit_trapezoid(a, np.array([b]))
    return (weights / (1e-9 + nodes)).sum()


@pytest.mark.parametrize("z", [1e-6, 0.99, 1.01, 2.99, 3.01, 1e4, 1e12])
def test_rules_agree_where_they_meet(z):
    """E[(1 + z p)^-R] with R = a + b is (1 + z)^-a, whichever rule is chosen."""
    a, b = 0.79, np.array([0.5, 2.43, 30.0])
    actual = beta_expectation(
        lambda p, R, z: (1 + z * p) ** -R, a, b, rate_shape=a + b, z=np.full(3, z)
    )
    assert_allclose(actual, (1 + z) ** -a, rtol=1e-11)


def test_rows_are_independent_of_the_batch():
    rng = np.random.default_rng(0)
    b, shape, z = (
        0.5 + rng.integers(0, 40, 3_000),
        rng.uniform(0.1, 9, 3_000),
        rng.uniform(0, 9, 3_000),
    )

    def expectation(rows):
        return beta_expectation(
            lambda p, R, z: (1 + z * p) ** -R, 0.8, b[rows], rate_shape=shape[rows], z=z[rows]
        )

    alone = np.concatenate([expectation(slice(i, i + 1)) for i in range(0, 3_000, 97)])
    assert_allclose(expectation(slice(None))[::97], alone, rtol=1e-15)


def hypergeometric(R, a, c, z):
    """Return 2F1(R, a; c; -z), for z under 100 by a series of positive terms.

    Pfaff: (1 + z)^-R 2F1(R, c - a; c; z / (1 + z)). mpmath itself sums an alternating series
    there, and gives up after half a minute where c is large.
    """
    if z >= 100:
        return mpmath.hyp2f1(R, a, c, -z)
    term = total = mpmath.mpf(1)
    n = 0
    while n < R * z or term > total * mpmath.eps:  # the terms rise up to n of about R z
        term *= (R + n) * (c - a + n) / ((c + n) * (n + 1)) * z / (1 + z)
        total += term
        n += 1
    return total * (1 + z) ** -R


@settings(max_examples=100, deadline=None)  # mpmath is slow
@given(
    a=st.floats(-3, 3),
    b=st.floats(-3, 4),
    shape=st.floats(-2, 3),
    z=st.floats(-6, 6),
)
@example(a=0.0, b=5.0, shape=0.0, z=1.0)
def test_expectation_against_mpmath(a, b, shape, z):
    """E[(1 + z p)^-R] is a hypergeometric function, 2F1(R, a; a + b; -z)."""
    a, b, shape, z = (10.0**power for power in (a, b, shape, z))
    with mpmath.workdps(40):
        R, alpha, beta, scale = (mpmath.mpf(number) for number in (shape, a, b, z))
        exact = float(hypergeometric(R, alpha, alpha + beta, scale))
    actual = beta_expectation(
        lambda p, R, z: np.exp(-R * np.log1p(z * p)),
        a,
        np.array([b]),
        rate_shape=np.array([shape]),
        z=np.array([z]),
    )
    assert_allclose(actual, exact, rtol=1e-9, atol=1e-13)
