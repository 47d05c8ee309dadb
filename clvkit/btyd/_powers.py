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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Integral", "Moments", "integral_moments", "log_integral"]

Array = NDArray[np.float64]

_NEGLIGIBLE = 32.0
#: (length, fall) up to which so many nodes are exact to rounding.
_RULES = ((1.6, 2.5, 8), (3.2, 8.0, 12), (5.0, 18.0, 16), (9.0, np.inf, 24))
_PANEL = 8.0
_PANEL_NODES = 24
#: So many numbers of an array of (nodes, rows) stay in the processor's cache.
_NUMBERS = 40_000
#: Below so many rows, calls cost more than nodes do.
_FEW = 200


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
    with beta. ``mean`` has shape (4, n) and ``covariance`` (4, 4, n).
    """

    log_value: Array
    mean: Array
    covariance: Array


class _Near(NamedTuple):
    """The integral in terms of l; ``is_beta`` says where beta is the smaller one."""

    power_near: Any
    power_far: Any
    ratio: Array
    length: Array
    log_unit: Array
    is_beta: Any


def log_integral(integral: Integral) -> Array:
    """Return the logarithm of the integral of each row; minus infinity over nothing."""
    out = np.empty(len(integral.end))
    for rows, near, nodes, weights in _pieces(integral):
        grown = np.expm1(nodes[:, None] * near.length)
        far = np.log1p(grown * near.ratio)
        fall = nodes[:, None] * ((1.0 - near.power_near) * near.length) - near.power_far * far
        out[rows] = near.log_unit + np.log(weights @ np.exp(fall))
    return out


def integral_moments(integral: Integral) -> Moments:
    """Return the logarithm of the integral of each row with the moments of its density."""
    n = len(integral.end)
    log_value, mean, covariance = np.empty(n), np.empty((4, n)), np.empty((4, 4, n))
    for rows, near, nodes, weights in _pieces(integral, few=_FEW):
        total, m, c = _moments(near, nodes, weights)
        log_value[rows] = near.log_unit + np.log(total)
        mean[:, rows], covariance[:, :, rows] = _in_order(near.is_beta, m, c)
    return Moments(log_value, mean, covariance)


def _moments(near: _Near, nodes: Array, weights: Array) -> tuple[Array, Array, Array]:
    # The functions of y, near ones first: l, 1 - e^-l, and log1p(D), D / (1 + D) for the far one.
    n = near.length.size
    basis = np.empty((4, len(nodes), n))
    np.multiply(nodes[:, None], near.length, out=basis[0])
    grown = np.expm1(basis[0])
    further = grown * near.ratio
    np.log1p(further, out=basis[2])
    np.divide(grown, grown + 1.0, out=basis[1])
    np.divide(further, further + 1.0, out=basis[3])
    density = (1.0 - near.power_near) * basis[0]
    density -= near.power_far * basis[2]
    np.exp(density, out=density)
    density *= weights[:, None]
    total = density.sum(axis=0)
    density /= total
    mean = np.empty((4, n))
    covariance = np.empty((4, 4, n))
    for i in range(4):
        weighted = density * basis[i]
        mean[i] = weighted.sum(axis=0)
        for j in range(i, 4):
            second = np.einsum("kr,kr->r", weighted, basis[j])
            covariance[i, j] = covariance[j, i] = second
    covariance -= mean[:, None] * mean[None]
    return total, mean, covariance


def _in_order(is_beta: Any, mean: Array, covariance: Array) -> tuple[Array, Array]:
    """Return moments with alpha's functions before beta's."""
    if not np.any(is_beta):
        return mean, covariance
    order = [2, 3, 0, 1]
    swapped, both = mean[order], covariance[order][:, order]
    return np.where(is_beta, swapped, mean), np.where(is_beta, both, covariance)


def _pieces(integral: Integral, few: int = 0) -> Iterator[tuple[Any, _Near, Array, Array]]:
    """Yield rows that share a rule, few enough for the processor's cache, with that rule.

    Fewer than ``few`` rows take more nodes than they need, with those that need them.
    """
    near = _near(integral)
    fall = _fall(near, near.length)
    length = _cut(near, fall)
    kind = _kind(length, np.minimum(fall, _NEGLIGIBLE))
    for small in range(len(_RULES) - 1):
        if few and np.count_nonzero(kind == small) < few:
            kind[kind == small] += 1
    for number in np.flatnonzero(np.bincount(kind)):
        every = np.flatnonzero(kind == number)
        nodes, weights = _rule(int(number))
        size = max(1, _NUMBERS // len(nodes))
        for begin in range(0, len(every), size):
            rows = every[begin : begin + size]
            yield rows, _take(near, length, rows), nodes, weights


def _near(integral: Integral) -> _Near:
    alpha, beta, p, q, begin, end = integral
    is_beta = np.greater(alpha, beta)
    c, other = np.minimum(alpha, beta), np.maximum(alpha, beta)
    unit = c + begin
    return _Near(
        np.where(is_beta, q, p),
        np.where(is_beta, p, q),
        unit / (other + begin),
        np.log1p((end - begin) / unit),
        unit,
        is_beta,
    )


def _take(near: _Near, length: Array, rows: Any) -> _Near:
    power_near, power_far, ratio, _, unit, is_beta = (
        part[rows] if np.ndim(part) else part for part in near
    )
    length = length[rows]
    with np.errstate(divide="ignore"):  # an interval of no length has no integral
        log_unit = np.log(unit * length)
    return _Near(power_near, power_far, ratio, length, log_unit, is_beta)


def _fall(near: _Near, length: Array) -> Array:
    return (near.power_near - 1.0) * length + near.power_far * np.log1p(
        near.ratio * np.expm1(length)
    )


def _cut(near: _Near, fall: Array) -> Array:
    """Return the length up to which the integrand counts.

    Newton's method for d(l) = 32 from the right: d is convex, so that no step is too long.
    """
    length = near.length.copy()
    rows = np.flatnonzero(fall > _NEGLIGIBLE + 1.0)
    while len(rows):
        some = _Near(*(part[rows] if np.ndim(part) else part for part in near))
        here = length[rows]
        grown = some.ratio * np.exp(here)
        slope = (some.power_near - 1.0) + some.power_far * grown / (grown + 1.0 - some.ratio)
        length[rows] = here = here - (_fall(some, here) - _NEGLIGIBLE) / slope
        rows = rows[_fall(some, here) > _NEGLIGIBLE + 1.0]
    return length


def _kind(length: Array, fall: Array) -> NDArray[np.intp]:
    """Return which rule each row needs: one of ``_RULES``, or a number of panels beyond them."""
    kind = np.full(length.shape, len(_RULES) - 1)
    for number in reversed(range(len(_RULES) - 1)):
        longest, steepest, _ = _RULES[number]
        kind[(length < longest) & (np.abs(fall) < steepest)] = number
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
