"""Ratios of gamma functions that stay exact where differences of logarithms cancel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, zeta

#: From here on Stirling's series is exact to the last bit with two terms.
_LARGE = 1e3

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
