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

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from clvkit.btyd._beta_geometric import Posterior
from clvkit.btyd._purchase_counts import at_least, negative_binomial_pmf
from clvkit.btyd._quadrature import beta_expectation

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
    out = np.empty_like(z)
    # Only a Beta(a, b) with b < 1 has so much weight near q = 0 that it matters.
    for rows, integrand in (
        (given.b >= 1.0, _purchases_given_p),
        (given.b < 1.0, _purchases_by_powers),
    ):
        part = Posterior(*(column[rows] for column in given))
        more = list(phases[:, rows])
        if integrand is _purchases_by_powers:
            more += [_reaches(part, z[rows], phases[:, rows], i + 1) for i in range(_POWERS)]
        value = beta_expectation(
            integrand, part.a, part.b, rate_shape=part.shape, z=z[rows], more=more
        )
        out[rows] = np.where(z[rows] > 0, np.maximum(value, 0.0), 0.0)
    return out


def survival(given: Posterior, z: Array, phases: Array) -> Array:
    """Return E[q^C], the probability of being alive at the end of the horizon."""
    return np.clip(
        beta_expectation(
            _survival_given_p,
            given.a,
            given.b,
            rate_shape=given.shape,
            z=z,
            more=list(phases),
        ),
        0.0,
        1.0,
    )


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


def _survival_given_p(p: Array, shape: Array, z: Array, *phases: Array) -> Array:
    return 1.0 - p * _purchases_given_p(p, shape, z, *phases)


def _purchases_by_powers(p: Array, shape: Array, z: Array, *more: Array) -> Array:
    # (1 - E[q^C]) / p = sum over i of P(C > i) q^i.
    phases, reaches = more[:-_POWERS], more[-_POWERS:]
    q = 1.0 - p
    series = np.zeros_like(p)
    for reached in reversed(reaches):
        series = series * q + reached
    return np.where(q < _SMALL_Q, series, _purchases_given_p(p, shape, z, *phases))


def _purchases_given_p(p: Array, shape: Array, z: Array, *phases: Array) -> Array:
    """Return (1 - E[q^C]) / p; its parts are of the order of p, and none is a difference of 1s."""
    k = len(phases)
    p = np.clip(p, _TINY, 1.0 - 1e-16)
    step = np.log1p(-p) / k
    sigma, rest = np.exp(step), -np.expm1(step)
    total = _real_root(p, step, sigma, rest, shape, z, phases) / p
    for m in range(1, k // 2 + 1):
        # Conjugate roots give conjugate terms; the root -1, where k is even, stands alone.
        alone = 2 * m == k
        root = -1.0 if alone else np.exp(2j * np.pi * m / k)
        sigma_m = sigma * root
        rest_m = rest + sigma * (1.0 - root)
        base = 1.0 + z * rest_m
        ratio = sigma_m / base
        mixed = np.zeros_like(ratio)
        for chance in reversed(phases):
            mixed = mixed * ratio + chance
        factor = (1.0 if alone else 2.0) / k * np.exp((1.0 - k) * step)  # sigma^(1 - k)
        total -= factor * (root * mixed * np.exp(-shape * np.log(base)) / rest_m).real
    return total


def _real_root(
    p: Array,
    step: Array,
    sigma: Array,
    rest: Array,
    shape: Array,
    z: Array,
    phases: tuple[Array, ...],
) -> Array:
    r"""Return 1 minus the term of m = 0.

    That is :math:`1 - e^g (1 - V)` with :math:`g = \log c - R \log D` and, for :math:`\rho = \sigma
    / D`, :math:`V = \sum_j \pi_j (1 - \rho^j) = (1 - \rho) \sum_i \rho^i \sum_{j>i} \pi_j`. Here
    :math:`c = \sigma^{1-k} p / (k (1 - \sigma))` is :math:`e^{(k-1) h} \sinh(k h) / (k \sinh h)`
    with :math:`h = -\log(q) / (2 k)`.
    """
    k = len(phases)
    base = 1.0 + z * rest
    ratio = sigma / base
    later, tail = np.zeros_like(p), np.zeros_like(phases[0])
    for chance in reversed(phases[1:]):
        tail = tail + chance
        later = later * ratio + tail
    missing = (1.0 + z) * rest / base * later
    half = -0.5 * step
    log_c = (k - 1.0) * half + _log_sinhc(k * half) - _log_sinhc(half)
    log_term = log_c - shape * np.log1p(z * rest)
    return -np.expm1(log_term) + np.exp(log_term) * missing


def _log_sinhc(y: Array) -> Array:
    """Return log(sinh(y) / y) for y > 0, from its series where the quotient is nearly 1."""
    s = np.minimum(y, 0.1) ** 2
    series = s * (1 / 6 + s * (-1 / 180 + s * (1 / 2835 + s * (-1 / 37800 + s / 467775))))
    large = np.maximum(y, 0.1)
    return np.where(y < 0.1, series, np.log(np.sinh(large) / large))
