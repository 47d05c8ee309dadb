"""Quantiles of what a customer will spend, and what is scored of them.

A distribution is given by its quantiles at :data:`LEVELS`, the same for every competitor. The
CRPS is twice the integral of the pinball loss over all levels (Gneiting and Raftery 2007, JASA
102, eq. 20 and 6.2); here it is the sum over the levels, each with the width of the levels that
are nearest to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["DISTRIBUTION_METRICS", "LEVELS", "crps", "pinball", "score_distribution"]

FloatArray = NDArray[np.float64]

#: Closer together at the top: where most customers spend nothing, the rest is there.
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99)

DISTRIBUTION_METRICS = ("crps", "crps_skill", "pinball_90", "coverage_80", "coverage_90")

#: Share of the line of levels for which each of them stands.
_EDGES = np.concatenate([[0.0], (np.array(LEVELS[1:]) + np.array(LEVELS[:-1])) / 2, [1.0]])
WIDTHS = np.diff(_EDGES)


def pinball(y: FloatArray, quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the pinball loss of each customer (row) at each level (column)."""
    above = y[:, None] - quantiles
    return np.maximum(levels * above, (levels - 1.0) * above)


def crps(y: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Return the CRPS of each customer, from quantiles at :data:`LEVELS`, one column each."""
    return 2.0 * pinball(y, quantiles, np.array(LEVELS)) @ WIDTHS


def score_distribution(y: FloatArray, quantiles: FloatArray) -> dict[str, float]:
    """Return what is scored of quantiles, an array (customers, levels).

    ``crps_skill`` and ``pinball_90`` compare with the quantiles of ``y`` itself, the best that
    are the same for everybody: 1 - CRPS / theirs, and the mean loss at 5 % and 95 % over theirs.
    Coverage is the share of customers within the interval, its ends included, up to a millionth
    of the mean of ``y``.
    """
    levels = np.array(LEVELS)
    same = np.broadcast_to(np.quantile(y, levels), quantiles.shape)
    ends = [levels.tolist().index(level) for level in (0.05, 0.95)]
    ours, best = (pinball(y, q[:, ends], levels[ends]).mean() for q in (quantiles, same))
    mean, mean_of_same = crps(y, quantiles).mean(), crps(y, same).mean()
    return {
        "crps": float(mean),
        "crps_skill": float(1.0 - mean / mean_of_same) if mean_of_same > 0 else np.nan,
        "pinball_90": float(ours / best) if best > 0 else np.nan,
        "coverage_80": _coverage(y, quantiles, 0.1, 0.9),
        "coverage_90": _coverage(y, quantiles, 0.05, 0.95),
    }


def _coverage(y: FloatArray, quantiles: FloatArray, low: float, high: float) -> float:
    lower, upper = (quantiles[:, LEVELS.index(level)] for level in (low, high))
    # A lower end of 3e-8 is 0, the spend of most: some methods never say quite that.
    rounding = 1e-6 * y.mean()
    return float(np.mean((lower <= y + rounding) & (y - rounding <= upper)))
