"""Medians of ragged segments."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["ragged_median"]

#: Length up to which segments are not padded.
_EXACT = 32


def ragged_median(values: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the median of ``values[offsets[i]:offsets[i + 1]]`` for every ``i``; NaN if empty.

    Segments of one length are the rows of a matrix, and sorted together; the few long ones are
    padded with infinities to lengths that they share. No key of the segment is sorted along.

    Examples
    --------
    >>> import numpy as np
    >>> ragged_median(np.array([3.0, 1.0, 2.0, 5.0, 8.0]), np.array([0, 3, 3, 5]))
    array([2. , nan, 6.5])
    """
    length = np.diff(offsets)
    result = np.full(len(length), np.nan)
    longest = int(length.max()) if len(length) else 0
    width, shorter = 1, 0
    while shorter < longest:
        rows = np.flatnonzero((length > shorter) & (length <= width))
        if len(rows):
            result[rows] = _median_of_rows(values, offsets[rows], length[rows], width)
        # 1, 2, ..., 32, 48, 72, ...: little padding, and few sorts.
        shorter, width = width, width + (1 if width < _EXACT else width // 2)
    return result


def _median_of_rows(
    values: NDArray, begin: NDArray[np.int64], length: NDArray[np.int64], width: int
) -> NDArray[np.float64]:
    if width <= _EXACT:
        matrix = sliding_window_view(values, width)[begin]
        matrix.sort(axis=1)
        return (matrix[:, (width - 1) // 2] + matrix[:, width // 2]) / 2
    column = np.arange(width)
    inside = column < length[:, None]
    matrix = np.where(inside, values[np.where(inside, begin[:, None] + column, 0)], np.inf)
    matrix.sort(axis=1)
    row = np.arange(len(begin))
    return (matrix[row, (length - 1) // 2] + matrix[row, length // 2]) / 2
