r"""The regularity of a Pareto/GGG customer who is alive: few nodes of k that count.

What is asked of the future is smooth in log k, and costs much for each k. So the posterior of k,
given that the customer is alive and silent at T, is condensed from the nodes of the likelihood to
those of Gauss's rule for it, of which n are exact for polynomials in log k up to degree 2 n - 1.
They are the eigenvalues of the matrix of the recurrence of its orthogonal polynomials (Golub and
Welsch 1969), which Stieltjes's procedure gives. Customers without a repeat purchase, of whom few
distinct ones exist, and who may buy in bursts of 1/k, keep all nodes that count.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._rhythm_lull import log_silent
from clvkit.btyd._rhythm_nodes import Pairs, lay_nodes, pairs_at
from clvkit.btyd._summary import Rows

__all__ = ["AliveNodes", "alive_nodes"]

Array = NDArray[np.float64]

_NODES = 12
#: A share of the expectation that is left out.
_TINY = 1e-11
#: Least spread of log k beside the range of its nodes, and norms that are rounding.
_NARROW, _NOTHING = 1e-3, 1e-9


class AliveNodes(NamedTuple):
    """Pairs with their probabilities, and the logarithms of the chance of their silence."""

    pairs: Pairs
    share: Array
    silent: Array


def alive_nodes(params: dict[str, Any], rows: Rows) -> AliveNodes:
    """Return the nodes of k of every customer, given that he is alive at T."""
    pairs = lay_nodes(params, rows)
    silent = log_silent(pairs)
    log_share = pairs.log_weight + silent
    peak = np.maximum.reduceat(log_share, pairs.first)
    share = np.exp(log_share - peak[pairs.row])
    share /= np.add.reduceat(share, pairs.first)[pairs.row]
    bought = rows.frequency > 0
    log_k, weight = _gauss(np.log(pairs.k), share, pairs)
    kept = ~bought[pairs.row] & (share * (1.0 + 1.0 / pairs.k) > _TINY)
    n = np.count_nonzero(bought)
    row = np.concatenate([np.repeat(np.flatnonzero(bought), _NODES), pairs.row[kept]])
    all_k = np.concatenate([log_k[bought].ravel(), np.log(pairs.k[kept])])
    shares = np.concatenate([weight[bought].ravel(), share[kept]])
    order = np.argsort(row, kind="stable")
    row = row[order]
    first = np.flatnonzero(np.diff(row, prepend=-1))
    few = pairs_at(params, rows, (row, first), all_k[order], np.zeros(len(row)))
    known = np.concatenate([np.full(n * _NODES, np.nan), silent[kept]])[order]
    new = np.isnan(known)
    known[new] = log_silent(few.take(new))
    return AliveNodes(few, shares[order], known)


def _gauss(log_k: Array, share: Array, pairs: Pairs) -> tuple[Array, Array]:
    """Return nodes and weights, of shape (n_rows, 12), of Gauss's rule for each row's shares."""

    def total(values: Array) -> Array:
        sums: Array = np.add.reduceat(share * values, pairs.first)
        return sums

    center = total(log_k)
    reach = np.maximum.reduceat(log_k, pairs.first) - np.minimum.reduceat(log_k, pairs.first)
    spread = np.sqrt(total((log_k - center[pairs.row]) ** 2))
    spread = np.maximum(spread, _NARROW * reach)  # all may be at one node
    z = (log_k - center[pairs.row]) / spread[pairs.row]
    matrix = np.zeros((len(center), _NODES, _NODES))
    before, now, off = np.zeros_like(z), np.ones_like(z), np.zeros_like(center)
    for j in range(_NODES):
        matrix[:, j, j] = diagonal = total(z * now * now)
        after = (z - diagonal[pairs.row]) * now - off[pairs.row] * before
        off = np.sqrt(total(after * after))
        off = np.where(off > _NOTHING, off, 0.0)  # fewer nodes say all then
        if j + 1 < _NODES:
            matrix[:, j + 1, j] = off
        scale = np.where(off > 0.0, 1.0 / np.where(off > 0.0, off, 1.0), 0.0)
        before, now = now, after * scale[pairs.row]
    nodes, vectors = np.linalg.eigh(matrix)  # which reads the lower triangle
    return center[:, None] + spread[:, None] * nodes, vectors[:, 0, :] ** 2
