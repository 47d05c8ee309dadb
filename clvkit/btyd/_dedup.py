"""Equal rows together: models see (frequency, recency, T) only, and many customers share it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Rows are summed in chunks that fit the processor's cache, too small for BLAS to thread.
CHUNK = 8_192


class Groups(NamedTuple):
    """Rows sorted into groups of equal ones.

    ``first`` holds a row of every group, ``code`` the group of every row.
    """

    first: NDArray[np.intp]
    code: NDArray[np.intp]


def group_rows(*columns: Array) -> Groups:
    """Group the rows that are equal in all columns.

    Rows are sorted by one 64-bit hash of their bits, which is several times faster than
    sorting by columns. Two different rows with the same hash would be neighbours afterwards;
    groups are therefore cut by comparing the columns themselves. Should a collision ever
    interleave two kinds of rows, the groups are merely more than necessary.
    """
    order = np.argsort(_hash(columns))
    new = np.zeros(len(order), dtype=bool)
    new[:1] = True
    for column in columns:
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    code = np.empty(len(order), dtype=np.intp)
    code[order] = np.cumsum(new) - 1
    return Groups(order[new], code)


def tabulate_counts(x: Array, weights: Array) -> tuple[Array, Array]:
    """Return the distinct counts of ``x``, ascending, and the sum of the positive weights of each.

    Counting in a table is several times faster than sorting; only counts far beyond the number
    of rows, for which the table would be mostly empty, are sorted.
    """
    if x.max(initial=0.0) > 10.0 * len(x) + 1_000.0:
        distinct, code = np.unique(x, return_inverse=True)
        return distinct, np.bincount(code, weights).astype(float)
    table = np.bincount(x.astype(np.intp), weights).astype(float)
    counts = np.flatnonzero(table)
    return counts.astype(float), table[counts]


def _hash(columns: tuple[Array, ...]) -> NDArray[np.int64]:
    # Multiply and shift (as in splitmix64) after every column; overflow is meant.
    # Adding 0.0 turns -0.0, which equals 0.0, into the same bits.
    mixed = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        mixed += np.ascontiguousarray(column + 0.0, dtype=np.float64).view(np.uint64)
        mixed ^= mixed >> np.uint64(30)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(27)
        mixed *= np.uint64(0x94D049BB133111EB)
    return mixed.view(np.int64)
