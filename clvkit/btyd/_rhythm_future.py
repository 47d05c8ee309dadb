r"""What comes after T under the Pareto/GGG, by sums over the purchases of the horizon.

Given k, let the n-th purchase since the last one come after v if the customer lives. As sums of
Gamma(k) times are Gamma(n k), and with :math:`\lambda` integrated out, it has the density

.. math::
    b_n(v) = \frac{1}{B(n k, R)} \frac{X^{n k} (1 - X)^R}{v}, \qquad X = \frac{k v}{A + k v},

and, as the first of n such times is a Beta(k, (n-1) k) share of their sum, the first purchase has
not come in the lull U with probability :math:`J_n(v) = 1 - I_{U/v}(k, (n-1) k)`. So the chance of
n purchases or more in the horizon h, of a customer who is alive and silent at T, is

.. math:: \int_U^{U+h} S(v) \, b_n(v) \, J_n(v) \, dv,

and the expected purchases are its sum over n. (Peers draw k, lambda and mu by MCMC and then
simulate.) All :math:`J_n` are 0 at v = U, but :math:`J_1 = 1`, and their slopes are elementary, so
that integrating the polynomial through the slopes at the Gauss-Legendre nodes gives them at these
nodes, with one matrix for all k, n and customers. Panels grow with v; in the first one
:math:`v - U \propto q^p`, p = 4 or more, takes away the powers :math:`(v - U)^{(n-1) k}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from clvkit.btyd._rhythm_alive import alive_nodes
from clvkit.btyd._rhythm_counts import count_levels, count_rule
from clvkit.btyd._rhythm_nodes import Pairs, of_rows
from clvkit.btyd._summary import Rows

__all__ = ["active_if_alive", "pmf_if_alive", "purchases_if_alive", "stays_alive"]

Array = NDArray[np.float64]
Params = dict[str, Any]

#: Nodes of a panel, and how many times as far each panel reaches as the one before, at most.
_NODES, _RATIO = 16, 3.0
#: Rhythms beyond this many phases want shorter panels; a timetable wants more than it gets.
_REGULAR, _MOST_PANELS = 10.0, 60
#: Length of the first panel, in mean times between purchases, and its power.
_FIRST, _POWER, _HIGHEST = 0.75, 4.0, 12.0
#: In lulls, within which J bends.
_NEAR = 2.0
#: Counts up to this are all summed; and so many are more than enough.
_EXACT, _MOST_COUNTS = 24, 2**24
#: Nats below which a count is left out.
_NEGLIGIBLE = 28.0
_NUMBERS, _FEWEST = 60_000, 32
#: Rows at once.
_ROWS = 2_048
#: Logarithms above this overflow; it bounds what meets a J of 0.
_LARGEST = 700.0


def stays_alive(params: Params, rows: Rows, ahead: Array) -> Array:
    """Return the probability of being alive at T + ahead, given alive at T."""
    return np.exp(-params["s"] * np.log1p(ahead / (params["beta"] + rows.T)))


def purchases_if_alive(params: Params, rows: Rows, horizon: Array, rate: float = 0.0) -> Array:
    """Return the expected purchases, given alive at T, discounted at a continuous ``rate``."""

    def expected(work: _Work) -> Array:
        worth = work.mass * np.exp(-rate * work.ahead)
        return np.einsum("vpn,vp,n->p", work.density, worth, work.count_weight, optimize=True)

    return _mean_if_alive(params, rows, horizon, expected, None)


def active_if_alive(params: Params, rows: Rows, horizon: Array) -> Array:
    """Return the probability of a purchase in the horizon, given alive at T."""
    return np.minimum(_at_least(params, rows, horizon, 1)[:, 0], 1.0)


def pmf_if_alive(params: Params, rows: Rows, horizon: Array, n_max: int) -> Array:
    """Return the probabilities of 0 .. n_max purchases, given alive at T."""
    reached = np.minimum(_at_least(params, rows, horizon, n_max + 1), 1.0)
    everybody = np.ones((len(horizon), 1))
    return np.maximum(-np.diff(np.concatenate([everybody, reached], axis=1), axis=1), 0.0)


def _at_least(params: Params, rows: Rows, horizon: Array, n_max: int) -> Array:
    """Return the probabilities of 1, 2, ..., n_max purchases or more, given alive at T."""

    def reached(work: _Work) -> Array:
        out = np.zeros((work.density.shape[1], n_max))
        out[:, : work.density.shape[2]] = np.einsum("vpn,vp->pn", work.density, work.mass)
        return out

    return _mean_if_alive(params, rows, horizon, reached, n_max)


class _Work(NamedTuple):
    """Pairs that share nodes and counts.

    ``ahead`` and ``mass`` (weights times the chance of being alive still), of shape (n_v, n), are
    of times after T, ``density`` (n_v, n, n_counts) is that of :math:`b_n J_n`, given silence.
    """

    ahead: Array
    mass: Array
    density: Array
    count_weight: Array


def _mean_if_alive(
    params: Params,
    rows: Rows,
    horizon: Array,
    evaluate: Callable[[_Work], Array],
    n_max: int | None,
) -> Array:
    """Return the mean over k, given alive at T, of what is evaluated for each pair."""
    shape = () if n_max is None else (n_max,)
    n = len(horizon)
    out = np.zeros((n, *shape))
    for begin in range(0, n, _ROWS):
        part = slice(begin, min(begin + _ROWS, n))
        own = of_rows(params, part, n)
        given = alive_nodes(own, rows.take(part))
        row = given.pairs.row
        old = (own["beta"] + rows.T[part])[row]
        found = np.zeros((len(row), *shape))
        for index, work in _works(given.pairs, given.silent, old, horizon[part][row], n_max):
            found[index] = evaluate(work)
        share = given.share.reshape(-1, *[1] * len(shape))
        out[part] = np.add.reduceat(share * found, given.pairs.first, axis=0)
    return out


def _works(
    pairs: Pairs, silent: Array, old: Array, horizon: Array, n_max: int | None
) -> Iterator[tuple[NDArray[np.intp], _Work]]:
    used = np.flatnonzero(horizon > 0.0)
    some = pairs.take(used)
    first = np.minimum(_FIRST * some.rate / some.shape, some.rate / some.k + some.silence)
    first = np.where(some.silence > 0.0, np.minimum(first, _NEAR * some.silence), first)
    reach = np.log(np.maximum(horizon[used] / first, 1.0))
    ratio = np.log1p((_RATIO - 1.0) * np.minimum(1.0, _REGULAR / some.k))
    panels = 1 + np.minimum(np.ceil(reach / ratio), _MOST_PANELS).astype(np.intp)
    top = _highest_counts(some, horizon[used])
    for n_panels, highest in np.unique(np.stack([panels, top]), axis=1).T.tolist():
        every = np.flatnonzero((panels == n_panels) & (top == highest))
        counts, weights = _counts(highest, n_max)
        size = max(_FEWEST, _NUMBERS // (n_panels * _NODES * len(counts)))
        for begin in range(0, len(every), size):
            chosen = every[begin : begin + size]
            index = used[chosen]
            part = pairs.take(index)
            ahead, step = _times(part.k, first[chosen], horizon[index], n_panels)
            density = _density(part, silent[index], ahead, step, counts)
            mass = step * np.exp(-part.s * np.log1p(ahead / old[index]))
            yield index, _Work(ahead, mass, density, weights)


def _times(k: Array, first: Array, horizon: Array, n_panels: int) -> tuple[Array, Array]:
    """Return nodes of times after T with their weights: a power at first, then geometric."""
    nodes, weights, _ = _rule()
    begin = np.minimum(first, horizon)
    power = np.minimum(np.ceil(_POWER * k) / k, _HIGHEST)
    power = np.where(k < 1.0, power, _POWER)
    near = begin * nodes[:, None] ** power
    ahead, step = [near], [weights[:, None] * power * near / nodes[:, None]]
    width = np.log(horizon / begin) / max(n_panels - 1, 1)
    for panel in range(n_panels - 1):
        far = begin * np.exp((panel + nodes[:, None]) * width)
        ahead.append(far)
        step.append(weights[:, None] * width * far)
    return np.concatenate(ahead), np.concatenate(step)


def _density(pairs: Pairs, silent: Array, ahead: Array, step: Array, counts: Array) -> Array:
    """Return b_n(v) J_n(v), given silence, at times ahead."""
    k, R = pairs.k[:, None], pairs.shape[:, None]
    time = pairs.silence + ahead
    phases = counts * k
    norm = gammaln(phases + R) - gammaln(phases) - gammaln(R) - silent[:, None]
    scaled = pairs.k * time / pairs.rate
    log_share = np.log(scaled) - np.log1p(scaled)
    base = -pairs.shape * np.log1p(scaled) - np.log(time)
    if len(counts) == 1:
        return np.exp(phases * log_share[..., None] + (norm + base[..., None]))
    unbroken, log_scale = _unbroken(pairs, ahead, step, counts)
    log_density = phases * log_share[..., None] + (norm + log_scale + base[..., None])
    np.minimum(log_density, _LARGEST, out=log_density)
    return np.exp(log_density, out=log_density) * unbroken


def _unbroken(pairs: Pairs, ahead: Array, step: Array, counts: Array) -> tuple[Array, Array]:
    """Return J_n(v), over the exponential of a scale for each n and customer, and that scale.

    The first of n purchases, of which the last comes at v, is not before U.
    """
    _, weights, matrix = _rule()
    later = counts > 1.0
    k, n_panels = pairs.k[:, None], len(ahead) // len(weights)
    rest = np.where(later, (counts - 1.0), 1.0) * k
    norm = gammaln(k + rest) - gammaln(k) - gammaln(rest)
    time = pairs.silence + ahead
    lull = pairs.silence > 0.0
    log_lull = np.log(np.where(lull, pairs.silence, 1.0)) - np.log(time)
    log_left = np.log(ahead) - np.log(time)
    base = pairs.k * log_lull - log_left - np.log(time) + np.log(step)
    slope = rest * log_left[..., None] + (norm + base[..., None])
    builds_up = lull[:, None] & later
    log_scale = np.where(builds_up, slope.max(axis=0), 0.0)
    slope = np.where(builds_up, np.exp(np.minimum(slope - log_scale, 0.0)), 0.0)
    out = np.empty_like(slope)
    reached = np.where(builds_up, 0.0, 1.0)
    n_nodes = len(weights)
    for panel in range(n_panels):
        part = slice(panel * n_nodes, (panel + 1) * n_nodes)
        flat = slope[part].reshape(n_nodes, -1)  # times the weights of the rule already
        out[part] = reached + (matrix @ flat).reshape(out[part].shape)
        reached = reached + slope[part].sum(axis=0)
    return np.maximum(out, 0.0, out=out), log_scale


def _highest_counts(pairs: Pairs, horizon: Array) -> NDArray[np.intp]:
    """Return a number of purchases that practically nobody exceeds, by Chernoff's bound.

    Who has not bought for U has a rate of at most about Gamma(R + k, A + k U), and makes one
    purchase more than there are times between purchases in the horizon.
    """
    R = pairs.shape + pairs.k
    scaled = pairs.k * horizon / (pairs.rate + pairs.k * pairs.silence)
    top = np.full(len(R), _levels()[-1], dtype=np.intp)
    todo = np.arange(len(R))
    for level in _levels():
        phases = level * pairs.k[todo]
        shape, ratio = R[todo], scaled[todo]
        # Of phases and R: log of phases / R over what is expected, and the same of the rest.
        more = np.log(phases / (phases + shape)) - np.log(ratio) + np.log1p(ratio)
        less = np.log(shape / (phases + shape)) + np.log1p(ratio)
        enough = (more > 0.0) & (phases * more + shape * less > _NEGLIGIBLE)
        top[todo[enough]] = level
        todo = todo[~enough]
        if not todo.size:
            break
    return top


@lru_cache(maxsize=1)
def _levels() -> tuple[int, ...]:
    """Return the numbers of purchases up to which may be summed."""
    later = (end for _, end in count_levels(_MOST_COUNTS, _EXACT))
    return (2, 4, 6, 8, 12, 16, 20, _EXACT, *later)


def _counts(highest: int, n_max: int | None) -> tuple[Array, Array]:
    if n_max is None:
        return count_rule(highest, exact=_EXACT)
    counts = np.arange(1.0, min(n_max, highest) + 1.0)
    return counts, np.ones_like(counts)


@lru_cache(maxsize=1)
def _rule() -> tuple[Array, Array, Array]:
    """Return nodes in [0, 1], weights, and the matrix from weighted values to running integrals.

    Its rows integrate the polynomial through the values at the nodes up to each of them.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    degrees = np.arange(_NODES)
    values = np.polynomial.legendre.legvander(nodes, _NODES)
    # The integral of P_m from -1 is (P_(m+1) - P_(m-1)) / (2 m + 1), and 1 + x for m = 0.
    before = np.concatenate([-np.ones((_NODES, 1)), values[:, : _NODES - 1]], axis=1)
    running = (values[:, 1:] - before) / (2.0 * degrees + 1.0)
    coefs = (degrees + 0.5)[:, None] * values[:, :_NODES].T
    return 0.5 + 0.5 * nodes, 0.5 * weights, running @ coefs
