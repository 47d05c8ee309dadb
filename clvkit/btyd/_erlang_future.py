r"""What comes after T where intervals between purchases are Erlang-k, exactly.

Of a customer who is alive at T, j < k phases of the current interval have ended with probability
:math:`\pi_j`; given j, phases end at rate :math:`\lambda \sim Gamma(R + j, \alpha + T)`, so that
N phases that end in the horizon are negative binomial, and C = floor((N + j) / k) purchases
would be made if nobody dropped out. With q = 1 - p the expected purchases are
:math:`(1 - E[q^C]) / p`.

Sorting the values of N + j by their rest modulo k, with the k-th roots of unity
:math:`\omega^m` and :math:`\sigma_m = q^{1/k} \omega^m`,

.. math::
    E[q^C] = \sum_{m=0}^{k-1} \frac{\sigma_m^{1-k} \, p}{k (1 - \sigma_m)}
    \sum_j \pi_j \sigma_m^j \, [1 + z (1 - \sigma_m)]^{-R-j}, \quad z = horizon / (\alpha + T),

a closed form for known p, with p integrated by quadrature. (Peers approximate: they take the
expectation of the BG/NBD at rate :math:`\lambda / k`, as if nothing were known of the phases.)
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from clvkit.btyd._beta_geometric import Posterior
from clvkit.btyd._purchase_counts import at_least, negative_binomial_pmf
from clvkit.btyd._quadrature import Integrand, beta_expectation

__all__ = ["at_least_one", "counts", "purchases", "survival"]

Array = NDArray[np.float64]

#: The closed form loses 1/q of its digits near q = 0, where the powers of q take over.
_SMALL_Q = 1e-3
_POWERS = 6
_TINY = 1e-290


def counts(given: Posterior, z: Array, phases: Array, n_max: int) -> tuple[Array, Array]:
    """Return P(C = 0 .. n_max) and P(C >= 1 .. n_max).

    Parameters
    ----------
    given : Posterior
    z : ndarray of shape (n,)
        Horizon over rate.
    phases : ndarray of shape (k, n)
        Probabilities that j phases have ended.
    n_max : int

    Returns
    -------
    tuple of ndarrays of shape (n, n_max + 1) and (n, n_max)
    """
    k, last = len(phases), len(phases) * (n_max + 1)
    ends = np.zeros((len(z), last))
    for j, chance in enumerate(phases):
        pmf = negative_binomial_pmf(given.shape + j, z, last - 1 - j)
        ends[:, j:] += chance[:, None] * pmf
    count = ends.reshape(len(z), n_max + 1, k).sum(axis=2)
    return count, at_least(count, _reaches(given, z, phases, n_max + 1))


def at_least_one(given: Posterior, z: Array, phases: Array) -> Array:
    """Return P(C >= 1): the current interval ends."""
    return _reaches(given, z, phases, 1)


def purchases(given: Posterior, z: Array, phases: Array) -> Array:
    """Return the expected purchases in the horizon."""
    expected = _expectation(_purchases_given_p, given, z, phases)
    return np.where(z > 0, np.maximum(expected, 0.0), 0.0)


def survival(given: Posterior, z: Array, phases: Array) -> Array:
    """Return E[q^C], the probability of being alive at the end of the horizon."""
    return np.clip(_expectation(_survival_given_p, given, z, phases), 0.0, 1.0)


def _expectation(integrand: Integrand, given: Posterior, z: Array, phases: Array) -> Array:
    """Return the expectation over p of a function of p, R, z, phases and powers of q."""
    out = np.empty_like(z)
    # Only a Beta(a, b) with b < 1 has so much weight near q = 0 that powers matter.
    for rows, n_powers in ((given.b >= 1.0, 0), (given.b < 1.0, _POWERS)):
        part = Posterior(*(column[rows] for column in given))
        chances = phases[:, rows]
        powers = [_reaches(part, z[rows], chances, i + 1) for i in range(n_powers)]
        out[rows] = beta_expectation(
            partial(integrand, n_powers=n_powers),
            part.a,
            part.b,
            rate_shape=part.shape,
            z=z[rows],
            more=[*chances, *powers],
        )
    return out


def _reaches(given: Posterior, z: Array, phases: Array, purchases: int) -> Array:
    """Return P(C >= purchases), as a sum of tails of negative binomials."""
    k, share = len(phases), z / (1.0 + z)
    return np.sum(
        [
            chance * betainc(float(k * purchases - j), given.shape + j, share)
            for j, chance in enumerate(phases)
        ],
        axis=0,
    )


def _survival_given_p(p: Array, shape: Array, z: Array, *more: Array, n_powers: int) -> Array:
    return 1.0 - p * _purchases_given_p(p, shape, z, *more, n_powers=n_powers)


def _purchases_given_p(p: Array, shape: Array, z: Array, *more: Array, n_powers: int) -> Array:
    k = len(more) - n_powers
    closed = _closed_form(p, shape, z, *more[:k])
    if n_powers == 0:
        return closed
    # (1 - E[q^C]) / p = sum over i of P(C > i) q^i.
    q, series = 1.0 - p, np.zeros_like(p)
    for reached in reversed(more[k:]):
        series = series * q + reached
    return np.where(q < _SMALL_Q, series, closed)


def _closed_form(p: Array, shape: Array, z: Array, *phases: Array) -> Array:
    """Return (1 - E[q^C]) / p; its parts are of the order of p, and none is a difference of 1s."""
    k = len(phases)
    p = np.clip(p, _TINY, 1.0 - 1e-16)
    rest = -np.expm1(np.log1p(-p) / k)
    sigma = 1.0 - rest
    total = _real_root(sigma, rest, shape, z, phases) / p
    powers = sigma ** (1.0 - k) / k
    for m in range(1, k // 2 + 1):
        # Conjugate roots give conjugate terms; the root -1, where k is even, stands alone.
        alone = 2 * m == k
        root = -1.0 if alone else np.exp(2j * np.pi * m / k)
        rest_m = rest + sigma * (1.0 - root)
        base = 1.0 + z * rest_m
        ratio = sigma * root / base
        mixed = np.zeros_like(ratio)
        for chance in reversed(phases):
            mixed = mixed * ratio + chance
        term = (root * mixed * np.exp(-shape * np.log(base)) / rest_m).real
        total -= powers * term if alone else 2.0 * powers * term
    return total


def _real_root(
    sigma: Array, rest: Array, shape: Array, z: Array, phases: tuple[Array, ...]
) -> Array:
    r"""Return 1 minus the term of m = 0.

    With :math:`c = \sigma^{1-k} p / (k (1 - \sigma))`, D = 1 + z (1 - sigma) and
    :math:`\rho = \sigma / D` that is :math:`1 - c D^{-R} (1 - V)`, where

    .. math::
        V = \sum_j \pi_j (1 - \rho^j) = (1 - \rho) \sum_i \rho^i \sum_{j>i} \pi_j, \quad
        c - 1 = \frac{1 - \sigma}{k} \sum_{l=1}^{k-1} (k - l) \sigma^{-l}.
    """
    k = len(phases)
    base = 1.0 + z * rest
    ratio, inverse = sigma / base, 1.0 / sigma
    later, tail = np.zeros_like(ratio), np.zeros_like(phases[0])
    excess = np.zeros_like(ratio)
    for number, chance in enumerate(reversed(phases[1:]), 1):
        tail = tail + chance
        later = later * ratio + tail
        excess = (excess + number) * inverse
    missing = (1.0 + z) * rest / base * later
    excess *= rest / k
    lost = -np.expm1(-shape * np.log1p(z * rest))  # 1 - D^-R
    return lost + (1.0 - lost) * (missing - excess * (1.0 - missing))
