r"""Integrals over the dropout probability of somebody who was there before the log.

Of a customer aged :math:`\tau` it is not known how often he bought and stayed; given the rate
:math:`\lambda` and p he is alive with probability :math:`e^{-\lambda p \tau}`. With
:math:`\lambda` integrated out, all that is asked of the BG/NBD then has the form

.. math::
    J = \log \int_0^1 p^{a-1} (1-p)^{b-1} (A + p \tau)^{-R} \, dp,

a Beta density that is tilted towards small p. Over u = logit(p) the integrand is analytic in a
strip and falls exponentially on both sides, so that the trapezoidal rule is exact to rounding;
beyond the last nodes it is a plain exponential, whose geometric series two further nodes stand for.
Its slope is that of a quadratic in p with one root in (0, 1), so it has one peak.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from clvkit.btyd._covariates import RowDerivatives

__all__ = ["Tilted", "TiltedBeta", "log_total_derivatives", "tilted_beta"]

Array = NDArray[np.float64]

_NODES = 160
_NEGLIGIBLE = 37.0  # e^-37 of the peak
#: So far out p, or 1 - p, is nothing beside 1 and beside what it is multiplied by.
_PLAIN = 37.0
_BISECTIONS = 40
_CHUNK = 1_024


class Tilted(NamedTuple):
    """R, A, a, b and tau of some rows: arrays of one length."""

    R: Array
    A: Array
    a: Array
    b: Array
    tau: Array

    def take(self, index: slice) -> Tilted:
        """Return some of the rows."""
        return Tilted(*(column[index] for column in self))


class TiltedBeta(NamedTuple):
    """Nodes of the tilted density, of shape (n, n_nodes), with weights that add up to 1.

    ``log_total`` is J, of shape (n,).
    """

    log_p: Array
    log_q: Array
    weights: Array
    log_total: Array

    @property
    def p(self) -> Array:
        """The dropout probability at each node."""
        return np.exp(self.log_p)

    def mean(self, values: Array) -> Array:
        """Return the expectation of each row."""
        return np.einsum("ij,ij->i", self.weights, np.broadcast_to(values, self.weights.shape))


def tilted_beta(rows: Tilted) -> TiltedBeta:
    """Return the rule of each row, which depends on that row alone."""
    peak, low, high = _range(rows)
    step = (high - low) / (_NODES - 1)
    u = low[:, None] + step[:, None] * np.arange(_NODES)
    density = _log_density(rows, u)
    top = _log_density(rows, peak[:, None])
    weights = np.exp(density - top)
    left, left_weights = _tail(rows.a * step, weights[:, 0])
    right, right_weights = _tail(rows.b * step, weights[:, -1])
    far = [low[:, None] - step[:, None] * left, u, high[:, None] + step[:, None] * right]
    u = np.hstack(far)
    weights = np.hstack([left_weights, weights, right_weights])
    total = weights.sum(axis=1)
    weights /= total[:, None]
    return TiltedBeta(log_expit(u), log_expit(-u), weights, top[:, 0] + np.log(total * step))


def _tail(fall: Array, last: Array) -> tuple[Array, Array]:
    r"""Return two nodes, in steps beyond the last one, for the geometric series there.

    Terms :math:`q^k, k = 1, 2, \dots` with :math:`q = e^{-fall}` have their mean at
    :math:`1 / (1-q)` and the standard deviation :math:`\sqrt q / (1-q)`. Two equal weights there
    have these as well, and log p, of which first and second moments are asked, is linear.
    """
    rest = -np.expm1(-fall)
    mean, spread = 1.0 / rest, np.exp(-0.5 * fall) / rest
    nodes = np.stack([mean - spread, mean + spread], axis=1)
    mass = 0.5 * last * np.exp(-fall) / rest
    return nodes, np.stack([mass, mass], axis=1)


def log_total_derivatives(rows: Tilted) -> RowDerivatives:
    """Return J with derivatives in R, A, a and b themselves, of shapes (4, n) and (4, 4, n)."""
    parts = [_derivatives(rows.take(slice(i, i + _CHUNK))) for i in range(0, len(rows.R), _CHUNK)]
    if not parts:
        return RowDerivatives(np.zeros(0), np.zeros((4, 0)), np.zeros((4, 4, 0)))
    return RowDerivatives(*(np.concatenate(one, axis=-1) for one in zip(*parts, strict=True)))


def _derivatives(rows: Tilted) -> RowDerivatives:
    # d J = E[f'], d2 J = E[f''] + Cov(f', f') of the logarithm f of the integrand.
    rule = tilted_beta(rows)
    rate = rows.A[:, None] + rule.p * rows.tau[:, None]
    shape = rows.R[:, None]
    slopes = np.stack([-np.log(rate), -shape / rate, rule.log_p, rule.log_q])
    first = np.einsum("ij,kij->ki", rule.weights, slopes)
    off = slopes - first[:, :, None]
    second = np.einsum("kij,ij,lij->kli", off, rule.weights, off, optimize=True)
    inverse = rule.mean(1.0 / rate)
    second[0, 1] -= inverse
    second[1, 0] -= inverse
    second[1, 1] += rows.R * rule.mean(1.0 / rate**2)
    return RowDerivatives(rule.log_total, first, second)


def _log_density(rows: Tilted, u: Array) -> Array:
    R, A, a, b, tau = (column[:, None] for column in rows)
    return a * log_expit(u) + b * log_expit(-u) - R * np.log(A + expit(u) * tau)


def _range(rows: Tilted) -> tuple[Array, Array, Array]:
    """Return the peak in u, and where the density is nothing or a plain exponential."""
    R, A, a, b, tau = rows
    # a (1-p) (A + p tau) - b p (A + p tau) - R tau p (1-p) = 0, positive at 0, negative at 1.
    c2, c1, c0 = tau * (R - a - b), a * (tau - A) - b * A - R * tau, a * A
    root = np.sqrt(np.maximum(c1 * c1 - 4.0 * c2 * c0, 0.0))
    # c1 is negative where the root is the smaller one; otherwise c2 is negative.
    p = np.where(c1 <= 0, 2.0 * c0 / (root - c1), (-c1 - root) / np.where(c2 == 0, -1.0, 2.0 * c2))
    p = np.clip(p, np.exp(-_PLAIN), 1.0 - 1e-15)
    peak = np.log(p) - np.log1p(-p)
    farthest = -_PLAIN - np.log(np.maximum(1.0, np.maximum(b, R * tau / A)))
    low = _edge(rows, peak, np.minimum(farthest, peak - 1.0))
    high = _edge(rows, peak, np.maximum(_PLAIN + np.log(np.maximum(1.0, a)), peak + 1.0))
    return peak, low, high


def _edge(rows: Tilted, inside: Array, outside: Array) -> Array:
    """Bisect for where the density has fallen; the far end where it has not."""
    level = _log_density(rows, inside[:, None])[:, 0] - _NEGLIGIBLE
    near, far = inside, outside
    for _ in range(_BISECTIONS):
        middle = 0.5 * (near + far)
        is_inside = _log_density(rows, middle[:, None])[:, 0] > level
        near = np.where(is_inside, middle, near)
        far = np.where(is_inside, far, middle)
    return far
