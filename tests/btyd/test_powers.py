"""The integral of two powers, against itself by mpmath and in its special cases."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from clvkit.btyd._powers import Integral, integral_moments, log_integral


def make(alpha, beta, p, q, begin, end):
    return Integral(alpha, beta, p, q, np.array([begin], dtype=float), np.array([end], dtype=float))


def test_equal_rates_have_a_closed_form():
    """With alpha = beta the integrand is one power."""
    unit, power = 5.0, 4.5
    ratio = (3.0 + 40.0) / (3.0 + 2.0)
    exact = unit * -np.expm1((1.0 - power) * np.log(ratio)) / (power - 1.0)
    assert_allclose(log_integral(make(3.0, 3.0, 3.0, 1.5, 2.0, 40.0)), np.log(exact), rtol=1e-14)


def test_no_powers_leave_the_length():
    assert_allclose(log_integral(make(3.0, 7.0, 0.0, 0.0, 2.0, 40.0)), np.log(38.0), rtol=1e-13)


def test_an_empty_interval_has_no_integral():
    integral = make(3.0, 7.0, 2.0, 1.0, 5.0, 5.0)
    assert log_integral(integral) == -np.inf
    moments = integral_moments(integral)
    assert moments.log_value == -np.inf
    assert_allclose(moments.mean, 0.0, atol=0)
    assert_allclose(moments.covariance, 0.0, atol=0)


def test_rows_may_have_parameters_of_their_own():
    """Some with alpha the smaller one, some with beta."""
    alpha, beta = np.array([3.0, 30.0, 5.0]), np.array([20.0, 2.0, 5.0])
    begin, end = np.array([1.0, 2.0, 0.0]), np.array([30.0, 9.0, 1e5])
    together = integral_moments(Integral(alpha, beta, 2.5, 1.2, begin, end))
    for i in range(3):
        alone = integral_moments(make(alpha[i], beta[i], 2.5, 1.2, begin[i], end[i]))
        assert_allclose(together.log_value[i], alone.log_value[0], rtol=1e-13)
        assert_allclose(together.mean[:, i], alone.mean[:, 0], rtol=1e-11)
        assert_allclose(together.covariance[:, :, i], alone.covariance[:, :, 0], rtol=1e-9)


def exact_moments(alpha, beta, p, q, begin, end):
    """Return the log of the integral with mean and covariance of the four functions of y."""

    def functions(y):
        return [
            mpmath.log((alpha + y) / (alpha + begin)),
            (y - begin) / (alpha + y),
            mpmath.log((beta + y) / (beta + begin)),
            (y - begin) / (beta + y),
        ]

    def integrate(of):
        c = min(alpha, beta)

        def integrand(length):
            y = (c + begin) * mpmath.exp(length) - c
            fall = p * mpmath.log((alpha + y) / (alpha + begin))
            fall += q * mpmath.log((beta + y) / (beta + begin))
            return of(functions(y)) * mpmath.exp(-fall) * (c + y)

        longest = mpmath.log((c + end) / (c + begin))
        pieces = [longest * mpmath.mpf(2) ** -k for k in range(12)]
        return mpmath.quad(integrand, [0, *pieces[::-1]])

    total = integrate(lambda f: mpmath.mpf(1))
    mean = [integrate(lambda f, i=i: f[i]) / total for i in range(4)]
    second = [
        [
            integrate(lambda f, i=i, j=j: (f[i] - mean[i]) * (f[j] - mean[j])) / total
            for j in range(4)
        ]
        for i in range(4)
    ]
    return float(mpmath.log(total)), np.array(mean, float), np.array(second, float)


@pytest.mark.parametrize(
    "case",
    [
        (10.6, 11.7, 2.55, 1.6, 30.43, 38.86),
        (11.7, 10.6, 0.55, 1.6, 0.0, 38.86),
        (4.0, 900.0, 300.5, 1.2, 10.0, 300.0),
        (1e-3, 50.0, 0.3, 3.0, 0.0, 1e5),
    ],
    ids=["ordinary", "newcomer", "heavy buyer", "long"],
)
def test_moments_against_mpmath(case):
    with mpmath.workdps(30):
        log_value, mean, covariance = exact_moments(*map(mpmath.mpf, case))
    moments = integral_moments(make(*case))
    assert_allclose(moments.log_value[0], log_value, rtol=1e-12, atol=1e-12)
    assert_allclose(moments.mean[:, 0], mean, rtol=1e-10)
    assert_allclose(moments.covariance[:, :, 0], covariance, rtol=1e-8)


scale = st.floats(-6, 8).map(lambda exponent: 10.0**exponent)
power = st.one_of(st.just(0.0), st.floats(-4, 4).map(lambda exponent: 10.0**exponent))


@given(alpha=scale, beta=scale, p=power, q=power, begin=scale, silence=scale)
def test_value_lies_within_its_bounds(alpha, beta, p, q, begin, silence):
    """The integrand is 1 at first and falls to its last value."""
    integral = make(alpha, beta, p, q, begin, begin + silence)
    length = (integral.end - integral.begin)[0]
    if length == 0.0:
        return
    fall = p * np.log1p(length / (alpha + begin)) + q * np.log1p(length / (beta + begin))
    value = log_integral(integral)[0]
    slack = 1e-9 + 1e-12 * fall
    assert np.log(length) - fall - slack <= value <= np.log(length) + slack
    moments = integral_moments(integral)
    assert_allclose(moments.log_value[0], value, rtol=1e-12, atol=1e-11)
    assert np.isfinite(moments.covariance).all()
    assert (np.diagonal(moments.covariance[:, :, 0]) >= -1e-15 * (1 + fall)).all()
