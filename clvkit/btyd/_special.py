"""Ratios of gamma functions that stay exact where differences of logarithms cancel."""

from __future__ import annotations

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


def rising_slopes(z: float | Array, n: Array) -> tuple[Array, Array]:
    """Return the first and second derivative of :func:`log_rising` with respect to ``z``."""
    first = digamma(z + n) - digamma(z)
    second = zeta(2.0, z + n) - zeta(2.0, z)  # the trigamma function
    return first, second


def _stirling_rest(z: Array) -> Array:
    return 1.0 / (12.0 * z) - 1.0 / (360.0 * z**3)
