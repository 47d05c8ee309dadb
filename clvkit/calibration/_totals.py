"""Intervals for sums: chance by moments, the level of groups and of the period beside it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincc, ndtr

__all__ = ["Moments", "learn_moments", "total_table"]

Array = NDArray[np.float64]

#: Below this skewness a shifted gamma distribution is normal for all that matters.
_STRAIGHT = 1e-3
_STEPS = 30


class Moments(NamedTuple):
    """Errors of single predictions by group of level, in units of each prediction.

    Attributes
    ----------
    table : ndarray of shape (n_groups, 3)
        Mean, variance and third central moment.
    units : ndarray of shape (n_groups,)
        Share of each group in the sum of all units.
    lean : float
        Variance of what the predictions of a whole group are off by, beyond chance.
    """

    table: Array
    units: Array
    lean: float


def learn_moments(errors: Array, unit: Array, group: NDArray[np.intp], n_groups: int) -> Moments:
    """Learn from errors of predictions, in units, and the group of each."""
    count = np.maximum(np.bincount(group, minlength=n_groups), 1.0)
    mean = np.bincount(group, errors, n_groups) / count
    central = errors - mean[group]
    variance = np.bincount(group, central**2, n_groups) / count
    third = np.bincount(group, central**3, n_groups) / count
    units = np.bincount(group, unit, n_groups)
    lean = max(0.0, float(np.mean(mean**2 - variance / count)))
    return Moments(np.column_stack([mean, variance, third]), units / units.sum(), lean)


def total_table(
    labels: Any,
    predicted: Array,
    unit: Array,
    group: NDArray[np.intp],
    moments: Moments,
    nodes: Array,
    coverage: float,
    least: float,
) -> pd.DataFrame:
    """Return one row a label: the sum of the predictions, and the ends of its interval."""
    code, names = pd.factorize(np.asarray(labels), sort=True)
    n, (mean, variance, third) = len(names), moments.table.T
    total, noise, skew = (
        np.bincount(code, values, n).astype(np.float64)
        for values in (predicted, unit**2 * variance[group], unit**3 * third[group])
    )
    cells = np.zeros((n, len(mean)))
    np.add.at(cells, (code, group), unit)
    # Groups lean to either side, but not all together: that is the level of the period.
    together = cells @ moments.units / np.linalg.norm(moments.units)
    noise += moments.lean * np.maximum((cells**2).sum(axis=1) - together**2, 0.0)
    tail = 0.5 * (1.0 - coverage)
    ends = [_quantile(total, noise, skew, nodes, level) for level in (tail, 1.0 - tail)]
    floor = np.bincount(code, minlength=n) * least if least else 0.0
    lower = np.minimum(np.maximum(ends[0], floor), total)
    upper = np.maximum(ends[1], total)
    index = pd.Index(names, name="group")
    return pd.DataFrame({"total": total, "lower": lower, "upper": upper}, index=index)


def _quantile(total: Array, variance: Array, third: Array, nodes: Array, level: float) -> Array:
    """Return the quantile of level times (total plus noise), the levels equally likely."""
    spread = np.sqrt(variance)
    reach = 12.0 * spread + 1e-9
    low = (total - reach) * np.where(total > reach, nodes[0], nodes[-1])
    high = (total + reach) * nodes[-1]
    skewness = np.divide(third, spread**3, out=np.zeros_like(spread), where=spread > 0.0)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        noise = middle[:, None] / nodes - total[:, None]
        below = _shifted_gamma(noise, spread[:, None], skewness[:, None]).mean(axis=1)
        low, high = np.where(below < level, middle, low), np.where(below < level, high, middle)
    return 0.5 * (low + high)


def _shifted_gamma(x: Array, spread: Array, skewness: Array) -> Array:
    r"""Return the distribution function of mean 0 and a given spread and skewness.

    A gamma variable of shape :math:`k = 4 / \gamma^2` has skewness :math:`\gamma`; it is moved and
    stretched, and mirrored for a negative one (Pearson's type III).
    """
    size = np.abs(skewness)
    z = x / np.maximum(spread, 1e-300)
    shape = 4.0 / np.maximum(size, _STRAIGHT) ** 2
    at = shape + np.where(skewness < 0.0, -z, z) * np.sqrt(shape)
    at = np.maximum(at, 0.0)
    curved = np.where(skewness < 0.0, gammaincc(shape, at), gammainc(shape, at))
    return np.where(size > _STRAIGHT, curved, ndtr(z))
