r"""The outlook of customers with one purchase, who differ by age alone.

Where nothing else tells them apart (no covariates, one horizon) what is expected of them is a
smooth function of log T: analytic but for :math:`T = -\beta` and where a rate would be 0, that is
for :math:`|\mathrm{Im} \log T| < \pi`. Over a stretch of log T of length log 2 a polynomial through
8 Chebyshev nodes is then wrong by some :math:`(2 \pi / \log 2 \cdot 2)^{-8} \approx 10^{-10}`,
beside the :math:`10^{-7}` of the quadratures at its nodes. The stretches are fixed, so that a
customer's value does not depend on who else is asked for. Often half of all customers are such.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["along_age"]

Array = NDArray[np.float64]

_NODES = 8


def along_age(evaluate: Callable[[Array], Array], T: Array) -> Array:
    """Return columns of values at ages T > 0, where ``evaluate`` has them exactly.

    ``evaluate`` is asked for all nodes of the stretches of log T that there are, and returns an
    array of shape (n_values, n_ages).
    """
    place = np.log2(T)
    floor = np.floor(place)
    stretches, code = np.unique(floor, return_inverse=True)
    nodes = np.polynomial.chebyshev.chebpts1(_NODES)
    ages = np.exp2(stretches[:, None] + 0.5 * (1.0 + nodes))
    values = evaluate(ages.ravel()).reshape(-1, *ages.shape)
    # Values at the nodes to coefficients: the basis is orthogonal there.
    basis = np.polynomial.chebyshev.chebvander(nodes, _NODES - 1)
    coefs = values @ basis * (2.0 / _NODES)
    coefs[..., 0] *= 0.5
    at = np.polynomial.chebyshev.chebvander(2.0 * (place - floor) - 1.0, _NODES - 1)
    found: Array = np.einsum("vnj,nj->vn", coefs[:, code], at)
    return found
