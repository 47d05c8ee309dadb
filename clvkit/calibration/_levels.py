"""Groups of predictions by level, and the unit in which errors at each level are counted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import column_or_1d

__all__ = ["as_column", "error_unit", "group_edges", "level_group"]

Array = NDArray[np.float64]

#: Least number of scores in a group: 19 would do for a coverage of 0.9, 39 for 0.95.
_LEAST = 100


def as_column(values: Any, name: str) -> Array:
    """Return finite numbers as an array of one dimension."""
    array = check_array(values, ensure_2d=False, dtype=np.float64, input_name=name)
    return column_or_1d(array)


def error_unit(predicted: Array, scale: float) -> Array:
    """Return what an error at each level is divided by."""
    return np.abs(predicted) + scale


def group_edges(predicted: Array, n_groups: int) -> Array:
    """Return values between groups of equal size; where many predictions are equal, fewer."""
    n_groups = max(1, min(n_groups, len(predicted) // _LEAST))
    shares = np.arange(1, n_groups) / n_groups
    edges = np.quantile(predicted, shares, method="averaged_inverted_cdf")
    reach = np.searchsorted(np.sort(predicted), edges, side="right")
    kept, last = [], 0
    for edge, stop in zip(edges, reach, strict=True):
        if stop - last >= _LEAST and len(predicted) - stop >= _LEAST:
            kept.append(edge)
            last = stop
    return np.array(kept)


def level_group(predicted: Array, edges: Array, scale: float) -> NDArray[np.intp]:
    """Return the group of each prediction.

    A little above an edge is on it: many equal predictions may lie there, and the last bits of
    one must not move it to another group.
    """
    return np.searchsorted(edges, predicted - 1e-9 * error_unit(predicted, scale))
