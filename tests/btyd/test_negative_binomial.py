"""The part of a customer who does not drop out, against SciPy's distribution."""

import numpy as np
from numpy.testing import assert_allclose
from scipy.special import gammaln
from scipy.stats import nbinom

from clvkit.btyd import _negative_binomial as nbd

X, T = np.array([0.0, 1.0, 7.0, 3000.0, 7.0]), np.array([3.0, 0.5, 38.86, 1095.0, 0.0])
R, ALPHA = 0.385, 12.07


def slopes(function, at, step=1e-4):
    near = function(at + step) - function(at - step)
    far = function(at + 2 * step) - function(at - 2 * step)
    return (8 * near - far) / (12 * step)


def test_likelihood_is_the_pmf_without_its_constant():
    constant = X * np.log(np.where(T > 0, T, 1.0)) - gammaln(X + 1)
    expected = nbinom.logpmf(X, R, ALPHA / (ALPHA + T))
    observed = T > 0
    actual = nbd.log_likelihood(R, ALPHA, X, T) + constant
    assert_allclose(actual[observed], expected[observed], rtol=1e-11, atol=1e-11)


def test_parts_add_up_to_the_likelihood():
    parts = nbd.time_rows(R, ALPHA, X, T)[0] + nbd.count_rows(R, X)[0]
    assert_allclose(parts, nbd.log_likelihood(R, ALPHA, X, T), rtol=1e-14)


def test_derivatives_of_the_time_part():
    def value(u, v):
        return nbd.time_rows(R * np.exp(u), ALPHA * np.exp(v), X, T)

    _, gradient, hessian = value(0.0, 0.0)
    assert_allclose(gradient[0], slopes(lambda u: value(u, 0.0)[0], 0.0), rtol=1e-8, atol=1e-7)
    assert_allclose(gradient[1], slopes(lambda v: value(0.0, v)[0], 0.0), rtol=1e-8, atol=1e-7)
    in_r = slopes(lambda u: value(u, 0.0)[1], 0.0)
    in_alpha = slopes(lambda v: value(0.0, v)[1], 0.0)
    assert_allclose(hessian, np.stack([in_r, in_alpha]), rtol=1e-7, atol=1e-7)


def test_derivatives_of_the_count_part():
    def value(u):
        return nbd.count_rows(R * np.exp(u), X)

    _, slope, bend = value(0.0)
    assert_allclose(slope, slopes(lambda u: value(u)[0], 0.0), rtol=1e-8, atol=1e-8)
    assert_allclose(bend, slopes(lambda u: value(u)[1], 0.0), rtol=1e-8, atol=1e-8)
