r"""Sums over the opportunities of a horizon, as many as there may be.

What an alive customer will do is a sum of positive terms, one for each opportunity k = 1 .. h. A
term is the one before times a ratio, so that the first few hundred are multiplied up. Beyond, the
terms are smooth in k, and a sum of many is an integral with corrections at its ends, which
Gregory's formula makes of a few terms there. Gauss-Legendre rules on panels of equal length in
log k take the integral.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Terms", "sum_terms"]

Array = NDArray[np.float64]

#: Up to this many opportunities every term is added up, else those before _FIRST.
_ALL, _FIRST = 256, 128
_GREGORY = (1 / 2, 1 / 12, 1 / 24, 19 / 720, 3 / 160, 863 / 60480, 275 / 24192)
#: Weights of the terms at either end of a sum beside its integral.
_END = [
    sum((-1) ** i * comb(m, i) * _GREGORY[m] for m in range(i, len(_GREGORY)))
    for i in range(len(_GREGORY))
]
_PANEL = 4.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_NODES, _WEIGHTS = 0.5 + 0.5 * _NODES, 0.5 * _WEIGHTS


class Terms(NamedTuple):
    """Positive terms that never rise, row by row.

    ``ratio(rows, k)`` is the k-th term, of the given rows, divided by the one before (by 1 for
    the first); ``log(rows, k)`` the logarithm of the k-th, for any real k.
    """

    ratio: Callable[[NDArray[np.intp], float], Array]
    log: Callable[[NDArray[np.intp], Array], Array]


def sum_terms(terms: Terms, horizon: Array) -> Array:
    """Return the sum of the first ``horizon`` terms of every row.

    Parameters
    ----------
    terms : Terms
    horizon : ndarray of shape (n,)
        Whole numbers.

    Returns
    -------
    ndarray of shape (n,)
    """
    total = np.zeros(len(horizon))
    one_by_one = np.where(horizon <= _ALL, horizon, _FIRST - 1.0)
    rows = np.argsort(one_by_one, kind="stable")
    term = np.ones(len(rows))
    ends = np.searchsorted(one_by_one[rows], np.arange(1, one_by_one.max(initial=0.0) + 1))
    done = 0
    for k, end in enumerate(ends, start=1):
        rows, term = rows[end - done :], term[end - done :]
        done = end
        term = term * terms.ratio(rows, float(k))
        total[rows] += term
    far = np.flatnonzero(horizon > _ALL)
    if far.size:
        total[far] += _tail(terms, far, horizon[far])
    return total


def _tail(terms: Terms, rows: NDArray[np.intp], horizon: Array) -> Array:
    """Return the sum of the terms from _FIRST to the horizon."""
    total = np.zeros(len(rows))
    for i, weight in enumerate(_END):
        ends = terms.log(rows, np.full(len(rows), _FIRST + float(i))), terms.log(rows, horizon - i)
        total += weight * (np.exp(ends[0]) + np.exp(ends[1]))
    left = np.arange(len(rows))
    begin = float(_FIRST)
    while left.size:
        width = np.log(np.minimum(horizon[left] / begin, _PANEL))
        panel = np.zeros(len(left))
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            k = begin * np.exp(node * width)
            panel += weight * width * k * np.exp(terms.log(rows[left], k))
        total[left] += panel
        begin *= _PANEL
        # Terms never rise, so what is left is at most so much where it cannot be seen.
        seen = panel > 1e-17 * total[left]
        left = left[(horizon[left] > begin) & seen]
    return total
