r"""Expectations over a Beta-distributed dropout probability.

Conditional expectations of the Beta-geometric models have the form

.. math:: E[g(p)] = \frac{1}{B(a, b)} \int_0^1 g(p)\, p^{a-1} (1-p)^{b-1} \, dp,

where g is built from :math:`(1 + z p)^{-R}`. Their closed forms (a hypergeometric function
divided by a - 1) cancel near a = 1 and overflow for heavy buyers; sums of positive terms at
fixed nodes do neither.

Gauss-Jacobi rules converge like :math:`(\zeta / (2 + \zeta))^{2n}` with
:math:`\zeta = z \max(1, R / (b + 10))`: 16 nodes are exact to rounding for zeta up to 1 and 32 for
zeta up to 3, which is nearly every row of real logs. Where the horizon is long beside the history
(zeta > 3) the trapezoidal rule over the logit of p takes over: its error is exponentially small
whatever z is, because the integrand is analytic in a strip of fixed width.

The rule of a row depends on that row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.special import expit, log_expit

from clvkit.btyd._dedup import group_rows

Array = NDArray[np.float64]
Integrand = Callable[..., Array]
Rule = Callable[..., tuple[Array, Array]]

_FEW, _MORE = 16, 32
_FEW_UP_TO, _MORE_UP_TO = 1.0, 3.0
_TRAPEZOID = 320
_NEGLIGIBLE = 40.0  # e^-40 of the peak
_WIDEST = (-80.0, 40.0)  # logits beyond which the density is a plain exponential
_CHUNK = 4_096
_RULES = 16_384


def beta_expectation(
    integrand: Integrand,
    a: ArrayLike,
    b: Array,
    *,
    rate_shape: Array,
    z: Array,
    more: Sequence[Array] = (),
) -> Array:
    """Return E[integrand(p, R, z, ...)] over p ~ Beta(a, b), row by row.

    Parameters
    ----------
    integrand : callable
        ``integrand(p, rate_shape, z, *more)``, elementwise; bounded in p.
    a, b : float or ndarray of shape (n,)
        Shapes of the Beta distribution.
    rate_shape, z : ndarray of shape (n,)
        R and z of the module's description; they choose the rule and go to the integrand.
    more : sequence of ndarrays of shape (n,)
        Whatever else the integrand needs.

    Returns
    -------
    ndarray of shape (n,)
    """
    difficulty = z * np.maximum(1.0, rate_shape / (b + 10.0))
    rule = np.digitize(difficulty, (_FEW_UP_TO, _MORE_UP_TO), right=True)
    rules: tuple[Rule, ...] = (
        partial(gauss_jacobi, n=_FEW),
        partial(gauss_jacobi, n=_MORE),
        logit_trapezoid,
    )
    a = np.broadcast_to(np.asarray(a, dtype=float), b.shape)
    out = np.empty(len(b))
    for number, make in enumerate(rules):
        every = np.flatnonzero(rule == number)
        # With covariates every row may have shapes of its own, and so a rule of its own.
        for begin in range(0, len(every), _RULES):
            rows = every[begin : begin + _RULES]
            first, code = group_rows(a[rows], b[rows])
            nodes, weights = make(a[rows[first]], b[rows[first]])
            out[rows] = _sum_over_nodes(
                integrand, nodes, weights, code, *(each[rows] for each in (rate_shape, z, *more))
            )
    return out


def _sum_over_nodes(
    integrand: Integrand, nodes: Array, weights: Array, code: NDArray[np.intp], *arguments: Array
) -> Array:
    # Chunks keep the (rows, nodes) arrays inside the processor's cache.
    out = np.empty(len(code))
    size = max(1, _CHUNK * _MORE // nodes.shape[1])
    for begin in range(0, len(code), size):
        part = slice(begin, begin + size)
        columns = [argument[part, None] for argument in arguments]
        values = integrand(nodes[code[part]], *columns)
        values *= weights[code[part]]
        out[part] = values.sum(axis=1)
    return out


def gauss_jacobi(a: ArrayLike, b: Array, n: int) -> tuple[Array, Array]:
    """Return nodes and weights, of shape (len(b), n), of the Gauss rules of Beta(a, b)."""
    first = np.broadcast_to(a, b.shape).tolist()
    rules = [_gauss_jacobi_rule(*shapes, n) for shapes in zip(first, b.tolist(), strict=True)]
    nodes, weights = np.array(rules).swapaxes(0, 1)
    return nodes, weights


@lru_cache(maxsize=16_384)
def _gauss_jacobi_rule(a: float, b: float, n: int) -> tuple[Array, Array]:
    """Return the nodes and weights of one rule.

    Golub and Welsch (1969): the nodes are the eigenvalues of the tridiagonal matrix of the
    recurrence. Its coefficients are written for [0, 1] without a subtraction, so that nodes
    near 0, which matter for heavy buyers, keep their relative accuracy.
    """
    s = a + b - 2.0
    k = np.arange(1.0, n)
    diagonal = np.empty(n)
    diagonal[0] = a / (a + b)
    diagonal[1:] = (2 * k * (k + s + 1) + s * a) / ((2 * k + s) * (2 * k + s + 2))
    square = np.empty(n - 1)
    square[0] = a * b / ((a + b) ** 2 * (a + b + 1.0))
    k = k[1:]
    square[1:] = (k * (k + b - 1) * (k + a - 1) * (k + s)) / (
        (2 * k + s) ** 2 * (2 * k + s + 1) * (2 * k + s - 1)
    )
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(square), lapack_driver="stev")
    return np.clip(nodes, 0.0, 1.0), vectors[0] ** 2


def logit_trapezoid(a: ArrayLike, b: Array) -> tuple[Array, Array]:
    """Return nodes and weights, of shape (len(b), 320), of a rule over u = logit(p).

    The density of u is proportional to p^a (1-p)^b. The rule runs from where it has fallen to
    e^-40 of its peak, or to where it is a plain exponential (p < e^-80); the geometric series
    of the trapezoidal terms beyond is added to the outermost weights. Weights are
    normalised by their own sum, so no Beta function is needed.
    """
    a, b = np.broadcast_to(a, b.shape)[:, None], b[:, None]
    peak = np.clip(np.log(a) - np.log(b), _WIDEST[0] + 1.0, _WIDEST[1] - 1.0)
    low = _edge(a, b, peak, np.full_like(peak, _WIDEST[0]))
    high = _edge(a, b, peak, np.full_like(peak, _WIDEST[1]))
    step = (high - low) / (_TRAPEZOID - 1)
    u = low + step * np.arange(_TRAPEZOID)
    weights = np.exp(_log_density(a, b, u) - _log_density(a, b, peak))
    weights[:, :1] *= 1.0 + 1.0 / np.expm1(np.minimum(a * step, 700.0))
    weights[:, -1:] *= 1.0 + 1.0 / np.expm1(np.minimum(b * step, 700.0))
    return expit(u), weights / weights.sum(axis=1, keepdims=True)


def _log_density(a: Array, b: Array, u: Array) -> Array:
    return a * log_expit(u) + b * log_expit(-u)


def _edge(a: Array, b: Array, inside: Array, outside: Array) -> Array:
    # Bisection for where the concave log-density is 40 below its peak.
    level = _log_density(a, b, inside) - _NEGLIGIBLE
    for _ in range(50):
        middle = 0.5 * (inside + outside)
        is_inside = _log_density(a, b, middle) > level
        inside = np.where(is_inside, middle, inside)
        outside = np.where(is_inside, outside, middle)
    return outside
