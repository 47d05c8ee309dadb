"""Sums over numbers of purchases, exact for few and by Gauss's rules in blocks for many."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_levels", "count_rule"]

Array = NDArray[np.float64]

#: Blocks grow by a share, each summed by so many nodes.
_BLOCK, _NODES = 0.5, 8


@lru_cache(maxsize=512)
def count_rule(top: int, *, exact: int) -> tuple[Array, Array]:
    """Return counts, and weights by which a smooth function is summed over 1 .. top or more."""
    few = np.arange(1.0, min(top, exact) + 1.0)
    counts, weights = [few], [np.ones_like(few)]
    for begin, end in count_levels(top, exact):
        nodes, mass = _discrete_rule(end - begin)
        counts.append(begin + 1.0 + nodes)
        weights.append(mass)
    return np.concatenate(counts), np.concatenate(weights)


def count_levels(top: int, exact: int) -> list[tuple[int, int]]:
    """Return the blocks of counts between ``exact`` and ``top``, or the first end beyond it."""
    levels, end = [], exact
    while end < top:
        begin, end = end, int(np.ceil(end * (1.0 + _BLOCK)))
        levels.append((begin, end))
    return levels


def _discrete_rule(length: int) -> tuple[Array, Array]:
    """Return Gauss's rule for sums over 0 .. length - 1, of the discrete Chebyshev polynomials."""
    n = min(length, _NODES)
    j = np.arange(1.0, n)
    off = 0.5 * np.sqrt(j * j * (length**2 - j * j) / (4.0 * j * j - 1.0))
    nodes, vectors = np.linalg.eigh(np.diag(off, 1) + np.diag(off, -1))
    return nodes + 0.5 * (length - 1.0), length * vectors[0] ** 2
