r"""Present values from expectations, for any purchase model.

With E(s) the expected purchases within s, purchases discounted at the continuous rate delta
are worth, after integration by parts,

.. math:: \int_0^h e^{-\delta s} \, dE(s)
          = e^{-\delta h} E(h) + \delta \int_0^h e^{-\delta s} E(s) \, ds.

Every term is positive, so nothing cancels, and the model's own E is all that is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._summary import Rows

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
#: Discount factors below e^-45 are nothing beside rounding.
_NEGLIGIBLE = 45.0


def discounted(
    expected: Callable[[Rows, Array], Array],
    rows: Rows,
    horizon: Array,
    *,
    rate: float,
    scale: Array,
) -> Array:
    """Return the discounted expectation of each row.

    Parameters
    ----------
    expected : callable
        ``expected(rows, horizon)``, the undiscounted expectation.
    rows : Rows
        Purchase histories.
    horizon : ndarray of shape (n,)
        Horizons; any beyond the reach of discounting will do for "for ever".
    rate : float
        Continuous discount rate per unit of time.
    scale : ndarray of shape (n,)
        The time over which E bends. Gauss-Legendre nodes lie evenly in log(1 + s / scale).

    Returns
    -------
    ndarray of shape (n,)
    """
    if rate == 0.0:
        return expected(rows, horizon)
    horizon = np.minimum(horizon, _NEGLIGIBLE / rate)
    width = np.log1p(horizon / scale)
    total = np.exp(-rate * horizon) * expected(rows, horizon)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        log_time = 0.5 * (1.0 + node) * width
        time = scale * np.expm1(log_time)
        density = rate * np.exp(-rate * time) * (scale + time)
        total += 0.5 * weight * width * density * expected(rows, time)
    return total
