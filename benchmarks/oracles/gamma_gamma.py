"""Gamma-Gamma spend, and NBD purchases, whose forms are closed."""

from __future__ import annotations

import mpmath

__all__ = ["expected_spend", "log_likelihood", "nbd_log_likelihood"]


def log_likelihood(p, q, gamma, x, spend):
    """Return the logarithm of the density of a mean spend over x purchases."""
    shape = p * x
    rest = mpmath.loggamma(shape + q) - mpmath.loggamma(shape) - mpmath.loggamma(q)
    rest += q * mpmath.log(gamma) + (shape - 1) * mpmath.log(spend) + shape * mpmath.log(x)
    return rest - (shape + q) * mpmath.log(gamma + spend * x)


def expected_spend(p, q, gamma, x, spend):
    """Return the expected spend per purchase of such a customer."""
    return p * (gamma + x * spend) / (p * x + q - 1)


def nbd_log_likelihood(r, alpha, x, T):
    """Return the logarithm of the likelihood of x Poisson purchases by T, at known times."""
    rest = mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
    return rest - (r + x) * mpmath.log(alpha + T)
