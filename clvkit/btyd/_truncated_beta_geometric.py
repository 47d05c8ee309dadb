r"""The BG/NBD of customers who were there before the log, elementwise and without estimators.

A customer is :math:`\tau` old when the log starts, and buys x times in it, last at :math:`t_x` of T
(x, t_x, T counted from its start). Each purchase, the first one in the log included, may be
followed by dropout. Given the rate :math:`\lambda` and the dropout probability p, the unseen
purchases that all were survived add up to
:math:`\sum_j e^{-\lambda\tau} (\lambda\tau)^j / j! \, (1-p)^j = e^{-\lambda p \tau}`, so that

.. math::
    L = e^{-\lambda p \tau} \lambda^x
    \left[ (1-p)^x e^{-\lambda T} + p (1-p)^{x-1} e^{-\lambda t_x} \right],
    \qquad P(x > 0) = e^{-\lambda p \tau} (1 - e^{-\lambda T}).

With both integrated over :math:`\lambda \sim Gamma(r, \alpha)` and :math:`p \sim Beta(a, b)` the
likelihood, given that the customer is in the log, is

.. math::
    \frac{\Gamma(r+x)}{\Gamma(r)}
    \frac{e^{J(r+x, \alpha+T, a, b+x)} + e^{J(r+x, \alpha+t_x, a+1, b+x-1)}}
    {e^{J(r, \alpha, a, b)} - e^{J(r, \alpha+T, a, b)}}

with J of :mod:`clvkit.btyd._tilted_beta`; the constants of the densities cancel. Given alive at T,
p has the tilted density of the first J, and :math:`\lambda` given p is
:math:`Gamma(r + x, \alpha + T + p \tau)`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._row_algebra import added, divided, log_of_rest
from clvkit.btyd._special import log_rising, rising_slopes
from clvkit.btyd._summary import Rows
from clvkit.btyd._tilted_beta import Tilted, TiltedBeta, log_total_derivatives, tilted_beta

__all__ = [
    "Future",
    "conditional",
    "dead_log_odds",
    "future",
    "log_likelihood",
    "probability_alive",
]

Array = NDArray[np.float64]
Params = dict[str, Any]


def conditional(params: Params, rows: Rows, unseen: Array) -> RowDerivatives:
    """Return the log-likelihood of each row with derivatives in its own log-parameters."""
    r, x = params["r"], rows.frequency
    alive = _in_logs(params, _alive(params, rows, unseen))
    dead = _in_logs(params, _dead(params, rows, unseen))
    there = _in_logs(params, _without(params, np.zeros_like(x), unseen))
    silent = _in_logs(params, _without(params, rows.T, unseen))
    bought = log_of_rest(divided(silent, there))
    total = divided(divided(added(alive, dead), there), bought)
    slope, bend = rising_slopes(np.broadcast_to(np.asarray(r, dtype=float), x.shape), x)
    total.gradient[0] += r * slope
    total.hessian[0, 0] += r * slope + r * r * bend
    return total._replace(value=total.value + log_rising(r, x))


def log_likelihood(params: Params, rows: Rows, unseen: Array) -> Array:
    """Return the log-likelihood of each row alone."""
    nothing = np.zeros_like(rows.T)
    integrals = (
        _alive(params, rows, unseen),
        _dead(params, rows, unseen),
        _without(params, nothing, unseen),
        _without(params, rows.T, unseen),
    )
    alive, dead, there, silent = (tilted_beta(one).log_total for one in integrals)
    seen = log_rising(params["r"], rows.frequency) + np.logaddexp(alive, dead)
    return seen - there - np.log(-np.expm1(silent - there))


def dead_log_odds(params: Params, rows: Rows, unseen: Array) -> Array:
    """Return the log-odds of having dropped out by T."""
    alive, dead = _alive(params, rows, unseen), _dead(params, rows, unseen)
    return tilted_beta(dead).log_total - tilted_beta(alive).log_total


class Future(NamedTuple):
    """What is known of customers who are alive at T: nodes of p, and the rate given p."""

    p: TiltedBeta
    shape: Array
    rate: Array

    def none(self, ahead: Array) -> Array:
        """Return the probability of no purchase."""
        return self.p.mean(np.exp(-self.shape * np.log1p(ahead[:, None] / self.rate)))

    def stays(self, ahead: Array) -> Array:
        """Return the probability of being alive after a time: no purchase was the last."""
        lost = self.p.p * ahead[:, None] / self.rate
        return self.p.mean(np.exp(-self.shape * np.log1p(lost)))

    def purchases(self, ahead: Array) -> Array:
        """Return the expected purchases, (1 - the chance of staying) / p given p."""
        p = self.p.p
        lost = -np.expm1(-self.shape * np.log1p(p * ahead[:, None] / self.rate))
        few = self.shape * ahead[:, None] / self.rate  # as p falls to 0
        return self.p.mean(np.where(p > 1e-12, lost / np.maximum(p, 1e-300), few))

    def pmf(self, ahead: Array, n_max: int) -> Array:
        """Return the probabilities of 0 .. n_max purchases: some more if alive, or the last."""
        ahead = ahead[:, None]
        share = ahead / (self.rate + ahead)
        p, log_q = self.p.p, self.p.log_q
        out = np.empty((len(ahead), n_max + 1))
        chance = np.exp(-self.shape * np.log1p(ahead / self.rate))
        out[:, 0] = self.p.mean(chance)
        for n in range(1, n_max + 1):
            chance = chance * (self.shape + n - 1.0) / n * share
            at_least = betainc(n, np.broadcast_to(self.shape, share.shape), share)
            out[:, n] = self.p.mean(
                np.exp(n * log_q) * chance + p * np.exp((n - 1.0) * log_q) * at_least
            )
        return out

    def draw(self, ahead: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw purchases: those until the horizon, or until the one that is the last."""
        weights = np.cumsum(self.p.weights, axis=1)
        node = (weights < rng.random(len(ahead))[:, None]).sum(axis=1)
        at = (np.arange(len(ahead)), np.minimum(node, weights.shape[1] - 1))
        p = np.clip(self.p.p[at], 1e-15, 1.0)
        bought = rng.poisson(rng.gamma(self.shape[:, 0]) / self.rate[at] * ahead)
        return np.minimum(bought, rng.geometric(p)).astype(np.int64)


