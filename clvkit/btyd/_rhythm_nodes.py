r"""Where a Pareto/GGG customer's regularity k may lie: nodes of a trapezoidal rule over log k.

Given k, a customer's times between purchases are Gamma(k, k lambda), and
:math:`\lambda \sim Gamma(r, \alpha)` integrates out of their density:

.. math::
    C(k) = \frac{\Gamma(r + k x)}{\Gamma(r)}
    \frac{\alpha^r \, k^{k x}}{(\alpha + k t_x)^{r + k x}}
    \prod_{gaps} \frac{g^{k-1}}{\Gamma(k)} .

Afterwards :math:`\lambda \sim Gamma(R, A)` with R = r + k x and :math:`A = \alpha + k t_x`. The
posterior of k is proportional to C(k), its prior Gamma(t, gamma), and the probability M(k) of what
has been seen since :math:`t_x`: nothing. It is smooth in log k and falls off on both sides, so that
equally spaced nodes are exact to rounding (to a step of half a standard deviation of it). They are
laid where it is above :math:`e^{-27}` of its peak, for each customer alone. For that, M(k) is
bounded by Chernoff's bound from above, and from below by it and the chance of an early death.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from clvkit.btyd._special import log_rising
from clvkit.btyd._summary import Rows

__all__ = ["Pairs", "lay_nodes", "log_posterior", "of_rows", "pairs_at", "ranges"]

Array = NDArray[np.float64]
Params = dict[str, Any]

#: Nats below the peak at which the posterior of k is cut, and what the bounds may be off by.
_DEPTH, _SLACK = 27.0, 3.0
#: Nodes over what is left of log k; and their largest distance, where Gamma(k) bends.
_NODES, _COARSEST = 32, 0.2
#: Grid on which the range of k is sought, again and again within what the last one left.
_GRID = 18
_MOST_ROUNDS = 12
#: So many numbers at once in that search.
_NUMBERS = 200_000


class Pairs(NamedTuple):
    """Customers with their nodes of k, one after the other.

    ``row`` is the customer of each pair and ``first`` the first pair of each customer;
    ``log_weight`` the logarithm of prior, C(k) and the step of the rule. ``silence`` is T - t_x.
    """

    row: NDArray[np.intp]
    first: NDArray[np.intp]
    k: Array
    log_weight: Array
    shape: Array
    rate: Array
    silence: Array
    log_norm: Array
    alpha: Array
    s: float
    beta: Array
    age_at_last: Array

    def take(self, index: Any) -> Pairs:
        """Return some of the pairs, of which ``first`` says nothing any more."""
        kept: list[Any] = list(self._replace(first=self.row))
        return Pairs(*(part[index] if np.ndim(part) else part for part in kept))


def lay_nodes(params: Params, rows: Rows) -> Pairs:
    """Return the nodes of k of every customer, with what depends on k alone."""
    n = len(rows.T)
    low, high = ranges(params, rows, _DEPTH)
    count = np.maximum(np.ceil((high - low) / _COARSEST).astype(np.intp) + 1, _NODES)
    first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.intp)
    row = np.repeat(np.arange(n), count)
    step = (high - low) / (count - 1)
    log_k = low[row] + step[row] * (np.arange(len(row)) - first[row])
    log_weight = log_posterior(params, rows, row, log_k) + np.log(step[row])
    return pairs_at(params, rows, (row, first), log_k, log_weight)


def pairs_at(
    params: Params, rows: Rows, places: tuple[Any, Any], log_k: Array, log_weight: Array
) -> Pairs:
    """Return the pairs of given nodes; ``places`` are ``row`` and ``first`` of :class:`Pairs`."""
    row, first = places
    own, each, k = of_rows(params, row, len(rows.T)), rows.take(row), np.exp(log_k)
    shape, rate = params["r"] + k * each.frequency, own["alpha"] + k * each.recency
    return Pairs(
        row,
        first,
        k,
        log_weight,
        shape,
        rate,
        each.T - each.recency,
        gammaln(shape + k) - gammaln(shape) - gammaln(k),
        own["alpha"],
        params["s"],
        own["beta"],
        each.recency,
    )


def log_posterior(params: Params, rows: Rows, row: NDArray[np.intp], log_k: Array) -> Array:
    """Return the logarithm of the prior of log k times C(k), of nodes of some rows."""
    return _log_posterior(of_rows(params, row, len(rows.T)), rows.take(row), log_k)


def of_rows(params: Params, index: Any, n: int) -> Params:
    """Return the parameters of some of n rows; those that covariates move are arrays."""
    moved = {name: np.broadcast_to(params[name], (n,))[index] for name in ("alpha", "beta")}
    return params | moved


def _log_posterior(params: Params, rows: Rows, log_k: Array) -> Array:
    """Return the logarithm of the prior of log k times C(k)."""
    t, gamma, r, alpha = (params[name] for name in ("t", "gamma", "r", "alpha"))
    k, x, last = np.exp(log_k), rows.frequency, rows.recency
    prior = t * (np.log(gamma) + log_k) - gamma * k - gammaln(t)
    phases = k * x
    rates = log_rising(r, phases) if r > 1e3 else gammaln(r + phases) - gammaln(r)
    rates = rates - r * np.log1p(k * last / alpha) - phases * np.log(alpha / k + last)
    return prior + rates + _log_gaps(rows, k)


def _log_gaps(rows: Rows, k: Array) -> Array:
    """Return what the times between purchases say of k; see :mod:`clvkit.btyd._erlang`."""
    x = rows.frequency
    if rows.log_gaps is not None:
        return (k - 1.0) * rows.log_gaps - x * gammaln(k)
    bought, last = np.maximum(x, 1.0), np.log(np.where(x > 0, rows.recency, 1.0))
    unknown = gammaln(bought) - gammaln(k * bought) + (k - 1.0) * x * last
    return np.where(x > 0, unknown, 0.0)


def ranges(params: Params, rows: Rows, depth: float) -> tuple[Array, Array]:
    """Return between which log k the posterior of each row is within ``depth`` of its peak."""
    n, x = len(rows.T), rows.frequency
    t, gamma = params["t"], params["gamma"]
    low = np.minimum(np.log(t / gamma), 0.0) - 8.0 - 32.0 / (t + x)
    most = t + 0.5 * x
    high = np.log((most + 8.0 * np.sqrt(most) + 45.0) / gamma)
    high = np.maximum(high, low + 1.0)
    todo = np.arange(n)
    for _ in range(_MOST_ROUNDS):
        later = []
        size = max(1, _NUMBERS // _GRID)
        for begin in range(0, len(todo), size):
            some = todo[begin : begin + size]
            before = high[some] - low[some]
            low[some], high[some] = _narrowed(params, rows, some, (low[some], high[some]), depth)
            later.append(some[high[some] - low[some] < 0.4 * before])
        todo = np.concatenate(later) if later else todo[:0]
        if not todo.size:
            break
    return low, high


def _narrowed(
    params: Params,
    rows: Rows,
    some: NDArray[np.intp],
    limits: tuple[Array, Array],
    depth: float,
) -> tuple[Array, Array]:
    """Return the range to which a grid over the last one narrows it."""
    low, high = limits
    step = (high - low) / (_GRID - 1)
    log_k = low[:, None] + step[:, None] * np.arange(_GRID)
    own = of_rows(params, some, len(rows.T))
    column = {name: np.asarray(value)[..., None] for name, value in own.items()}
    column |= {name: own[name] for name in ("t", "gamma", "r", "s")}
    part = rows.take(some)
    gaps = None if part.log_gaps is None else part.log_gaps[:, None]
    x, last, age = (one[:, None] for one in part[:3])
    each = Rows(x, last, age, log_gaps=gaps)
    log_f = _log_posterior(column, each, log_k)
    above, below = _bounds(column, each, np.exp(log_k))
    floor = (log_f + below).max(axis=1) - (depth + _SLACK)
    counts = log_f + above >= floor[:, None]
    left = np.maximum(counts.argmax(axis=1) - 1, 0)
    right = np.minimum(_GRID - counts[:, ::-1].argmax(axis=1), _GRID - 1)
    return low + step * left, low + step * right


def _bounds(params: Params, rows: Rows, k: Array) -> tuple[Array, Array]:
    """Return bounds of log M(k), up to the chance of surviving t_x."""
    s, x = params["s"], rows.frequency
    shape, rate = params["r"] + k * x, params["alpha"] + k * rows.recency
    silence = rows.T - rows.recency
    old = params["beta"] + rows.recency
    waited = k * silence / (rate + k * silence)
    share = k / (k + shape)
    beyond = np.maximum(waited, share)
    lull = -(k * np.log(share / beyond) + shape * np.log((1.0 - share) / (1.0 - beyond)))
    lull = np.minimum(lull, 0.0)
    with np.errstate(divide="ignore"):  # without a lull nobody can have died in it
        dead = np.log(-np.expm1(-s * np.log1p(silence / old)))
        early = np.minimum(silence, 0.5 * rate / shape)
        dead_early = np.log(-0.25 * np.expm1(-s * np.log1p(early / old)))
    return np.logaddexp(lull, dead), np.maximum(lull - np.log(8.0 * np.sqrt(k + shape)), dead_early)
