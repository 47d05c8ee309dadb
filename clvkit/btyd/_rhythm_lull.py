r"""What a lull says under the Pareto/GGG: the integral over when the next purchase would come.

Given k, let the next purchase come, if the customer lives, u after the last one. With
:math:`\lambda \sim Gamma(R, A)` integrated out, u has the elementary density (:math:`k u / A` is
beta-prime distributed)

.. math::
    w(u) \, du = \frac{\Gamma(R + k)}{\Gamma(R) \Gamma(k)} \frac{e^{k l}}{(1 + e^l)^{R + k}} \, dl,
    \qquad l = \log (k u / A) .

Nothing is seen in the lull U = T - t_x if u > U, or if the customer dies before u < U. With
:math:`S(y) = (1 + y / (\beta + t_x))^{-s}` the chance of living on for y after :math:`t_x`,

.. math:: M(k) = \int_U^\infty w(u) \, du + \int_0^U w(u) \, [1 - S(u)] \, du,

sums of positive terms: of those who are silent at leisure, and of those who died first. Both are
Gauss-Legendre sums in z, l = 3 sinh z, which lays nodes closely where e^l bends and widely where
the integrands are plain exponentials, cut at :math:`e^{-34}`. Derivatives of M are expectations
under the integrands, of four functions that are elementary again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit, exprel

from clvkit.btyd._rhythm_nodes import Pairs

__all__ = ["LullMoments", "log_lull", "log_silent", "lull_moments", "reach"]

Array = NDArray[np.float64]

_NEGLIGIBLE = 34.0
_STRETCH = 3.0
_PANEL, _NODES = 1.1, 20
_NUMBERS = 40_000
_NEWTON = 6
#: A logarithm of something that is nothing beside anything else.
_LOWEST = -600.0
#: Below this an incomplete beta function may have lost digits, or all.
_SMALL = 1e-250


class LullMoments(NamedTuple):
    r"""M of each pair, with the means of functions of u under the integrands.

    The functions are :math:`\log(1 + e^l)`, :math:`1 / (1 + e^l)`, and the slopes of
    :math:`\log[1 - S(u)]` in log s and log beta (0 in the first integral). ``mean`` has shape
    (4, n), ``second`` (4, 4, n) the means of their products, and ``bend`` (3, n) the means of the
    second derivatives (s, s), (s, beta) and (beta, beta).
    """

    log_value: Array
    mean: Array
    second: Array
    bend: Array


def log_silent(pairs: Pairs) -> Array:
    """Return the logarithm of the first integral, an incomplete beta function, alone."""
    chance = betainc(pairs.shape, pairs.k, pairs.rate / (pairs.rate + pairs.k * pairs.silence))
    few = chance < _SMALL
    out = np.log(np.maximum(chance, _SMALL))
    if few.any():
        part = pairs.take(few)
        out[few] = _log_integral(part, _after(part), died=False)
    return out


def log_lull(pairs: Pairs) -> tuple[Array, Array]:
    """Return the logarithms of both integrals: nothing bought yet, and died first."""
    silent = _log_integral(pairs, _after(pairs), died=False)
    if pairs.s == 0.0:
        return silent, np.full(len(pairs.k), -np.inf)
    return silent, _log_integral(pairs, _before(pairs), died=True)


def _log_integral(pairs: Pairs, limits: tuple[Array, Array], *, died: bool) -> Array:
    out = np.full(len(pairs.k), -np.inf)
    for index, part, place, weights in _nodes(pairs, *limits):
        phi, _ = _log_density(part, place)
        if died:
            phi += np.log(-np.expm1(-part.s * _ageing(part, place)))
        peak = phi.max(axis=0)
        np.exp(phi - peak, out=phi)
        out[index] = part.log_norm + peak + np.log((phi * weights).sum(axis=0))
    return out


def lull_moments(pairs: Pairs) -> LullMoments:
    """Return log M of each pair, with the moments that its derivatives consist of."""
    n = len(pairs.k)
    silent, dead = log_lull(pairs)
    log_value = np.logaddexp(silent, dead)
    found = LullMoments(log_value, np.zeros((4, n)), np.zeros((4, 4, n)), np.zeros((3, n)))
    for limits, died in ((_after(pairs), False), (_before(pairs), True)):
        if died and pairs.s == 0.0:
            continue
        for index, part, place, weights in _nodes(pairs, *limits):
            phi, growth = _log_density(part, place)
            functions: list[Array] = [growth, np.exp(-growth)]
            if died:
                of_death, slopes, bends = _death(part, place)
                phi += of_death
                functions += slopes
            share = np.exp(phi + part.log_norm - log_value[index]) * weights
            _add_moments(found, index, share, functions)
            if died:
                for place_of_bend, bend in enumerate(bends):
                    found.bend[place_of_bend, index] += (share * bend).sum(axis=0)
    return found


def _add_moments(found: LullMoments, index: Any, share: Array, functions: list[Array]) -> None:
    for i, function in enumerate(functions):
        weighted = share * function
        found.mean[i, index] += weighted.sum(axis=0)
        for j in range(i, len(functions)):
            product = (weighted * functions[j]).sum(axis=0)
            found.second[i, j, index] += product
            if j > i:
                found.second[j, i, index] += product


def _log_density(pairs: Pairs, place: Array) -> tuple[Array, Array]:
    """Return log w in l up to its constant, and log(1 + e^l)."""
    growth = np.logaddexp(0.0, place)
    return pairs.k * place - (pairs.shape + pairs.k) * growth, growth


def _ageing(pairs: Pairs, place: Array) -> Array:
    """Return log(1 + u / (beta + t_x))."""
    return np.log1p(_since(pairs, place) / (pairs.beta + pairs.age_at_last))


def _since(pairs: Pairs, place: Array) -> Array:
    """Return u, which is above 0."""
    since: Array = np.exp(np.maximum(place, _LOWEST)) * (pairs.rate / pairs.k)
    return since


def _death(pairs: Pairs, place: Array) -> tuple[Array, list[Array], list[Array]]:
    r"""Return log(1 - S(u)), with slopes and second derivatives in log s and log beta.

    With q = s z, z = log(1 + u / (beta + t_x)), :math:`\rho = q / (e^q - 1)` and
    :math:`\zeta = \partial \log z / \partial \log\beta`, the slopes are :math:`\rho` and
    :math:`\rho \zeta`, where :math:`\partial \rho / \partial \log q = \rho (1 - q - \rho)`.
    """
    old = pairs.beta + pairs.age_at_last
    since = _since(pairs, place)
    z = np.log1p(since / old)
    q = pairs.s * z
    rho = 1.0 / exprel(q)
    at_last, at_next = pairs.beta / old, pairs.beta / (old + since)
    zeta = -at_last * since / (old + since) / z
    turn = rho * (1.0 - q - rho)
    bend = turn * zeta**2 + rho * zeta * (1.0 - at_next - at_last - zeta)
    return np.log(-np.expm1(-q)), [rho, rho * zeta], [turn, turn * zeta, bend]


def _after(pairs: Pairs) -> tuple[Array, Array]:
    """Return the limits, in l, of what counts of the integral over u > U."""
    k, R = pairs.k, pairs.shape
    begin = _log_wait(pairs)
    top = np.maximum(begin, np.log(k / R))
    share = expit(top)
    return np.maximum(begin, top - reach(k, k + R, share)), top + reach(R, k + R, expit(-top))


def _before(pairs: Pairs) -> tuple[Array, Array]:
    """Return the limits, in l, of what counts of the integral over u < U."""
    k, R = pairs.k, pairs.shape
    end = np.maximum(_log_wait(pairs), 0.5 * _LOWEST)
    top = np.minimum(end, np.log((k + 1.0) / R))
    # There 1 - S(u) grows at most like u, which leaves R - 1 of the fall.
    least = np.maximum(R - 1.0, 1e-3)
    limit = top + reach(least, k + R, expit(-top))
    last = np.where(pairs.shape > 1.0, np.minimum(end, limit), end)
    return top - reach(k, k + R, expit(top)), last


def _log_wait(pairs: Pairs) -> Array:
    with np.errstate(divide="ignore"):  # no lull at all
        return np.log(pairs.silence) + np.log(pairs.k / pairs.rate)


def reach(slope: Array, total: Array, share: Array, depth: float = _NEGLIGIBLE) -> Array:
    """Return d > 0 at which slope d + total log(1 - share (1 - e^-d)) reaches ``depth``.

    The function is convex and its asymptote below it, from whose root Newton's method falls to the
    one that is sought.
    """
    share = np.minimum(share, 1.0 - 1e-15)
    d = (depth - total * np.log1p(-share)) / slope
    for _ in range(_NEWTON):
        rest = -np.expm1(-d)
        fall = slope * d + total * np.log1p(-share * rest)
        steep = slope - total * share * (1.0 - rest) / (1.0 - share * rest)
        d = d - np.where(fall > depth, (fall - depth) / np.maximum(steep, 1e-12), 0.0)
    return d


def _nodes(
    pairs: Pairs, begin: Array, end: Array
) -> Iterator[tuple[NDArray[np.intp], Pairs, Array, Array]]:
    """Yield pairs that share a number of panels, with nodes and weights in l."""
    used = np.flatnonzero(end > begin)
    low, high = np.arcsinh(begin[used] / _STRETCH), np.arcsinh(end[used] / _STRETCH)
    panels = np.ceil((high - low) / _PANEL).astype(np.intp)
    for number in np.flatnonzero(np.bincount(panels, minlength=1)):
        nodes, weights = _rule(int(number))
        every = np.flatnonzero(panels == number)
        size = max(1, _NUMBERS // len(nodes))
        for start in range(0, len(every), size):
            some = every[start : start + size]
            width = high[some] - low[some]
            grown = np.exp(low[some] + nodes[:, None] * width)
            place = 0.5 * _STRETCH * (grown - 1.0 / grown)
            mass = (0.5 * _STRETCH * (grown + 1.0 / grown)) * (weights[:, None] * width)
            yield used[some], pairs.take(used[some]), place, mass


@lru_cache(maxsize=64)
def _rule(panels: int) -> tuple[Array, Array]:
    """Return nodes in [0, 1] and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    starts = np.arange(panels)[:, None]
    return ((starts + 0.5 + 0.5 * nodes) / panels).ravel(), np.tile(0.5 * weights / panels, panels)
