r"""The distribution of purchases in a horizon under the Pareto/NBD model.

A customer who dies after y purchases as in the NBD until then (Fader and Hardie 2014, Deriving the
Conditional PMF of the Pareto/NBD Model), so that

.. math::
    P(X = k) = P(N_h = k) \, S(h) + \int_0^h P(N_y = k) \, f(y) \, dy

with S and f the survival function and density of the remaining lifetime. The closed form is a
difference of hypergeometric functions; here the integral is a Gauss-Legendre sum over
:math:`\log(1 + y / c)`, c the smaller of alpha + T and beta + T, and all terms are positive.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._pareto import Posterior, inactive_if_alive, posterior
from clvkit.btyd._summary import Rows

__all__ = ["count_mixture", "pmf_if_alive"]

Array = NDArray[np.float64]

_NODES = (32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
#: So many numbers of an array of (nodes, rows) stay in the processor's cache.
_NUMBERS = 40_000


def pmf_if_alive(params: dict[str, Any], rows: Rows, horizon: Array, n_max: int) -> Array:
    """Return the probabilities of 0 .. n_max purchases, given alive at T."""
    out = np.empty((len(horizon), n_max + 1))
    out[:, 0] = inactive_if_alive(params, rows, horizon)
    given = posterior(params, rows)
    needed = np.searchsorted(_NODES[:-1], _difficulty(given, horizon))
    for number in np.flatnonzero(np.bincount(needed)) if n_max else ():
        every = np.flatnonzero(needed == number)
        size = max(1, _NUMBERS // _NODES[number])
        for begin in range(0, len(every), size):
            some = every[begin : begin + size]
            out[some, 1:] = _counts(given.take(some), horizon[some], _NODES[number], n_max)
    return out


def _difficulty(given: Posterior, horizon: Array) -> Array:
    """Return a number of nodes that is enough: by the length, and by the fall in nats."""
    in_rate, in_beta = np.log1p(horizon / given.rate), np.log1p(horizon / given.beta)
    fall = given.shape * in_rate + given.s * in_beta
    return 20.0 + 5.0 * (np.sqrt(fall) + np.maximum(in_rate, in_beta))


def _counts(given: Posterior, horizon: Array, n_nodes: int, n_max: int) -> Array:
    """Return the probabilities of 1 .. n_max purchases."""
    time, weights = _times_of_death(given, horizon, n_nodes)
    return count_mixture(time, weights, given.shape, given.rate, n_max)


def count_mixture(time: Array, weights: Array, shape: Array, rate: Array, n_max: int) -> Array:
    """Return the probabilities of 1 .. n_max purchases within times of death.

    Parameters
    ----------
    time, weights : ndarray of shape (n_nodes, n)
        Times until which customers buy, and the probability of each.
    shape, rate : ndarray of shape (n,)
        Of the Gamma-distributed purchase rate.
    n_max : int

    Returns
    -------
    ndarray of shape (n, n_max)
    """
    with np.errstate(divide="ignore"):  # nothing is bought in no time
        log_share = np.log(time) - np.log(rate + time)
    log_count = -shape * np.log1p(time / rate)
    counts = np.empty((len(shape), n_max))
    for k in range(1, n_max + 1):
        log_count += log_share + np.log((shape + (k - 1.0)) / k)
        counts[:, k - 1] = np.einsum("kr,kr->r", np.exp(log_count), weights)
    return counts


def _times_of_death(given: Posterior, horizon: Array, n_nodes: int) -> tuple[Array, Array]:
    """Return times and their probabilities; the last is that of whoever survives the horizon."""
    nodes, weights = _rule(n_nodes)
    c = np.minimum(given.rate, given.beta)
    length = np.log1p(horizon / c)
    time = c * np.expm1(nodes[:, None] * length)
    log_survival = -given.s * np.log1p(time / given.beta)
    density = np.exp(log_survival) * given.s / (given.beta + time)
    mass = density * (c + time) * weights[:, None] * length
    survival = np.exp(-given.s * np.log1p(horizon / given.beta))
    return np.concatenate([time, [horizon]]), np.concatenate([mass, [survival]])


@lru_cache
def _rule(n: int) -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 + 0.5 * nodes, 0.5 * weights
