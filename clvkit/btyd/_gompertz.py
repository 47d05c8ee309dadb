r"""The Gamma/Gompertz lifetime, and integrals of it against a Gamma-mixed Poisson rate.

A lifetime that ends at the rate :math:`b \eta e^{b y}` with :math:`\eta \sim Gamma(s, \beta)`
survives y with the probability (Bemmaor and Glady 2012)

.. math::
    S(y) = e^{-s V(y)}, \qquad V(y) = \log\frac{\beta - 1 + e^{b y}}{\beta},

and, given that it has lasted until T, what remains of it is one of the same kind with
:math:`\beta_T = 1 + (\beta - 1) e^{-b T} = \beta e^{-b T} + (1 - e^{-b T})`. So is every integral
that starts at T, and all of them here start at 0:

.. math::
    I = \int_0^h e^{g b y - m V(y)} \left(1 + \frac{y}{\alpha}\right)^{-p} dy .

No closed form is known. Substitute :math:`w = \log(1 + y / c)`, c the smaller of :math:`\alpha` and
the distance of the zero of :math:`\beta - 1 + e^{b y}` on the left, at most 1/b: the integrand is
then analytic in a strip around the real axis, whose half-width is :math:`\pi/2` or more for
:math:`\beta \le 1`, and otherwise the angle at which the nearest zero is seen. The interval is cut
where the integrand has fallen by :math:`e^{-36}`, and divided into panels no longer than that strip
is wide, each with 24 Gauss-Legendre nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "GompertzIntegral",
    "Slopes",
    "decay",
    "log_integral",
    "nodes_in_time",
    "remaining",
    "slopes",
]

Array = NDArray[np.float64]

#: From here on e^(b y) is left out of sums lest it overflow.
_FAR = 300.0
_NEGLIGIBLE = 36.0
_BISECTIONS = 40
_NODES = 24
#: Longest panel, and steepest fall in one, for which so many nodes are exact to rounding.
_LONGEST, _STEEPEST = 3.0, 30.0
#: More panels than this only a lifetime of many orders of magnitude would need.
_MOST_PANELS = 60
#: So many numbers of an array of (nodes, rows) stay in the processor's cache.
_NUMBERS = 40_000


class GompertzIntegral(NamedTuple):
    r"""The integral of each row: alpha, p, b, beta, m, g and its upper limit.

    Numbers, or arrays of shape (n,), of which ``end`` must be one.
    """

    alpha: Any
    power: Any
    b: Any
    beta: Any
    decay: Any
    growth: float
    end: Array

    def take(self, index: Any) -> GompertzIntegral:
        """Return the integrals of some rows."""
        parts: list[Any] = list(self)
        return GompertzIntegral(*(part[index] if np.ndim(part) else part for part in parts))


class Slopes(NamedTuple):
    """V(y) and its derivatives in log b and log beta."""

    value: Array
    b: Array
    beta: Array
    bb: Array
    bbeta: Array
    betabeta: Array


def decay(b: Any, beta: Any, y: Array) -> Array:
    """Return V(y), without cancellation and without overflow."""
    by = b * y
    near, far = np.minimum(by, _FAR), np.maximum(by, _FAR)
    return np.where(
        by < _FAR,
        np.log1p(np.expm1(near) / beta),
        far + np.log1p((beta - 1.0) * np.exp(-far)) - np.log(beta),
    )


def remaining(b: Any, beta: Any, age: Array) -> Array:
    """Return the beta of what remains of a lifetime that has lasted for ``age``."""
    return beta * np.exp(-b * age) - np.expm1(-b * age)


def slopes(b: Any, beta: Any, y: Array) -> Slopes:
    r"""Return V with two derivatives.

    With :math:`d = \beta e^{-b y} + (1 - e^{-b y})`, which is a sum of positive terms, the share
    :math:`E = (1 - e^{-b y}) / d` and :math:`1 - E = \beta e^{-b y} / d`,

    .. math::
        V_{\log b} = \frac{b y}{d}, \quad V_{\log\beta} = -E, \quad
        V_{bb} = \frac{b y}{d} \left(1 + b y \frac{(\beta - 1) e^{-b y}}{d}\right), \quad
        V_{b\beta} = -\frac{b y}{d} (1 - E), \quad V_{\beta\beta} = E (1 - E).
    """
    by = b * y
    shrunk = np.exp(-by)
    d = beta * shrunk - np.expm1(-by)
    share, rest, in_b = -np.expm1(-by) / d, beta * shrunk / d, by / d
    bend = in_b * (1.0 + by * (beta - 1.0) * shrunk / d)
    return Slopes(decay(b, beta, y), in_b, -share, bend, -in_b * rest, share * rest)


def log_integral(integral: GompertzIntegral) -> Array:
    """Return the logarithm of the integral of each row; minus infinity over nothing."""
    out = np.empty(len(integral.end))
    for rows, part, time, weights in nodes_in_time(integral):
        with np.errstate(divide="ignore"):  # an interval of no length has no integral
            out[rows] = np.log((np.exp(_log_integrand(part, time)) * weights).sum(axis=0))
    return out


def nodes_in_time(
    integral: GompertzIntegral, panels: Array | None = None
) -> Iterator[tuple[Any, GompertzIntegral, Array, Array]]:
    """Yield rows that share a number of panels, with nodes and weights in time.

    Parameters
    ----------
    integral : GompertzIntegral
    panels : ndarray of shape (n,), optional
        Least numbers of panels, over the whole interval. Without them the interval is cut where
        what is left is negligible.

    Yields
    ------
    rows : ndarray of int
    part : GompertzIntegral
        Of those rows.
    time, weights : ndarray of shape (n_nodes, n_rows)
    """
    c = _unit(integral)
    length = np.log1p(integral.end / c)
    if panels is None:
        length = _cut(integral, c, length)
    needed = _panels(integral, c, length)
    if panels is not None:
        needed = np.maximum(needed, panels.astype(np.intp))
    for number in np.flatnonzero(np.bincount(needed)):
        nodes, weights = _rule(int(number))
        every = np.flatnonzero(needed == number)
        size = max(1, _NUMBERS // len(nodes))
        for begin in range(0, len(every), size):
            rows = every[begin : begin + size]
            grown = np.expm1(nodes[:, None] * length[rows])
            time = c[rows] * grown
            mass = weights[:, None] * (length * c)[rows] * (1.0 + grown)
            yield rows, integral.take(rows), time, mass


def _unit(integral: GompertzIntegral) -> Array:
    # The zero of beta - 1 + e^(b y) is at log(1 - beta) / b; none nearer than 1/b counts.
    nearest = -np.log1p(-np.minimum(integral.beta, -np.expm1(-1.0))) / integral.b
    return np.broadcast_to(np.minimum(integral.alpha, nearest), integral.end.shape)


def _log_integrand(integral: GompertzIntegral, time: Array) -> Array:
    alpha, p, b, beta, m, g, _ = integral
    out = g * b * time - m * decay(b, beta, time)
    out -= p * np.log1p(time / alpha)
    return out


def _fall(integral: GompertzIntegral, c: Array, length: Array) -> Array:
    """Return by how much the logarithm of the integrand, in w, is below that at 0."""
    return -(_log_integrand(integral, c * np.expm1(length)) + length)


def _cut(integral: GompertzIntegral, c: Array, length: Array) -> Array:
    """Return the length up to which the integrand counts, by bisection."""
    rows = np.flatnonzero(_fall(integral, c, length) > _NEGLIGIBLE + 1.0)
    if not len(rows):
        return length
    part, unit, out = integral.take(rows), c[rows], length.copy()
    inside, outside = np.zeros(len(rows)), length[rows]
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inside + outside)
        falls = _fall(part, unit, middle) > _NEGLIGIBLE
        inside, outside = np.where(falls, inside, middle), np.where(falls, middle, outside)
    out[rows] = outside
    return out


def _panels(integral: GompertzIntegral, c: Array, length: Array) -> NDArray[np.intp]:
    # Beyond beta = 1 the nearest zero is at (log(beta - 1) + i pi) / b.
    beyond = integral.b * c + np.log(np.maximum(integral.beta - 1.0, 1e-300))
    longest = np.minimum(_LONGEST, 2.0 * np.arctan2(np.pi, beyond))
    steep = np.abs(_fall(integral, c, length)) / _STEEPEST
    return np.clip(np.ceil(np.maximum(length / longest, steep)), 1, _MOST_PANELS).astype(np.intp)


@lru_cache(maxsize=256)
def _rule(panels: int) -> tuple[Array, Array]:
    """Return nodes in [0, 1] and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    starts = np.arange(panels)[:, None]
    return ((starts + 0.5 + 0.5 * nodes) / panels).ravel(), np.tile(0.5 * weights / panels, panels)
