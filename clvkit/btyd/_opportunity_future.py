r"""What customers of the BG/BB model will do at the opportunities to come, given the history.

Alive at opportunity n, a customer is as a newcomer with other parameters: :math:`p \sim
Beta(\alpha + x, \beta + n - x)` and :math:`\theta \sim Beta(\gamma, \delta + n)`, independent. So
he is there at the k-th opportunity to come with probability

.. math:: S(k) = \frac{B(\gamma, \delta + n + k)}{B(\gamma, \delta + n)}.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._opportunity_likelihood import probability_alive
from clvkit.btyd._opportunity_sums import Terms, sum_terms
from clvkit.btyd._purchase_counts import purchases_until_dropout
from clvkit.btyd._special import log_survival
from clvkit.btyd._summary import Rows

__all__ = [
    "active_if_alive",
    "draw",
    "draw_histories",
    "pmf_if_alive",
    "purchases_if_alive",
    "stays_alive",
]

Array = NDArray[np.float64]
#: Discount factors below e^-45 are nothing beside rounding.
_NEGLIGIBLE = 45.0


class _Posterior(NamedTuple):
    """The Beta distributions of p and of theta of a customer who is alive at n."""

    alpha: Array
    beta: Array
    gamma: Array
    delta: Array

    def take(self, index: Any) -> _Posterior:
        return _Posterior(*(each[index] for each in self))


def purchases_if_alive(
    params: dict[str, Any], rows: Rows, horizon: Array, rate: float = 0.0
) -> Array:
    """Return the expected purchases at the opportunities of the horizon, given alive at n.

    Those of the k-th are worth ``exp(-rate * k)`` each. Without a rate it is eq. 13 of Fader,
    Hardie and Shang (2010) divided by P(alive); the closed form cancels near gamma = 1.
    """
    given = _posterior(params, rows)
    if rate > 0.0:
        horizon = np.minimum(horizon, np.ceil(_NEGLIGIBLE / rate))
    worth = np.exp(-rate)

    def ratio(some: NDArray[np.intp], k: float) -> Array:
        there = given.delta[some] + (k - 1.0)
        return worth * there / (given.gamma[some] + there)

    def log(some: NDArray[np.intp], k: Array) -> Array:
        return log_survival(given.delta[some], given.gamma[some], k) - rate * k

    mean = given.alpha / (given.alpha + given.beta)
    return mean * sum_terms(Terms(ratio, log), horizon)


def active_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    """Return the probability of a purchase: the sum over when the next one is."""
    given = _posterior(params, rows)

    def ratio(some: NDArray[np.intp], k: float) -> Array:
        alpha, beta, gamma, delta = given.take(some)
        there = delta + (k - 1.0)
        # Of buying at k and not before: alpha / (alpha + beta) at first.
        above = alpha if k == 1.0 else beta + (k - 2.0)
        return there / (gamma + there) * above / (alpha + beta + (k - 1.0))

    def log(some: NDArray[np.intp], k: Array) -> Array:
        alpha, beta, gamma, delta = given.take(some)
        first = log_survival(beta, alpha, k - 1.0) + np.log(alpha / (alpha + beta + k - 1.0))
        return log_survival(delta, gamma, k) + first

    return sum_terms(Terms(ratio, log), horizon)


def stays_alive(params: dict[str, Any], rows: Rows, ahead: Array) -> Array:
    """Return the probability of being there ``ahead`` opportunities later."""
    given = _posterior(params, rows)
    return np.exp(log_survival(given.delta, given.gamma, ahead))


def pmf_if_alive(params: dict[str, Any], rows: Rows, horizon: Array, n_max: int) -> Array:
    """Return the probabilities of 0 .. n_max purchases, given alive at n.

    Opportunity by opportunity as drawings from an urn: after x purchases at j opportunities the
    next one is a purchase with probability (alpha + x) / (alpha + beta + j). The customer is there
    for the last time at j = 0, 1, ..., or still at the end.
    """
    order = np.argsort(-horizon, kind="stable")
    alpha, beta, gamma, delta = (each[order] for each in _posterior(params, rows))
    x = np.arange(n_max + 1.0)[:, None]
    bought = np.zeros((n_max + 1, len(order)))
    bought[0] = 1.0
    there = np.ones(len(order))
    pmf = np.zeros_like(bought)
    # The rows of which there is a j-th opportunity are the first so many.
    counts = np.searchsorted(-horizon[order], -np.arange(horizon.max(initial=0.0) + 1.0), "right")
    for j, n in enumerate(counts):
        left = np.s_[:n]
        lost = gamma[left] / (gamma[left] + delta[left] + j)
        ends = np.where(horizon[order[left]] > j, lost, 1.0)
        pmf[:, left] += bought[:, left] * (there[left] * ends)
        there[left] *= 1.0 - ends
        total = alpha[left] + beta[left] + j
        buys = bought[:-1, left] * ((alpha[left] + x[:-1]) / total)
        bought[:, left] *= np.maximum(beta[left] + j - x, 0.0) / total
        bought[1:, left] += buys
    out = np.empty((len(order), n_max + 1))
    out[order] = pmf.T
    return out


def draw(
    params: dict[str, Any], rows: Rows, horizon: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the purchases in the horizon, dead customers making none."""
    given = _posterior(params, rows)
    alive = rng.random(len(rows.T)) < probability_alive(params, rows)
    there = np.minimum(_opportunities(rng.beta(given.gamma, given.delta), rng), horizon)
    p = rng.beta(given.alpha, given.beta)
    return rng.binomial(np.where(alive, there, 0.0).astype(np.int64), p)


def draw_histories(params: dict[str, float], age: Array, rng: np.random.Generator) -> Array:
    """Draw (frequency, recency, T) of newcomers after ``age`` opportunities.

    Looking back from the last opportunity that the customer was there for, the latest purchase is
    a geometric number of opportunities ago; the ones before it are independent of that.
    """
    n = len(age)
    leaves = rng.beta(params["gamma"], params["delta"], size=n)
    there = np.minimum(_opportunities(leaves, rng), age)
    p = rng.beta(params["alpha"], params["beta"], size=n)
    last = np.maximum(there + 1.0 - purchases_until_dropout(p, rng), 0.0)
    before = np.maximum(last - 1.0, 0.0).astype(np.int64)
    x = np.where(last > 0, 1 + rng.binomial(before, p), 0)
    return np.column_stack([x, last, age])


def _opportunities(leaves: Array, rng: np.random.Generator) -> Array:
    """Draw the opportunities that a customer is there for: before each he may leave."""
    return purchases_until_dropout(leaves, rng) - 1.0


def _posterior(params: dict[str, Any], rows: Rows) -> _Posterior:
    x, n = rows.frequency, rows.T
    return _Posterior(
        params["alpha"] + x,
        params["beta"] + n - x,
        np.broadcast_to(params["gamma"], n.shape),
        params["delta"] + n,
    )
