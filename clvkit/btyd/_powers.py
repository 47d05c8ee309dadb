r"""Integrals of a product of two negative powers, which the Pareto/NBD model is made of.

.. math::
    I = \int_{t}^{e} \left(\frac{\alpha + y}{\alpha + t}\right)^{-p}
                     \left(\frac{\beta + y}{\beta + t}\right)^{-q} dy

has a closed form with Gauss's hypergeometric function, which overflows or cancels for heavy
buyers and where alpha and beta differ much. Here it is a sum of positive terms. With c the smaller
of alpha and beta and c' the larger, substitute :math:`l = \log((c + y) / (c + t))`; then the
integrand is log-concave, :math:`\exp(-d(l))` with

.. math::
    d(l) = (p_c - 1) \, l + p_{c'} \log(1 + \rho \, (e^l - 1)), \quad
    \rho = \frac{c + t}{c' + t} \le 1.

The interval is cut where the integrand has fallen by :math:`e^{-32}`. The nearest singularities
lie at an imaginary distance of :math:`\pi`, so that Gauss-Legendre rules converge geometrically,
and a number of nodes that follows from the length and the fall alone is exact to rounding. An
interval longer than 9 is divided into panels.

Derivatives of log I with respect to anything that the integrand depends on are expectations under
the integrand as a density. Those that are needed are polynomials in four functions of y, whose
moments come from the same nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PAIRS", "UNPACK", "Integral", "Moments", "integral_moments", "log_integral"]

Array = NDArray[np.float64]

_NEGLIGIBLE = 32.0
#: (length, fall) up to which so many nodes are exact to rounding.
_RULES = ((1.6, 2.5, 8), (3.2, 8.0, 12), (5.0, 18.0, 16), (9.0, np.inf, 24))
_PANEL = 8.0
_PANEL_NODES = 24
#: So many numbers of an array of (nodes, rows) stay in the processor's cache.
_NUMBERS = 16_384
#: Arrays that the moments of some rows take at once.
_WORK = 6
#: So many more numbers cost no more than another round of calls does.
_CHEAP = 4_000


#: The entries on and above the diagonal of a symmetric matrix of 4 rows, and where each entry of
#: the matrix is among them.
PAIRS = tuple((i, j) for i in range(4) for j in range(i, 4))
UNPACK = np.array([[PAIRS.index((min(i, j), max(i, j))) for j in range(4)] for i in range(4)])
#: Where the moments of beta's functions are if they come first.
_SWAPPED = [2, 3, 0, 1]
_SWAPPED_PAIRS = [UNPACK[_SWAPPED[i], _SWAPPED[j]] for i, j in PAIRS]


class Integral(NamedTuple):
    """The integral of each row: alpha, beta, powers p and q, and its limits t and e.

    Numbers, or arrays of shape (n,) of which ``begin`` and ``end`` must be two.
    """

    alpha: Any
    beta: Any
    power_alpha: Any
    power_beta: Any
    begin: Array
    end: Array

    def take(self, index: Any) -> Integral:
        """Return the integrals of some rows."""
        return Integral(*(part[index] if np.ndim(part) else part for part in self))


class Moments(NamedTuple):
    r"""Moments, under the integrand as a density of y, of four functions of y.

    These are :math:`\log \frac{\alpha + y}{\alpha + t}, \frac{y - t}{\alpha + y}` and the same
    with beta. ``mean`` has shape (4, n); ``packed`` holds the covariances of :data:`PAIRS`.
    """

    log_value: Array
    mean: Array
    packed: Array

    @property
    def covariance(self) -> Array:
        """The whole covariance matrices, of shape (4, 4, n)."""
        return self.packed[UNPACK]


class _Near(NamedTuple):
    """The integral in terms of l; ``is_beta`` says where beta is the smaller one."""

    power_near: Any
    power_far: Any
    ratio: Array
    length: Array
    unit: Array
    is_beta: Any

    def take(self, index: Any) -> _Near:
        """Return the integrals of some rows."""
        return _Near(*(part[index] if np.ndim(part) else part for part in self))


def log_integral(integral: Integral) -> Array:
    """Return the logarithm of the integral of each row; minus infinity over nothing."""
    out = np.empty(len(integral.end))
    for rows, near, nodes, weights in _pieces(integral):
        grown = np.expm1(nodes[:, None] * near.length)
        far = np.log1p(grown * near.ratio)
        fall = nodes[:, None] * ((1.0 - near.power_near) * near.length) - near.power_far * far
        out[rows] = _log_value(near, weights @ np.exp(fall))
    return out


def integral_moments(integral: Integral) -> Moments:
    """Return the logarithm of the integral of each row with the moments of its density."""
    n = len(integral.end)
    log_value, mean, packed = np.empty(n), np.empty((4, n)), np.empty((len(PAIRS), n))
    work = np.empty((_WORK, 0))
    for rows, near, nodes, weights in _pieces(integral, cheap=_CHEAP):
        size = nodes.size * near.length.size
        if work.shape[1] < size:
            work = np.empty((_WORK, size))
        total, some_mean, some_packed = _moments(near, nodes, weights, work)
        log_value[rows] = _log_value(near, total)
        mean[:, rows], packed[:, rows] = _in_order(near.is_beta, some_mean, some_packed)
    return Moments(log_value, mean, packed)


def _log_value(near: _Near, total: Array) -> Array:
    with np.errstate(divide="ignore"):  # an interval of no length has no integral
        return np.log(near.unit * near.length * total)


def _moments(near: _Near, nodes: Array, weights: Array, work: Array) -> tuple[Array, Array, Array]:
    """Return integral, means and packed covariances.

    The functions of y are, near ones first, l, 1 - e^-l, and log(1 + D), D / (1 + D) for the far
    one. Large arrays are taken from ``work``: to have them anew each time would cost as much again.
    """
    k, n = nodes.size, near.length.size
    length, near_share, far, far_share, density, spare = (
        each[: k * n].reshape(k, n) for each in work
    )
    np.multiply(nodes[:, None], near.length, out=length)
    np.expm1(length, out=spare)
    np.add(spare, 1.0, out=density)
    np.divide(spare, density, out=near_share)
    spare *= near.ratio
    np.log1p(spare, out=far)
    np.add(spare, 1.0, out=density)
    np.divide(spare, density, out=far_share)
    np.multiply(1.0 - near.power_near, length, out=density)
    np.multiply(near.power_far, far, out=spare)
    density -= spare
    np.exp(density, out=density)
    total = weights @ density
    density *= weights[:, None]
    density /= total
    basis = (length, near_share, far, far_share)
    mean, packed = np.empty((4, n)), np.empty((len(PAIRS), n))
    for i, first in enumerate(basis):
        weighted = np.multiply(density, first, out=spare)
        np.add.reduce(weighted, axis=0, out=mean[i])
        for j in range(i, 4):
            np.einsum("kr,kr->r", weighted, basis[j], out=packed[UNPACK[i, j]])
    for place, (i, j) in enumerate(PAIRS):
        packed[place] -= mean[i] * mean[j]
    return total, mean, packed


def _in_order(is_beta: Any, mean: Array, packed: Array) -> tuple[Array, Array]:
    """Return moments with alpha's functions before beta's."""
    if not np.any(is_beta):
        return mean, packed
    swapped, both = mean[_SWAPPED], packed[_SWAPPED_PAIRS]
    if np.ndim(is_beta) == 0:
        return swapped, both
    return np.where(is_beta, swapped, mean), np.where(is_beta, both, packed)


def _pieces(integral: Integral, cheap: int = 0) -> Iterator[tuple[Any, _Near, Array, Array]]:
    """Yield rows that share a rule, few enough for the processor's cache, with that rule.

    Rows for which that makes up to ``cheap`` numbers more take more nodes than they need, with
    those that need them.
    """
    near = _near(integral)
    fall = _fall(near, near.length)
    near = near._replace(length=_cut(near, fall))
    kind = _kind(near.length, fall)
    count = np.bincount(kind)
    for number, more in pairwise(np.flatnonzero(count).tolist()):
        if more < len(_RULES) and count[number] * (_RULES[more][2] - _RULES[number][2]) < cheap:
            kind[kind == number] = more
            count[number], count[more] = 0, count[number] + count[more]
    for number in np.flatnonzero(count).tolist():
        nodes, weights = _rule(number)
        size = max(1, _NUMBERS // len(nodes))
        if count[number] == len(kind) <= size:
            yield slice(None), near, nodes, weights
            return
        every = np.flatnonzero(kind == number)
        for begin in range(0, len(every), size):
            rows = every[begin : begin + size]
            yield rows, near.take(rows), nodes, weights


def _near(integral: Integral) -> _Near:
    alpha, beta, p, q, begin, end = integral
    is_beta = np.greater(alpha, beta)
    c, other = np.minimum(alpha, beta), np.maximum(alpha, beta)
    if is_beta.ndim:
        near, far = np.where(is_beta, q, p), np.where(is_beta, p, q)
    else:
        near, far = (q, p) if is_beta else (p, q)
    unit = c + begin
    return _Near(near, far, unit / (other + begin), np.log1p((end - begin) / unit), unit, is_beta)


def _fall(near: _Near, length: Array) -> Array:
    return (near.power_near - 1.0) * length + near.power_far * np.log1p(
        near.ratio * np.expm1(length)
    )


def _cut(near: _Near, fall: Array) -> Array:
    """Return the length up to which the integrand counts.

    Newton's method for d(l) = 32 from the right: d is convex, so that no step is too long.
    """
    rows = np.flatnonzero(fall > _NEGLIGIBLE + 1.0)
    length = near.length.copy() if len(rows) else near.length
    while len(rows):
        some = near.take(rows)
        here = length[rows]
        grown = some.ratio * np.exp(here)
        slope = (some.power_near - 1.0) + some.power_far * grown / (grown + 1.0 - some.ratio)
        length[rows] = here = here - (_fall(some, here) - _NEGLIGIBLE) / slope
        rows = rows[_fall(some, here) > _NEGLIGIBLE + 1.0]
    return length


def _kind(length: Array, fall: Array) -> NDArray[np.intp]:
    """Return which rule each row needs: one of ``_RULES``, or a number of panels beyond them."""
    kind = np.zeros(length.shape, dtype=np.intp)
    steep = np.abs(fall)
    for longest, steepest, _ in _RULES[:-1]:
        if not (more := (length >= longest) | (steep >= steepest)).any():
            return kind
        kind += more  # the rules reach further one after the other
    panels = np.ceil(length / _PANEL).astype(np.intp)
    return np.where(length < _RULES[-1][0], kind, len(_RULES) - 2 + panels)


@lru_cache(maxsize=64)
def _rule(kind: int) -> tuple[Array, Array]:
    """Return nodes in [0, 1] and their weights."""
    if kind < len(_RULES):
        nodes, weights = np.polynomial.legendre.leggauss(_RULES[kind][2])
        return 0.5 + 0.5 * nodes, 0.5 * weights
    panels = kind - len(_RULES) + 2
    nodes, weights = np.polynomial.legendre.leggauss(_PANEL_NODES)
    starts = np.arange(panels)[:, None]
    return ((starts + 0.5 + 0.5 * nodes) / panels).ravel(), np.tile(0.5 * weights / panels, panels)
