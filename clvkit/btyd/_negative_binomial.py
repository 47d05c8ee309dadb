r"""Poisson purchases at a rate that is Gamma(r, alpha) across customers, who do not drop out.

The likelihood of x purchases in (0, T], without the factor :math:`T^x / x!` that no parameter
moves, is :math:`\frac{\Gamma(r + x)}{\Gamma(r)} \frac{\alpha^r}{(\alpha + T)^{r + x}}`
(Ehrenberg 1959). It is a model of its own, and the part of an alive customer in others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._dedup import tabulate_counts
from clvkit.btyd._newton import Derivatives
from clvkit.btyd._rising_sum import RisingSum
from clvkit.btyd._special import log_rising, rising_slopes

__all__ = [
    "CountSum",
    "count_rows",
    "log_likelihood",
    "row_derivatives",
    "start",
    "time_rows",
]

Array = NDArray[np.float64]
Parts = tuple[Array, Array, Array]

#: Purchases per unit of time to assume where nobody has been observed for any time.
_NO_RATE = 1e-6


def start(x: Array, T: Array, weights: Array) -> tuple[float, float]:
    """Return r and alpha to start a search from: a long-tailed spread of the mean rate."""
    bought, observed = float(weights @ x), float(weights @ T)
    rate = (bought + 0.5) / observed if observed > 0 else _NO_RATE
    return 0.5, 0.5 / rate


def log_likelihood(r: Any, alpha: Any, x: Array, T: Array) -> Array:
    """Return the log-likelihood of each row."""
    return _log_rising(r, x) - r * np.log1p(T / alpha) - x * np.log(alpha + T)


def time_rows(r: float, alpha: Any, x: Array, T: Array) -> Parts:
    r"""Return :math:`-r \log(1 + T/\alpha) - x \log(\alpha + T)` with its derivatives.

    Returns
    -------
    value : ndarray of shape (n,)
    gradient : ndarray of shape (2, n)
        In log r and log alpha.
    hessian : ndarray of shape (2, 2, n)
    """
    growth, share = np.log1p(T / alpha), T / (alpha + T)
    gradient, hessian = np.empty((2, len(x))), np.empty((2, 2, len(x)))
    gradient[0] = hessian[0, 0] = -r * growth
    hessian[0, 1] = hessian[1, 0] = r * share
    gradient[1] = hessian[0, 1] - x * (1.0 - share)
    hessian[1, 1] = -(r + x) * share * (1.0 - share)
    return gradient[0] - x * np.log(alpha + T), gradient, hessian


def count_rows(r: float, x: Array) -> Parts:
    """Return log Gamma(r + x) / Gamma(r) of each row, with two derivatives in log r."""
    counts, code = _distinct(x)
    first, second = rising_slopes(r, counts)
    slope = r * first
    return log_rising(r, counts)[code], slope[code], (slope + r * r * second)[code]


def row_derivatives(r: float, alpha: Any, x: Array, T: Array) -> RowDerivatives:
    """Return each row's log-likelihood with derivatives in log r and log alpha."""
    value, gradient, hessian = time_rows(r, alpha, x, T)
    count, slope, bend = count_rows(r, x)
    gradient[0] += slope
    hessian[0, 0] += bend
    return RowDerivatives(value + count, gradient, hessian)


class CountSum:
    """The weighted sum of the count part over rows, for one r after the other."""

    def __init__(self, x: Array, weights: Array) -> None:
        self.rising = RisingSum(x, weights)

    def added_to(self, total: Derivatives, r: float) -> Derivatives:
        """Return derivatives, of which r is the first parameter, with the count part added."""
        value, first, second = self.rising(r)
        gradient, hessian = total.gradient.copy(), total.hessian.copy()
        gradient[0] += r * first
        hessian[0, 0] += r * first + r * r * second
        return Derivatives(total.value + value, gradient, hessian)


def _log_rising(r: float, x: Array) -> Array:
    counts, code = _distinct(x)
    return log_rising(r, counts)[code]


def _distinct(x: Array) -> tuple[Array, NDArray[np.intp]]:
    # Gamma functions are slow, and few counts are distinct.
    counts, _ = tabulate_counts(x, np.ones(len(x)))
    return counts, np.searchsorted(counts, x)
