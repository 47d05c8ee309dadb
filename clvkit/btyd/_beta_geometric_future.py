r"""What customers of the Beta-geometric models will do: predictions given the history.

The posterior of a customer who is alive at T is that of a newcomer with other parameters (see
:mod:`clvkit.btyd._beta_geometric`). Where purchases are Poisson that is all there is to know;
where intervals are Erlang-k, phases of the current one may have ended already, and
:mod:`clvkit.btyd._erlang_future` takes over.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _erlang_future as erlang
from clvkit.btyd._beta_geometric import Kind, posterior, probability_alive
from clvkit.btyd._erlang import phase_probabilities
from clvkit.btyd._purchase_counts import negative_binomial, purchases_until_dropout, thinned
from clvkit.btyd._quadrature import beta_expectation
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


def purchases_if_alive(kind: Kind, params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    r"""Return the expected purchases in the horizon, given alive at T.

    With Poisson purchases and known p they are :math:`(1 - (1 + z p)^{-R}) / p`, where
    z = horizon / (alpha + T) and R = r + x: the purchases of a process of rate lambda that
    survives for s with probability :math:`e^{-\lambda p s}`, integrated over lambda and s.
    """
    given = posterior(kind, params, rows)
    z = horizon / given.rate
    if kind.k > 1:
        return erlang.purchases(given, z, _phases(kind, params, rows))
    return beta_expectation(_purchases_given_p, given.a, given.b, rate_shape=given.shape, z=z)


def stays_alive(kind: Kind, params: dict[str, Any], rows: Rows, ahead: Array) -> Array:
    r"""Return the probability of being alive later: nobody drops out between purchases.

    With Poisson purchases it is the expectation of :math:`(1 + z p)^{-R}`.
    """
    given = posterior(kind, params, rows)
    z = ahead / given.rate
    if kind.k > 1:
        return erlang.survival(given, z, _phases(kind, params, rows))
    return beta_expectation(_survival_given_p, given.a, given.b, rate_shape=given.shape, z=z)


def active_if_alive(kind: Kind, params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    """Return the probability of a purchase: until the next one an alive customer stays alive."""
    given = posterior(kind, params, rows)
    z = horizon / given.rate
    if kind.k > 1:
        return erlang.at_least_one(given, z, _phases(kind, params, rows))
    return -np.expm1(-given.shape * np.log1p(z))


def pmf_if_alive(
    kind: Kind, params: dict[str, Any], rows: Rows, horizon: Array, n_max: int
) -> Array:
    """Return the probabilities of 0 .. n_max purchases, given alive at T."""
    given = posterior(kind, params, rows)
    z = horizon / given.rate
    if kind.k > 1:
        counts = erlang.counts(given, z, _phases(kind, params, rows), n_max)
    else:
        counts = negative_binomial(given.shape, z, n_max)
    return thinned(*counts, given.a, given.b)


def draw(
    kind: Kind, params: dict[str, Any], rows: Rows, horizon: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the purchases in the horizon, dead customers making none."""
    given = posterior(kind, params, rows)
    alive = rng.random(len(rows.T)) < probability_alive(kind, params, rows)
    ended = np.zeros(len(rows.T))
    if kind.k > 1:
        chances = np.cumsum(_phases(kind, params, rows), axis=0)[:-1]
        ended = (rng.random(len(rows.T)) > chances).sum(axis=0).astype(float)
    rate = rng.gamma(given.shape + ended) / given.rate
    until_dropout = purchases_until_dropout(rng.beta(given.a, given.b), rng)
    made = np.floor((rng.poisson(rate * horizon) + ended) / kind.k)
    return np.where(alive, np.minimum(made, until_dropout), 0).astype(np.int64)


def draw_histories(
    kind: Kind, params: dict[str, Any], age: Array, rng: np.random.Generator
) -> Array:
    """Draw (frequency, recency, T) of newcomers observed for ``age``.

    Given N phases in the age, the times of their ends are those of a sorted uniform sample: the
    m-th of N is Beta(m, N - m + 1) of the age.
    """
    n = len(age)
    made = rng.poisson(rng.gamma(params["r"], size=n) / params["alpha"] * age).astype(float)
    until_dropout = purchases_until_dropout(rng.beta(params["a"], params["b"], size=n), rng)
    x = np.minimum(np.floor(made / kind.k), until_dropout - kind.first)
    phases = kind.k * x
    last = age * rng.beta(np.maximum(phases, 1.0), made - phases + 1.0)
    return np.column_stack([x, np.where(x > 0, last, 0.0), age])


def _phases(kind: Kind, params: dict[str, Any], rows: Rows) -> Array:
    """Return the probabilities of 0 .. k - 1 phases of the current interval having ended."""
    w = (rows.T - rows.recency) / (params["alpha"] + rows.T)
    return phase_probabilities(params["r"] + kind.k * rows.frequency, w, kind.k)


def _purchases_given_p(p: Array, rate_shape: Array, z: Array) -> Array:
    # (1 - (1 + z p)^-R) / p, and its limit R z where p has underflowed.
    p = np.maximum(p, np.finfo(float).tiny)
    return -np.expm1(-rate_shape * np.log1p(z * p)) / p


def _survival_given_p(p: Array, rate_shape: Array, z: Array) -> Array:
    return np.exp(-rate_shape * np.log1p(z * p))
