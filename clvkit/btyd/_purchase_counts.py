"""Distributions of the number of purchases in a horizon, with and without dropout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

__all__ = [
    "at_least",
    "negative_binomial",
    "negative_binomial_pmf",
    "purchases_until_dropout",
    "thinned",
]

Array = NDArray[np.float64]


def negative_binomial_pmf(shape: Array, z: Array, n_max: int) -> Array:
    """Return P(N = 0 .. n_max) of a count of mean ``shape * z``, of shape (n, n_max + 1)."""
    shape, z = shape[:, None], z[:, None]
    k = np.arange(1.0, n_max + 1.0)
    log_none = -shape * np.log1p(z)
    with np.errstate(divide="ignore"):  # nothing is bought in no time
        steps = np.log((shape + k - 1.0) / k) + np.log(z / (1.0 + z))
    return np.exp(np.concatenate([log_none, log_none + np.cumsum(steps, axis=1)], axis=1))


def negative_binomial(shape: Array, z: Array, n_max: int) -> tuple[Array, Array]:
    """Return P(N = 0 .. n_max) and P(N >= 1 .. n_max) of a count of mean ``shape * z``."""
    count = negative_binomial_pmf(shape, z, n_max)
    return count, at_least(count, betainc(n_max + 1.0, shape, z / (1.0 + z)))


def at_least(count: Array, beyond: Array) -> Array:
    """Return P(N >= 1 .. n_max) from P(N = 0 .. n_max) and P(N > n_max).

    Tails are added up from the far end, so that small ones keep their relative accuracy.
    """
    upwards = np.concatenate([beyond[:, None], count[:, :0:-1]], axis=1)
    return np.cumsum(upwards, axis=1)[:, :0:-1]


def thinned(count: Array, tails: Array, a: Array, b: Array) -> Array:
    r"""Return the distribution of purchases that each may be the last, p being Beta(a, b).

    With N the purchases of a customer who never drops out (Fader, Hardie and Lee 2005, eq. 8),

    .. math:: P(X = n) = E[(1-p)^n] \, P(N = n) + 1_{n>0} E[p (1-p)^{n-1}] \, P(N \ge n):

    either all n purchases were survived, or the n-th was the last of at least n that would
    have come.

    Parameters
    ----------
    count : ndarray of shape (n_rows, n_max + 1)
        P(N = 0 .. n_max).
    tails : ndarray of shape (n_rows, n_max)
        P(N >= 1 .. n_max).
    a, b : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows, n_max + 1)
    """
    a, b = a[:, None], b[:, None]
    before = np.arange(float(tails.shape[1]))  # purchases before the n-th
    survives = np.cumprod((b + before) / (a + b + before), axis=1)
    later = count[:, 1:] * survives + survives * a / (b + before) * tails
    return np.concatenate([count[:, :1], later], axis=1)


def purchases_until_dropout(p: Array, rng: np.random.Generator) -> Array:
    """Draw the number of the purchase after which the customer drops out, as floats.

    Geometric by inversion; a p of 0 gives infinity, which NumPy's own sampler refuses.
    """
    with np.errstate(divide="ignore"):
        return np.maximum(np.ceil(rng.exponential(size=len(p)) / -np.log1p(-p)), 1.0)