def future(params: Params, rows: Rows, unseen: Array) -> Future:
    """Return what is known of customers who are alive at T."""
    alive = _alive(params, rows, unseen)
    rule = tilted_beta(alive)
    return Future(rule, alive.R[:, None], alive.A[:, None] + rule.p * unseen[:, None])


def probability_alive(params: Params, rows: Rows, unseen: Array) -> Array:
    """Return the probability of being alive at T."""
    return expit(-dead_log_odds(params, rows, unseen))


def _tilted(R: Any, A: Any, a: Any, b: Any, unseen: Array) -> Tilted:
    columns = [np.broadcast_to(np.asarray(one, dtype=float), unseen.shape) for one in (R, A, a, b)]
    return Tilted(columns[0], columns[1], columns[2], columns[3], unseen)


def _alive(params: Params, rows: Rows, unseen: Array) -> Tilted:
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    x = rows.frequency
    return _tilted(r + x, alpha + rows.T, a, b + x, unseen)


def _dead(params: Params, rows: Rows, unseen: Array) -> Tilted:
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    x = rows.frequency
    return _tilted(r + x, alpha + rows.recency, a + 1.0, b + x - 1.0, unseen)


def _without(params: Params, time: Array, unseen: Array) -> Tilted:
    """Return the integral of being alive when the log starts, without a purchase for a time."""
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    return _tilted(r, alpha + time, a, b, unseen)


def _in_logs(params: Params, rows: Tilted) -> RowDerivatives:
    """Return J with derivatives in the logarithms of r, alpha, a and b.

    R, A and the shapes are those plus what the row has seen, so their slopes are 1.
    """
    own = log_total_derivatives(rows)
    n = len(rows.R)
    size = np.stack(
        [np.broadcast_to(np.asarray(params[name], float), n) for name in ("r", "alpha", "a", "b")]
    )
    gradient = size * own.gradient
    hessian = size[:, None] * size[None] * own.hessian
    hessian[np.arange(4), np.arange(4)] += gradient
    return RowDerivatives(own.value, gradient, hessian)
