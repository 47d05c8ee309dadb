r"""Chances of being alive and expected purchases under the Pareto/GGG, for many customers.

Given k, the next purchase comes at v after the last one with the elementary density w(v) of
:mod:`clvkit.btyd._rhythm_lull`, and leaves a rate Gamma(N, A + k v), N = R + k. From there on
gaps start anew, so that further purchases follow the renewal function, whose straight part and
transients (:mod:`clvkit.btyd._rhythm_renewal`) are integrated against the chance S of being alive
by parts. With e the end of the horizon, B = (A + k v) / k and :math:`\xi = (e - v) / B`, a purchase
at v is worth

.. math::
    S(v) \, \tfrac{k + 1}{2 k} + \tfrac{N}{k B} \int_v^e S + S(e) \, \bar\tau_0(\xi)
    + B \, s(e) \, \bar\tau_1(\xi) - B^2 \, s'(e) \, \bar\tau_2(\xi)
    + B^2 \int_v^e s''(y) \, \bar\tau_2\left(\tfrac{y - v}{B}\right) dy, \qquad s = -S',

itself and what follows. All that is left to integrate is smooth: over v by a Gauss-Legendre rule
in z, log(k v / A) = 3 sinh z, which bends towards e where transients are powers of e - v; and the
last and smallest integral, which varies slowly with v, at a few of them only.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BarycentricInterpolator
from scipy.special import betainc, expit, gammaln

from clvkit.btyd._rhythm_grid import (
    GridPairs,
    GridRanges,
    grid_pairs,
    grid_ranges,
    groups_of_k,
    is_on_grid,
)
from clvkit.btyd._rhythm_lull import reach
from clvkit.btyd._rhythm_nodes import of_rows
from clvkit.btyd._rhythm_renewal import (
    MixedTransients,
    excess,
    look_up,
    look_up_earlier,
    mixed_transients,
)
from clvkit.btyd._summary import Rows

__all__ = ["outlook"]

Array = NDArray[np.float64]
Params = dict[str, Any]

#: Nats at which the next purchase is cut, and the stretch of its logarithm.
_DEPTH, _STRETCH = 22.0, 3.0
#: Rows, and pairs of a customer and a k, at once.
_ROWS, _PAIRS = 16_384, 512
#: Least time left beside the horizon, that of the last node.
_NEAREST = 1e-7
#: Probabilities of a k that are nothing to the expectation, and what cannot divide.
_TINY, _NOTHING = 1e-9, 1e-300


@lru_cache(maxsize=256)
def _unit_rule(n: int) -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 + 0.5 * nodes, 0.5 * weights


#: The least number of nodes for deaths in a lull, powers of those of Gauss-Legendre.
_DEATHS, _POWER = 28, 3.0


class _Rule(NamedTuple):
    """Nodes of z between its limits, of the density and the fewer of worth and the last integral.

    ``bent`` towards the end, q -> q^2 (3 - 2 q), but for those of the last integral. Polynomials
    in q lead from fewer to more: ``to_worth`` and ``to_mass`` are matrices. ``n_later`` is the
    number of nodes of the last integral itself.
    """

    bent: Array
    weight: Array
    worth: Array
    last: Array
    to_worth: Array
    to_mass: Array
    n_later: int


def _rule(n: int, n_worth: int, n_last: int, n_later: int) -> _Rule:
    (q, weight), (fewer, _), (last, _) = (_unit_rule(one) for one in (n, n_worth, n_last))
    bent, worth = q**2 * (3.0 - 2.0 * q), fewer**2 * (3.0 - 2.0 * fewer)
    return _Rule(
        bent[:, None],
        (6.0 * q * (1.0 - q) * weight)[:, None],
        worth[:, None],
        last[:, None],
        BarycentricInterpolator(last, np.eye(n_last))(worth),
        BarycentricInterpolator(fewer, np.eye(n_worth))(q).T,
        n_later,
    )


#: Rules by k, as transients of the regular last longer; and for k that are likely and that are not.
_RULES = (
    (4.0, _rule(32, 24, 10, 12), _rule(28, 16, 6, 6)),
    (np.inf, _rule(36, 36, 10, 12), _rule(32, 28, 8, 8)),
)
#: The probability that makes a k likely.
_LIKELY = 1e-3


@lru_cache(maxsize=1024)
def _later(n: int, step: float) -> tuple[NDArray[np.intp], Array, Array]:
    """Return nodes y in [0, 1] whose logarithms are multiples of a step, near squares of Gauss's.

    With them go the multiples, and weights by which polynomials in the root of y are integrated.
    """
    nodes, _ = _unit_rule(n)
    multiples = np.rint(-2.0 * np.log(nodes[::-1]) / step).astype(np.intp)
    spread = np.arange(n)
    multiples = np.maximum.accumulate(multiples - spread) + spread
    y = np.exp(-step * multiples)
    basis = np.polynomial.legendre.legvander(2.0 * np.sqrt(y) - 1.0, n - 1)
    dense, weights = _unit_rule(n + 2)
    moments = (2.0 * dense * weights) @ np.polynomial.legendre.legvander(2.0 * dense - 1.0, n - 1)
    found = np.linalg.solve(basis.T, moments)
    return multiples, y, np.asarray(found, dtype=np.float64)


class _Group(NamedTuple):
    """Customers at one k."""

    k: float
    shape: Array
    rate: Array
    silence: Array
    silent: Array
    old: Array
    s: float


def outlook(params: Params, rows: Rows, horizon: Array | None = None) -> tuple[Array, Array]:
    """Return the chance of being alive at T, and the expected purchases of those who are.

    Both are NaN for customers so regular that they are beyond the tables.
    """
    n = len(rows.T)
    alive, expected = np.full(n, np.nan), np.full(n, np.nan)
    for begin in range(0, n, _ROWS):
        part = slice(begin, min(begin + _ROWS, n))
        limits = grid_ranges(of_rows(params, part, n), rows.take(part))
        within = is_on_grid(limits)
        index = begin + np.flatnonzero(within)
        if index.size:
            ahead = np.zeros(len(index)) if horizon is None else horizon[index]
            kept = GridRanges(*(one[within] for one in limits))
            pairs = grid_pairs(of_rows(params, index, n), rows.take(index), kept)
            found = _outlook(of_rows(params, index, n), rows.take(index), pairs, ahead)
            alive[index], expected[index] = found
    return alive, expected


def _outlook(params: Params, rows: Rows, pairs: GridPairs, horizon: Array) -> tuple[Array, Array]:
    groups = list(_groups(params, rows, pairs))
    silent, dead = np.zeros(len(pairs.k)), np.zeros(len(pairs.k))
    for index, group in groups:
        silent[index], dead[index] = group.silent, _dead(group)
    share = pairs.weight * silent
    nothing = np.add.reduceat(share, pairs.first)
    total = nothing + np.add.reduceat(pairs.weight * dead, pairs.first)
    lived = (params["beta"] + rows.recency) / (params["beta"] + rows.T)
    alive = lived ** params["s"] * nothing / np.maximum(total, _NOTHING)
    if not horizon.any():
        return alive, np.zeros_like(alive)
    share /= np.maximum(nothing, _NOTHING)[pairs.row]
    worth = _found(groups, share, horizon[pairs.row])
    return alive, np.add.reduceat(share * worth, pairs.first)


def _found(groups: list[tuple[NDArray[np.intp], _Group]], share: Array, horizon: Array) -> Array:
    """Return the expected purchases of every pair that counts."""
    found = np.zeros(len(share))
    counts = (share > _TINY) & (horizon > 0.0)
    for index, group in groups:
        used = np.flatnonzero(counts[index])
        if used.size:
            at = index[used]
            found[at] = _expected(_taken(group, used), horizon[at], share[at] > _LIKELY)
    return found


def _groups(
    params: Params, rows: Rows, pairs: GridPairs
) -> Iterator[tuple[NDArray[np.intp], _Group]]:
    """Yield the pairs of each k."""
    for index in groups_of_k(pairs, rows.frequency):
        row, k = pairs.row[index], float(pairs.k[index[0]])
        shape = params["r"] + k * rows.frequency[row]
        rate = params["alpha"][row] + k * rows.recency[row]
        silence = rows.T[row] - rows.recency[row]
        silent = betainc(shape, k, rate / (rate + k * silence))
        old = params["beta"][row] + rows.T[row]
        yield index, _Group(k, shape, rate, silence, silent, old, params["s"])


def _taken(group: _Group, index: Any) -> _Group:
    kept: list[Any] = [part[index] if isinstance(part, np.ndarray) else part for part in group]
    return _Group(*kept)


def _log_norm(group: _Group) -> Array:
    return gammaln(group.shape + group.k) - gammaln(group.shape) - gammaln(group.k)


def _dead(group: _Group) -> Array:
    """Return the probability to have died, in a lull before the next purchase, given k."""
    out = np.empty(len(group.shape))
    rule = _unit_rule(int(_DEATHS * max(1.0, np.sqrt(group.k / 8.0))))
    for begin in range(0, len(out), _PAIRS):
        part = slice(begin, begin + _PAIRS)
        out[part] = _dead_by_rule(_taken(group, part), *rule)
    return out


def _dead_by_rule(group: _Group, nodes: Array, weights: Array) -> Array:
    k, nodes, weights = group.k, nodes[:, None], weights[:, None]
    since, step = nodes**_POWER, weights * _POWER / nodes
    lull = group.silence * (k / group.rate)
    with np.errstate(divide="ignore"):  # without a lull nobody can have died in it
        log_density = k * (np.log(since) + np.log(lull))
    log_density -= (group.shape + k) * np.log1p(since * lull)
    ageing = np.log1p(since * group.silence / (group.old - group.silence))
    died = -np.expm1(-group.s * ageing)
    dead: Array = (np.exp(log_density + _log_norm(group)) * died * step).sum(axis=0)
    return dead


def _expected(group: _Group, horizon: Array, likely: NDArray[np.bool_]) -> Array:
    """Return the expected purchases given k, silence and being alive."""
    shapes, shape = np.unique(group.shape + group.k, return_inverse=True)
    least = horizon * group.k / (group.rate + group.k * (group.silence + horizon))
    most = horizon * group.k / (group.rate + group.k * group.silence)
    low = np.log(least.min()) + np.log(_NEAREST)
    mixed = mixed_transients(group.k, shapes, low, np.log(most.max()))
    begin, end = _limits(group, horizon)
    norm = _log_norm(group) - np.log(group.silent)
    out = np.empty(len(horizon))
    rules = next(rules for highest, *rules in _RULES if group.k < highest)
    for rule, every in zip(rules, (likely, ~likely), strict=True):
        index = np.flatnonzero(every)
        for start in range(0, len(index), _PAIRS):
            part = index[start : start + _PAIRS]
            nodes = _Nodes(rule, begin[part], end[part] - begin[part], norm[part])
            some = _taken(group, part)
            out[part] = _mean_worth(some, horizon[part], nodes, (mixed, shape[part]))
    return out


class _Nodes(NamedTuple):
    """A rule with the limits of z, and the logarithm of the constant of the density."""

    rule: _Rule
    low: Array
    width: Array
    norm: Array


def _limits(group: _Group, horizon: Array) -> tuple[Array, Array]:
    """Return z of the first and last next purchase that counts, within the horizon."""
    k, shape, scale = group.k, group.shape, group.k / group.rate
    with np.errstate(divide="ignore"):  # no lull at all
        now = np.log(scale * group.silence)
    top = np.maximum(np.log(k / shape), now)
    begin = np.maximum(now, top - reach(np.full_like(shape, k), k + shape, expit(top), _DEPTH))
    end = np.minimum(
        np.log(scale * (group.silence + horizon)),
        top + reach(shape, k + shape, expit(-top), _DEPTH),
    )
    return np.arcsinh(begin / _STRETCH), np.arcsinh(np.maximum(begin, end) / _STRETCH)


class _Purchases(NamedTuple):
    """Next purchases: B, the time left, and D = 1 + (v - U) / (beta + T) with its logarithm."""

    mean_phase: Array
    left: Array
    age: Array
    log_age: Array


def _purchases(group: _Group, horizon: Array, place: Array) -> _Purchases:
    scaled = np.exp(place)
    last = group.silence + horizon
    since = scaled * (group.rate / group.k)
    age = 1.0 + np.maximum(since - group.silence, 0.0) / group.old
    left = np.maximum(last - since, _NEAREST * horizon)
    mean_phase = (1.0 + scaled) * (group.rate / group.k)
    return _Purchases(mean_phase, left, age, np.log(age))


def _mean_worth(
    group: _Group,
    horizon: Array,
    nodes: _Nodes,
    transients: tuple[MixedTransients, NDArray[np.intp]],
) -> Array:
    """Return the mean worth of the next purchase, with all that follow it."""
    rule, low, width, norm = nodes
    grown = np.exp(low + rule.bent * width)
    place = (0.5 * _STRETCH) * (grown - 1.0 / grown)
    log_density = group.k * place - (group.shape + group.k) * np.log1p(np.exp(place)) + norm
    mass = np.exp(log_density) * (grown + 1.0 / grown) * rule.weight
    fewer, few = (
        _purchases(group, horizon, _STRETCH * np.sinh(low + at * width))
        for at in (rule.worth, rule.last)
    )
    worth = _worth(group, horizon, fewer, transients)
    worth += rule.to_worth @ _last_integral(group, few, transients, rule.n_later)
    mean: Array = ((rule.to_mass @ mass) * worth).sum(axis=0) * (0.5 * _STRETCH) * width
    return mean


def _worth(
    group: _Group,
    horizon: Array,
    at: _Purchases,
    transients: tuple[MixedTransients, NDArray[np.intp]],
) -> Array:
    """Return what a purchase is worth but for the last integral."""
    s, old, k = group.s, group.old, group.k
    mixed, shape = transients
    end = 1.0 + horizon / old
    alive = end**-s
    slopes = s / old / end, s * (s + 1.0) / (old * end) ** 2  # s(e) and -s'(e), over S(e)
    wait = np.log(end) - at.log_age
    # (end^(1-s) - age^(1-s)) / (1-s), of which nothing is left to divide by where s is 1.
    grows = 1.0 - s
    lived = wait if abs(grows) < _NOTHING else np.expm1(grows * wait) / grows
    living = at.age * lived * old
    found = look_up(mixed, slice(None), shape, np.log(at.left / at.mean_phase))
    later = found[0] + at.mean_phase * (slopes[0] * found[1] + at.mean_phase * slopes[1] * found[2])
    rate = (group.shape + k) / (k * at.mean_phase)
    now = np.exp(-s * at.log_age) * (1.0 + excess(k) + rate * living)
    worth: Array = now + alive * later
    return worth


def _last_integral(
    group: _Group,
    at: _Purchases,
    transients: tuple[MixedTransients, NDArray[np.intp]],
    n: int,
) -> Array:
    r"""Return :math:`B^2 \int_v^e s''(y) \tau_2((y - v) / B) dy` at a few v."""
    s, old = group.s, group.old
    mixed, shape = transients
    steps, y, weights = _later(n, mixed.step)
    found = look_up_earlier(mixed, shape, np.log(at.left / at.mean_phase), steps)
    found *= np.exp((-s - 3.0) * np.log(at.age + (at.left / old) * y[:, None, None]))
    total = np.tensordot(weights, found, axes=1)
    bend = s * (s + 1.0) * (s + 2.0) / old**3
    return total * at.left * bend * at.mean_phase**2
