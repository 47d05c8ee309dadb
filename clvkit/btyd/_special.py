"""Ratios of gamma functions that stay exact where differences of logarithms cancel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, zeta

#: From here on Stirling's series is exact to the last bit with two terms.
_LARGE = 1e3
#: And from here on with five.
_RAISED = 16

Array = NDArray[np.float64]


def log_rising(z: ArrayLike, n: ArrayLike) -> Array:
    r"""Return :math:`\log \Gamma(z + n) - \log \Gamma(z)` for ``z > 0`` and ``n >= 0``.

    The difference of two log-gammas loses all digits when ``z`` is large beside ``n``, as it is
    when a parameter runs to a boundary. There Stirling's formula is subtracted from itself
    by hand:

    .. math::
        (z + n - \tfrac12) \log(1 + n/z) + n (\log z - 1) + S(z + n) - S(z),
        \quad S(z) = \frac{1}{12 z} - \frac{1}{360 z^3}.
    """
    z, n = np.broadcast_arrays(np.asarray(z, dtype=float), np.asarray(n, dtype=float))
    small = np.minimum(z, _LARGE)
    large = np.maximum(z, _LARGE)
    by_difference = gammaln(small + n) - gammaln(small)
    by_stirling = (
        (large + n - 0.5) * np.log1p(n / large)
        + n * (np.log(large) - 1.0)
        + (_stirling_rest(large + n) - _stirling_rest(large))
    )
    return np.where(z < _LARGE, by_difference, by_stirling)


def log_survival(z: ArrayLike, c: ArrayLike, n: ArrayLike) -> Array:
    r"""Return :math:`\log E[q^n]` for :math:`q \sim Beta(z, c)`.

    The ratio :math:`\Gamma(z + n) \Gamma(z + c) / (\Gamma(z) \Gamma(z + c + n))` is the same with
    c and n exchanged; the smaller of them makes the logarithms small that cancel.
    """
    less, more = np.minimum(c, n), np.maximum(c, n)
    return log_rising(z, less) - log_rising(np.add(z, more), less)


def fine_log_survival(z: ArrayLike, c: ArrayLike, n: ArrayLike) -> Array:
    r"""Return :func:`log_survival` with small relative error where the chance is near one.

    Differences of log-gammas leave an absolute error of their own size. Here z is raised above 16
    by the recurrence, of which every term has the same sign,

    .. math:: \log E_z - \log E_{z+1} = \log\left(1 - \frac{c n}{(z + c)(z + n)}\right),

    and then Stirling's formula is subtracted from itself by hand.
    """
    z, c, n = np.broadcast_arrays(*(np.asarray(one, dtype=float) for one in (z, c, n)))
    total = np.zeros(z.shape)
    for step in range(_RAISED):
        near, far = z + step, z + step + n
        share = (c / (near + c)) * (n / far)
        large = np.log(near / (near + c)) + np.log1p(c / far)
        total += np.where(share > 0.5, large, np.log1p(-np.minimum(share, 0.5)))
    z = z + _RAISED
    less, more = np.minimum(c, n), np.maximum(c, n)
    total += (z + less - 0.5) * np.log1p(less / z)
    total -= (z + more + less - 0.5) * np.log1p(less / (z + more)) + less * np.log1p(more / z)
    ends = [_long_rest(end) for end in (z + less, z, z + more + less, z + more)]
    return total + ((ends[0] - ends[1]) - (ends[2] - ends[3]))


def _long_rest(z: Array) -> Array:
    square = 1.0 / (z * z)
    series = 1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0)
    return (1.0 / 12.0 - square * (1.0 / 360.0 - square * series)) / z


def rising_slopes(z: Any, n: Array) -> tuple[Array, Array]:
    """Return the first and second derivative of :func:`log_rising` with respect to ``z``.

    For large ``z`` the asymptotic series of digamma and trigamma are subtracted from themselves by
    hand, as in :func:`log_rising`.
    """
    if np.ndim(z) == 0 and z < _LARGE:
        return _slopes_by_difference(z, n)
    small, large = np.minimum(z, _LARGE), np.maximum(z, _LARGE)
    pairs = zip(_slopes_by_difference(small, n), _slopes_by_series(large, n), strict=True)
    first, second = (np.where(z < _LARGE, *pair) for pair in pairs)
    return first, second


def log1p_exp(odds: Array) -> tuple[Array, Array, Array]:
    r"""Return :math:`\log(1 + e^o)`, and the probabilities o is the log-odds of and against.

    All three come from one exponential, several times faster than from functions of their own, and
    keep their relative accuracy at either end.
    """
    small = np.exp(-np.abs(odds))
    likelier = 1.0 / (1.0 + small)
    other = small * likelier
    positive = odds > 0.0
    value = np.maximum(odds, 0.0)
    value += np.log1p(small)
    return value, np.where(positive, likelier, other), np.where(positive, other, likelier)


def _slopes_by_difference(z: Any, n: Array) -> tuple[Array, Array]:
    first = digamma(z + n) - digamma(z)
    second = zeta(2.0, z + n) - zeta(2.0, z)  # the trigamma function
    return first, second


def _slopes_by_series(z: Any, n: Array) -> tuple[Array, Array]:
    # digamma(z) = log z - 1/2 (1/z) - 1/12 (1/z^2) + ..., and the derivative of that.
    end = z + n
    inverse = -n / (z * end)
    square = inverse * (1.0 / end + 1.0 / z)
    cube = inverse * (1.0 / end**2 + 1.0 / (z * end) + 1.0 / z**2)
    return np.log1p(n / z) - 0.5 * inverse - square / 12.0, inverse + 0.5 * square + cube / 6.0


def _stirling_rest(z: Array) -> Array:
    return 1.0 / (12.0 * z) - 1.0 / (360.0 * z**3)
