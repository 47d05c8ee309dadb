"""Sums over customers of log-ratios of gamma functions, whose counts do not change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._dedup import tabulate_counts
from clvkit.btyd._special import log_rising, rising_slopes

__all__ = ["RisingSum"]

Array = NDArray[np.float64]

#: A table of more steps than this, and than so many a row, is not worth it.
_LONGEST, _PER_ROW = 1_000.0, 10.0


class RisingSum:
    r"""The weighted sum of :math:`\log \Gamma(z + n) / \Gamma(z)` over whole counts n.

    Since :math:`\Gamma(z + n) / \Gamma(z) = z (z + 1) \cdots (z + n - 1)`, it is

    .. math:: \sum_{i \ge 0} W_i \log(z + i),

    with :math:`W_i` the weight of all counts above i: logarithms and quotients alone, of which
    nothing cancels, however large z is.

    Parameters
    ----------
    n : ndarray of shape (n_rows,)
        Whole numbers of 0 or more.
    weights : ndarray of shape (n_rows,)
    """

    def __init__(self, n: Array, weights: Array) -> None:
        self.counts, self.by_count = tabulate_counts(n, weights)
        most = float(self.counts.max(initial=0.0))
        self.tabulated = most <= _LONGEST + _PER_ROW * len(n)
        if self.tabulated:
            table = np.zeros(int(most) + 1)
            table[self.counts.astype(np.intp)] = self.by_count
            self.steps = np.arange(most)
            self.above = table[::-1].cumsum()[-2::-1]

    def __call__(self, z: float) -> tuple[float, float, float]:
        """Return the sum with its first and second derivative with respect to z."""
        if not self.tabulated:
            parts = (log_rising(z, self.counts), *rising_slopes(z, self.counts))
            value, first, second = (float(self.by_count @ part) for part in parts)
            return value, first, second
        factor = self.steps + z
        slope = 1.0 / factor
        sums = (self.above @ np.log(factor), self.above @ slope, -(self.above @ (slope * slope)))
        value, first, second = (float(part) for part in sums)
        return value, first, second
