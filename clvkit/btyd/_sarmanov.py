r"""Two gamma-distributed rates that depend on each other: the bivariate family of Sarmanov.

Lee (1996), Properties and Applications of the Sarmanov Family of Bivariate Distributions,
Communications in Statistics - Theory and Methods 25(6). With :math:`A = E[e^{-w \lambda}] =
(\alpha / (\alpha + w))^r`, and B the same of :math:`\mu`, the joint density is

.. math::
    g(\lambda) \, h(\mu) \, [1 + m (e^{-w \lambda} - A) (e^{-w \mu} - B)]
    = g \, h \, [1 + q \, u \, v],
    \quad u = \frac{e^{-w \lambda}}{A} - 1, \; v = \frac{e^{-w \mu}}{B} - 1, \; q = m A B.

u runs from -1 to :math:`a = 1 / A - 1` and v from -1 to b, so that the density is nowhere negative
where :math:`-1 / \max(1, a b) \le q \le 1 / \max(a, b)`. The search runs over a positive number
c, the dependence, with

.. math:: q = \frac{c - 1}{c \, U + V}, \quad U \ge \max(a, b), \; V \ge \max(1, a b),

which keeps to the range for every c, is 0 at 1, and as smooth as U and V are: these exceed the
maxima by a tenth where the two are equal, and by next to nothing where they are not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._covariates import RowDerivatives

__all__ = ["FARTHEST", "draw_rate", "log_gap", "log_range", "strength", "strength_derivatives"]

Array = NDArray[np.float64]

#: By so much smooth maxima exceed two equal numbers.
_ROUNDING_OFF = 0.1
#: Exponentials of more than this are near overflow.
FARTHEST = 700.0
#: From here on a hyperbolic cosine is an exponential.
_STEEP = 100.0
_TINY = float(np.finfo(float).tiny)


class _Smooth(NamedTuple):
    """A function of log a and log b with its derivatives in these."""

    value: Array
    first: tuple[Array, Array]
    second: tuple[Array, Array, Array]


def _fall(shape: Any, rate: Any, time: float) -> Array:
    """Return minus the logarithm of the mean of e^-wx of a gamma variable."""
    return np.maximum(shape * np.log1p(time / rate), _TINY)


def log_gap(shape: Any, rate: Any, time: float) -> Array:
    r"""Return :math:`\log(1 / E[e^{-w x}] - 1)` of a gamma variable."""
    fall = _fall(shape, rate, time)
    value: Array = fall + np.log(-np.expm1(-fall))
    return value


def strength(params: dict[str, Any], time: float) -> Array:
    """Return q, a number or one for each row."""
    value: Array = (params["dependence"] - 1.0) * np.exp(-log_range(params, time))
    return value


def log_range(params: dict[str, Any], time: float) -> Array:
    """Return the logarithm of D = c U + V, of which q is (c - 1) / D."""
    return _log_range(params, time)[2]


def _log_range(params: dict[str, Any], time: float) -> tuple[_Smooth, _Smooth, Array]:
    """Return log U, log V and log(c U + V)."""
    in_a = log_gap(params["r"], params["alpha"], time)
    in_b = log_gap(params["s"], params["beta"], time)
    upper, lower = _log_upper(in_a, in_b), _log_lower(in_a, in_b)
    return upper, lower, np.logaddexp(np.log(params["dependence"]) + upper.value, lower.value)


def _log_upper(in_a: Array, in_b: Array) -> _Smooth:
    value, slope, bend = _log_cosh_above(in_a - in_b)
    first = (0.5 + slope, 0.5 - slope)
    return _Smooth(0.5 * (in_a + in_b) + value, first, (bend, -bend, bend))


def _log_lower(in_a: Array, in_b: Array) -> _Smooth:
    value, slope, bend = _log_cosh_above(in_a + in_b)
    first = 0.5 + slope
    return _Smooth(0.5 * (in_a + in_b) + value, (first, first), (bend, bend, bend))


def _log_cosh_above(difference: Array) -> tuple[Array, Array, Array]:
    r"""Return :math:`\log(\cosh x + \sqrt{\sinh^2 x + \epsilon^2})` of half of the argument.

    With its two derivatives. Without epsilon it is \|x\|, by which the logarithm of the larger of
    two numbers exceeds the mean of their logarithms.
    """
    half = np.clip(0.5 * difference, -_STEEP, _STEEP)
    sinh, cosh = np.sinh(half), np.cosh(half)
    root = np.hypot(sinh, _ROUNDING_OFF)
    bend = 0.25 * (cosh / root) * (_ROUNDING_OFF / root) ** 2
    beyond = np.abs(0.5 * difference) - np.abs(half)
    return np.log(cosh + root) + beyond, 0.5 * sinh / root, bend


def strength_derivatives(params: dict[str, Any], time: float) -> tuple[Array, RowDerivatives]:
    """Return log D and, of D q, derivatives in log r, log alpha, log s, log beta and log c.

    D is c U + V. Those of q alone may be too small for floats. There are as many columns as
    parameters have rows, or one.
    """
    c = params["dependence"]
    upper, lower, log_D = _log_range(params, time)
    share = np.exp(np.log(c) + upper.value - log_D)
    gaps = (
        _gap_slopes(params["r"], params["alpha"], time),
        _gap_slopes(params["s"], params["beta"], time),
    )
    n = np.size(log_D)
    of_upper, of_lower = (_in_parameters(one, gaps, n) for one in (upper, lower))
    of_upper[0][4] += 1.0  # log c + log U
    # l = log(c U + V) is the logarithm of a sum.
    gradient, hessian = (
        share * one + (1.0 - share) * other for one, other in zip(of_upper, of_lower, strict=True)
    )
    apart = of_upper[0] - of_lower[0]
    hessian += share * (1.0 - share) * apart[:, None] * apart[None]
    # q = (c - 1) e^-l
    bend = (c - 1.0) * (gradient[:, None] * gradient[None] - hessian)
    bend[4] -= c * gradient
    bend[:, 4] -= c * gradient
    bend[4, 4] += c
    slope = (1.0 - c) * gradient
    slope[4] += c
    return np.atleast_1d(log_D), RowDerivatives(np.full(n, c - 1.0), slope, bend)


def _gap_slopes(shape: Any, rate: Any, time: float) -> tuple[Array, ...]:
    r"""Return the derivatives of log a in log shape and log rate: two slopes, three bends.

    With :math:`x = r \log(1 + w / \alpha)` and :math:`k = w / (\alpha + w)`, a is
    :math:`e^x - 1`; the slope of its logarithm in x is :math:`e = 1 / (1 - e^{-x})`, and that of e
    is :math:`e (1 - e)`.
    """
    x, k = _fall(shape, rate, time), time / (rate + time)
    e = -1.0 / np.expm1(-x)
    bend, by_rate = e * (1.0 - e), shape * k
    return (
        e * x,
        -e * by_rate,
        bend * x * x + e * x,
        -(bend * x + e) * by_rate,
        bend * by_rate**2 + e * by_rate * (1.0 - k),
    )


def _in_parameters(
    one: _Smooth, gaps: tuple[tuple[Array, ...], tuple[Array, ...]], n: int
) -> tuple[Array, Array]:
    """Return gradient and Hessian in the five parameters, by the chain rule."""
    gradient, hessian = np.zeros((5, n)), np.zeros((5, 5, n))
    aa, ab, bb = one.second
    for begin, slope, bend, gap in zip((0, 2), one.first, (aa, bb), gaps, strict=True):
        by_shape, by_rate, twice_shape, both, twice_rate = gap
        gradient[begin], gradient[begin + 1] = slope * by_shape, slope * by_rate
        hessian[begin, begin] = slope * twice_shape + bend * by_shape**2
        hessian[begin, begin + 1] = slope * both + bend * by_shape * by_rate
        hessian[begin + 1, begin] = hessian[begin, begin + 1]
        hessian[begin + 1, begin + 1] = slope * twice_rate + bend * by_rate**2
    for i in (0, 1):
        for j in (0, 1):
            hessian[i, 2 + j] = hessian[2 + j, i] = ab * gaps[0][i] * gaps[1][j]
    return gradient, hessian


def draw_rate(
    shape: Array, rate: Array, time: float, at_zero: Array, at_one: Array, rng: np.random.Generator
) -> Array:
    r"""Draw from a gamma density times a factor that is linear in :math:`z = e^{-w x}`.

    A factor that grows with z is a positive sum of 1 and z, so that the density is a mixture of
    two gamma densities. One that falls is a positive sum of 1 and 1 - z; since
    :math:`1 - e^{-w x} = \int_0^w x e^{-x y} dy`, the latter has the density of a gamma variable
    of shape + 1 and rate + y, where y has an explicit distribution. Nothing is rejected.

    Parameters
    ----------
    shape, rate : ndarray of shape (n,)
    time : float
        w.
    at_zero, at_one : ndarray of shape (n,)
        The factor, 0 or more, where z is 0 and where z is 1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n,)
    """
    fall = shape * np.log1p(time / rate)
    rises = at_one >= at_zero
    plain = np.maximum(np.minimum(at_zero, at_one), 0.0)
    other = np.abs(at_one - at_zero) * np.where(rises, np.exp(-fall), -np.expm1(-fall))
    is_other = rng.random(len(shape)) * np.maximum(plain + other, _TINY) >= plain
    spread = -np.log1p(rng.random(len(shape)) * np.expm1(-fall)) / shape
    added = np.where(rises, time, rate * np.expm1(spread))
    grown = shape + (is_other & ~rises)
    drawn: Array = rng.gamma(grown) / (rate + np.where(is_other, added, 0.0))
    return drawn
