"""Reductions over ragged segments of one long array, without a Python loop.

A segment is a half-open range ``begin[i]:end[i]``. Segments may overlap (the prefixes of one
customer's events), may be empty, and may come in any order.

``np.add.reduceat`` sums each segment on its own, so a result depends on the segment's own
values only, to the last bit. Differences of a running sum would be faster to write, but would
carry the rounding of every other customer's amounts into the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["concatenated_ranges", "ragged_searchsorted", "segment_reduce", "starts_of_runs"]

Ints = NDArray[np.int64]

#: Values a segment up to which counting all of them is faster than bisecting (measured).
_DENSE = 30

#: Values a segment up to which extremes are found faster value by value than segment by segment.
_SHORT = 16
_INT32_LIMIT = 2**31


def segment_reduce(
    ufunc: np.ufunc,
    values: NDArray,
    begin: Ints,
    end: Ints,
    *,
    empty: float,
) -> NDArray:
    """Reduce ``values[begin[i]:end[i]]`` with ``ufunc`` for every ``i``.

    Parameters
    ----------
    ufunc : numpy.ufunc
        ``np.add``, ``np.maximum``, ``np.minimum``, ``np.logical_and``, ...
    values : ndarray of shape (n_values,)
    begin, end : ndarray of int64 of shape (n_segments,)
        ``0 <= begin <= end <= n_values``.
    empty : scalar
        Result for an empty segment.

    Returns
    -------
    ndarray of shape (n_segments,)
        Of the type that ``ufunc`` reduces ``values`` to (sums of truth values are counts),
        widened where ``empty`` needs it.

    Examples
    --------
    >>> import numpy as np
    >>> begin, end = np.array([0, 2, 2]), np.array([2, 2, 4])
    >>> segment_reduce(np.add, np.array([1.0, 2.0, 3.0, 4.0]), begin, end, empty=0.0)
    array([3., 0., 7.])
    """
    reduced = ufunc.reduceat(np.zeros(1, dtype=values.dtype), [0]).dtype
    result = np.full(len(begin), empty, dtype=np.result_type(reduced, np.min_scalar_type(empty)))
    filled = np.flatnonzero(end > begin)
    if len(filled) == 0:
        return result
    # One segment after the other, as the rows of a log are: no gap to reduce in between.
    if np.array_equal(begin[filled[1:]], end[filled[:-1]]):
        result[filled] = _reduce_adjoining(ufunc, values[: end[filled[-1]]], begin[filled])
        return result
    # reduceat also reduces the gap between one segment and the next. In order of `begin` all
    # gaps together are no longer than the array; in any other order they could be far longer.
    if np.any(np.diff(begin[filled]) < 0):
        filled = filled[np.argsort(begin[filled], kind="stable")]
    bounds = np.empty(2 * len(filled), dtype=np.int64)
    bounds[::2], bounds[1::2] = begin[filled], end[filled]
    # An index equal to the length is refused; only ends can be that, and only segments that
    # reach the end of the array have it. A padded copy would cost the array once more.
    if end[filled[-1]] == len(values) and np.count_nonzero(bounds == len(values)) == 1:
        result[filled] = ufunc.reduceat(values, bounds[:-1])[::2]
    else:
        result[filled] = _reduceat_padded(ufunc, values, bounds)
    return result


def _reduce_adjoining(ufunc: np.ufunc, values: NDArray, begin: Ints) -> NDArray:
    """Reduce segments each of which goes on to the beginning of the next."""
    first = int(begin[0])
    n_values = len(values) - first
    if ufunc not in (np.maximum, np.minimum) or n_values > _SHORT * len(begin):
        return ufunc.reduceat(values, begin)
    # reduceat calls these once a segment, which takes longer than to compare a few values.
    extreme = values[begin]
    length = np.diff(begin, append=len(values))
    ufunc.at(extreme, np.repeat(np.arange(len(begin)), length), values[first:])
    return extreme


def _reduceat_padded(ufunc: np.ufunc, values: NDArray, bounds: Ints) -> NDArray:
    if bounds.max() == len(values):
        values = np.append(values, values[-1:])
    return ufunc.reduceat(values, bounds)[::2]


def concatenated_ranges(begin: Ints, end: Ints) -> Ints:
    """Return ``begin[0], ..., end[0] - 1, begin[1], ...`` as one array of indices.

    Examples
    --------
    >>> import numpy as np
    >>> concatenated_ranges(np.array([0, 7]), np.array([2, 10]))
    array([0, 1, 7, 8, 9])
    """
    length = end - begin
    stop = np.cumsum(length)
    total = int(stop[-1]) if len(stop) else 0
    return np.arange(total, dtype=np.int64) + np.repeat(begin - (stop - length), length)


def ragged_searchsorted(
    values: NDArray, begin: Ints, end: Ints, target: NDArray | int | float
) -> Ints:
    """Return for every segment the position after its last value ``<= target[i]``.

    Each segment must be in ascending order.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
    begin, end : ndarray of int64 of shape (n_segments,)
    target : ndarray of shape (n_segments,), or one value for all

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1, 5, 9, 2, 3])
    >>> ragged_searchsorted(values, np.array([0, 3]), np.array([3, 5]), np.array([5, 1]))
    array([2, 3])
    """
    if np.ndim(target) == 0 and len(values) <= _DENSE * len(begin):
        return _count_up_to(values, begin, end, target)
    targets = np.broadcast_to(target, len(begin))
    # The bisections of all segments advance together: as many passes as the longest one needs.
    low, high = begin.copy(), end.copy()
    open_ = np.flatnonzero(low < high)
    while len(open_):
        middle = (low[open_] + high[open_]) >> 1
        right = values[middle] <= targets[open_]
        low[open_[right]] = middle[right] + 1
        high[open_[~right]] = middle[~right]
        open_ = open_[low[open_] < high[open_]]
    return low


def _count_up_to(values: NDArray, begin: Ints, end: Ints, target: Any) -> Ints:
    """Bisect by counting, which reads all the values once but none of them at random."""
    narrow = len(values) < _INT32_LIMIT
    so_far: NDArray[np.integer] = np.zeros(len(values) + 1, np.int32 if narrow else np.int64)
    np.cumsum(values <= target, out=so_far[1:])
    return begin + so_far[end] - so_far[begin]


def starts_of_runs(offsets: Ints, *keys: NDArray) -> NDArray[np.bool_]:
    """Mark where a new run of equal keys starts; a new segment always starts a run.

    Parameters
    ----------
    offsets : ndarray of int64 of shape (n_segments + 1,)
        Segment ``i`` is ``offsets[i]:offsets[i + 1]``.
    *keys : ndarrays of shape (n_values,)

    Examples
    --------
    >>> import numpy as np
    >>> starts_of_runs(np.array([0, 2, 4]), np.array([1, 1, 1, 3]))
    array([ True, False,  True,  True])
    """
    n_values = int(offsets[-1])
    starts = np.zeros(n_values, dtype=bool)
    for key in keys:
        np.logical_or(starts[1:], key[1:] != key[:-1], out=starts[1:])
    first = offsets[:-1]
    starts[first[first < offsets[1:]]] = True
    return starts
