r"""Sums of discounted renewals.

.. math:: \sum_{k=1}^{n} e^{-\delta (k - 1)} \frac{S(t + k)}{S(t)}

The first terms are added up. What follows is smooth, and the sum of many terms of a smooth
function f is its integral with a correction at the ends (the midpoint form of Euler and Maclaurin),

.. math::
    \sum_{k=m+1}^{n} f(k) = \int_{m+1/2}^{n+1/2} f(x) \, dx
    - \tfrac{1}{24} \left[ f'(n + \tfrac12) - f'(m + \tfrac12) \right] + \dots,

so that a horizon of any length, or none, costs the same. The hypergeometric function of Fader
and Hardie (2010, eq. 6), which exists for c = 1 only, loses digits where discounting is slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._renewal_likelihood import log_keep

__all__ = ["discounted_renewals"]

Array = NDArray[np.float64]

_TERMS = 256
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
#: Discount factors below e^-45 are nothing beside rounding.
_NEGLIGIBLE = 45.0
_CHUNK = 1_024


def discounted_renewals(params: dict[str, Any], tenure: Array, most: Array, rate: float) -> Array:
    """Return the expected discounted renewals of each row, the first of which is due now.

    Parameters
    ----------
    params : dict
        Numbers, or an array with one a row where covariates move them.
    tenure : ndarray of shape (n,)
    most : ndarray of shape (n,)
        How many renewals count; infinity where discounting bounds the sum.
    rate : float
        Continuous discount rate per period.

    Returns
    -------
    ndarray of shape (n,)
    """
    if rate > 0.0:
        most = np.minimum(most, _TERMS + np.ceil(_NEGLIGIBLE / rate))
    out = np.empty(len(tenure))
    for begin in range(0, len(tenure), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        some = {name: value[part] if np.ndim(value) else value for name, value in params.items()}
        out[part] = _first_terms(some, tenure[part], most[part], rate)
        out[part] += _rest(some, tenure[part], most[part], rate)
    return out


def _first_terms(params: dict[str, Any], tenure: Array, most: Array, rate: float) -> Array:
    n = int(min(most.max(initial=0.0), _TERMS))
    k = np.arange(1.0, n + 1.0)[:, None]
    begin = np.broadcast_to(tenure, (n, len(tenure)))
    kept = np.exp(log_keep(params, begin, tenure + k) - rate * (k - 1.0))
    return np.where(k <= most, kept, 0.0).sum(axis=0)


def _rest(params: dict[str, Any], tenure: Array, most: Array, rate: float) -> Array:
    low, high = _TERMS + 0.5, np.maximum(most, _TERMS) + 0.5

    def term(x: Any) -> Array:
        x = np.broadcast_to(x, tenure.shape)
        return np.exp(log_keep(params, tenure, tenure + x) - rate * (x - 1.0))

    def slope(x: Any) -> Array:
        x = np.broadcast_to(x, tenure.shape)
        # Of log f over a step of 1, which is precise enough for a correction.
        return term(x) * (log_keep(params, tenure + x - 0.5, tenure + x + 0.5) - rate)

    if not (high > low).any():
        return np.zeros_like(tenure)
    width = np.log(high / low)
    total = -(slope(high) - slope(low)) / 24.0
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        x = low * np.exp(0.5 * (1.0 + node) * width)
        total = total + 0.5 * weight * width * x * term(x)
    return np.where(high > low, total, 0.0)
