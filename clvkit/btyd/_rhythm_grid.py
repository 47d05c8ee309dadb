r"""Nodes of k that all customers share, so that what depends on k alone is computed once.

The posterior of :math:`\psi = k^{1/5}` is nearly normal, whether few or many intervals are known.
So a trapezoidal rule over :math:`\psi` with some 20 nodes, cut where the posterior has fallen by
:math:`e^{-17}`, is good for seven digits. Its step is :math:`2^j` or :math:`3 \cdot 2^j`, the
largest that gives as many nodes, and its nodes are multiples of it: few distinct k in all. Whoever
is nearly lost would have another k if he were alive: nodes reach as far as either posterior does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._rhythm_nodes import log_posterior, ranges
from clvkit.btyd._summary import Rows

__all__ = ["GridPairs", "GridRanges", "grid_pairs", "grid_ranges", "groups_of_k", "is_on_grid"]

Array = NDArray[np.float64]

_POWER = 0.2
_DEPTH = 17.0
_INTERVALS = 18
#: The largest k of the grid.
_HIGHEST = 250.0


#: Steps below this are powers of two only: the few customers who want them share more of their k.
_FINE = 0.04


class GridPairs(NamedTuple):
    """Customers with their nodes of k, one after the other.

    ``row`` is the customer of each pair, ``first`` the first pair of each customer; ``weight`` is
    prior times C(k) times the step, beside the largest of the customer.
    """

    row: NDArray[np.intp]
    first: NDArray[np.intp]
    k: Array
    weight: Array


class GridRanges(NamedTuple):
    """Between which psi the nodes of every customer lie, and their largest distance."""

    low: Array
    high: Array
    step: Array


def grid_ranges(params: dict[str, Any], rows: Rows) -> GridRanges:
    """Return where the posterior of every customer lies, and that given that he is alive."""
    either = [ranges(one, rows, _DEPTH) for one in (params, params | {"s": 0.0})]
    (low, high), (low_alive, high_alive) = np.exp(_POWER * np.array(either))
    step = np.minimum(high - low, high_alive - low_alive) / _INTERVALS
    return GridRanges(np.minimum(low, low_alive), np.maximum(high, high_alive), step)


def is_on_grid(limits: GridRanges) -> NDArray[np.bool_]:
    """Tell customers whose k may not be beyond what tables are for: those of a timetable."""
    return limits.high <= _HIGHEST**_POWER


def grid_pairs(params: dict[str, Any], rows: Rows, limits: GridRanges) -> GridPairs:
    """Return the nodes of k of every customer."""
    low, high, most = limits
    step = np.exp2(np.floor(np.log2(most)))
    between = (step >= _FINE) & (1.5 * step <= most)
    step = np.where(between, 1.5 * step, step)
    begin = np.maximum(np.floor(low / step), 1.0)
    count = (np.ceil(high / step) - begin + 1.0).astype(np.intp)
    first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.intp)
    row = np.repeat(np.arange(len(count)), count)
    psi = step[row] * (begin[row] + (np.arange(len(row)) - first[row]))
    log_k = np.log(psi) / _POWER
    log_weight = log_posterior(params, rows, row, log_k) + np.log(step[row] / psi)
    peak = np.maximum.reduceat(log_weight, first)
    return GridPairs(row, first, np.exp(log_k), np.exp(log_weight - peak[row]))


def groups_of_k(pairs: GridPairs, frequency: Array) -> list[NDArray[np.intp]]:
    """Return the pairs of every distinct k, those of equal frequency together."""
    order = np.lexsort((frequency[pairs.row], pairs.k))
    ends = np.flatnonzero(np.diff(pairs.k[order])) + 1
    return np.split(order, ends)
