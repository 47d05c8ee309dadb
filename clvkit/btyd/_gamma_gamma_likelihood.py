"""The likelihood of the Gamma-Gamma model with its derivatives, without regard to estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, polygamma

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._dedup import CHUNK, tabulate_counts
from clvkit.btyd._likelihood_model import ALIKE
from clvkit.btyd._newton import Derivatives, Optimum
from clvkit.btyd._special import log_rising

__all__ = ["Spends", "constant_spend", "log_likelihood", "row_derivatives", "start"]

Array = NDArray[np.float64]


class Spends:
    """The data of a fit with what does not change from step to step."""

    def __init__(self, x: Array, spend: Array, weights: Array) -> None:
        self.counts, self.by_count = tabulate_counts(x, weights)
        self.per_total = 1.0 / (x * spend)
        self.weights = np.stack([weights, weights * x])
        log_spend = np.log(spend)
        self.constant = float(weights @ log_spend)
        # The sum of log total does without a second logarithm of every row.
        self.log_total = self.constant + float(self.by_count @ np.log(self.counts))

    def derivatives(self, log_params: Array) -> Derivatives:
        """Return the log-likelihood of :func:`log_likelihood` with its derivatives."""
        p, q, gamma = np.exp(log_params).tolist()
        return self._count_part(p, q).plus(self._spend_part(p, q, gamma))

    def _count_part(self, p: float, q: float) -> Derivatives:
        # log Gamma(p x + q) - log Gamma(p x) - log Gamma(q): a table over the distinct counts.
        x, w = self.counts, self.by_count
        px = p * x
        value = w @ (log_rising(px, q) - gammaln(q))
        both, both2 = digamma(px + q), polygamma(1, px + q)
        in_p = w @ (px * (both - digamma(px)))
        in_q = q * (w @ (both - digamma(q)))
        gradient = np.array([in_p, in_q, 0.0])
        hessian = np.diag(gradient)
        hessian[0, 0] += w @ (px * px * (both2 - polygamma(1, px)))
        hessian[0, 1] = hessian[1, 0] = q * (w @ (px * both2))
        hessian[1, 1] += q * q * (w @ (both2 - polygamma(1, q)))
        return Derivatives(float(value), gradient, hessian)

    def _spend_part(self, p: float, q: float, gamma: float) -> Derivatives:
        # -p x log(1 + gamma / total) - q log(1 + total / gamma) - log spend
        (below, share, _, both), (x_below, _, x_rest, x_both) = self._sums(gamma).tolist()
        above = below + self.log_total - self.by_count.sum() * np.log(gamma)
        in_p, in_q = -p * x_below, -q * above
        cross_p, cross_q = -p * x_rest, q * share
        bend = -(p * x_both + q * both)
        gradient = np.array([in_p, in_q, cross_p + cross_q])
        hessian = np.array([[in_p, 0.0, cross_p], [0.0, in_q, cross_q], [cross_p, cross_q, bend]])
        return Derivatives(float(in_p + in_q - self.constant), gradient, hessian)

    def _sums(self, gamma: float) -> Array:
        """Return sums over the rows, weighted by 1 and by x, of what depends on gamma alone.

        They are log(1 + gamma / total), the share s = total / (gamma + total), 1 - s, and
        s (1 - s).
        """
        sums = np.zeros((2, 4))
        values = np.empty((4, min(CHUNK, len(self.per_total))))
        for begin in range(0, len(self.per_total), CHUNK):
            part = slice(begin, begin + CHUNK)
            ratio = gamma * self.per_total[part]
            below, share, rest, both = filled = values[:, : len(ratio)]
            np.log1p(ratio, out=below)
            np.divide(1.0, 1.0 + ratio, out=share)
            np.multiply(ratio, share, out=rest)
            np.multiply(share, rest, out=both)
            sums += self.weights[:, part] @ filled.T
        return sums


def row_derivatives(params: dict[str, Any], x: Array, spend: Array) -> RowDerivatives:
    """Return the derivatives of :func:`log_likelihood` row by row (compare :class:`Spends`)."""
    p, q, gamma = params["p"], params["q"], params["gamma"]
    px, total = p * x, x * spend
    share = total / (gamma + total)
    below, above = np.log1p(gamma / total), np.log1p(total / gamma)
    both, both2 = digamma(px + q), polygamma(1, px + q)
    in_p = px * (both - digamma(px) - below)
    in_q = q * (both - digamma(q) - above)
    in_gamma = q * share - px * (1.0 - share)
    hessian = np.zeros((3, 3, len(x)))
    hessian[0, 0] = in_p + px * px * (both2 - polygamma(1, px))
    hessian[0, 1] = hessian[1, 0] = q * px * both2
    hessian[0, 2] = hessian[2, 0] = -px * (1.0 - share)
    hessian[1, 1] = in_q + q * q * (both2 - polygamma(1, q))
    hessian[1, 2] = hessian[2, 1] = q * share
    hessian[2, 2] = -(px + q) * share * (1.0 - share)
    value = log_likelihood(params, x, spend)
    return RowDerivatives(value, np.stack([in_p, in_q, in_gamma]), hessian)


def log_likelihood(params: dict[str, Any], x: Array, spend: Array) -> Array:
    # Fader and Hardie (2013), eq. 1a, with every power of a ratio of like quantities.
    p, q, gamma = params["p"], params["q"], params["gamma"]
    total = x * spend
    return (
        log_rising(p * x, q)
        - gammaln(q)
        - p * x * np.log1p(gamma / total)
        - q * np.log1p(total / gamma)
        - np.log(spend)
    )


def start(spend: Array, weights: Array) -> Array:
    # Moderate variation of either kind about the observed mean p gamma / (q - 1).
    mean = float(weights @ spend / weights.sum())
    p, q = 3.0, 4.0
    return np.log([p, q, mean * (q - 1.0) / p])


def constant_spend(x: Array, spend: Array, weights: Array, n_coefs: int) -> Optimum:
    # The likelihood rises without bound in p and q; any large values predict the one spend.
    p = q = 2.0 * ALIKE
    gamma = float(spend[0]) * (q - 1.0) / p
    value = weights @ log_likelihood({"p": p, "q": q, "gamma": gamma}, x, spend)
    size = 3 + n_coefs
    nothing = Derivatives(float(value), np.zeros(size), np.zeros((size, size)))
    theta = np.append(np.log([p, q, gamma]), np.zeros(n_coefs))
    return Optimum(theta, nothing, False, 0)
