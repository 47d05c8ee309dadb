"""Pareto/NBD: the odds of being dead as an integral over the time of death."""

from __future__ import annotations

import mpmath

__all__ = ["log_likelihood", "odds_of_death", "purchases_if_alive"]


def odds_of_death(r, alpha, s, beta, x, t_x, T):
    """Return P(dead) / P(alive) of a customer with this history."""
    R, c = r + x, min(alpha, beta)

    def density(length):
        y = (c + t_x) * mpmath.exp(length) - c
        growth = R * mpmath.log((alpha + T) / (alpha + y)) + s * mpmath.log((beta + T) / (beta + y))
        return mpmath.exp(growth) * (c + y) / (beta + y)

    longest = mpmath.log((c + T) / (c + t_x))
    if longest == 0:
        return mpmath.mpf(0)
    # Where the integrand falls steeply it does so at first.
    steep = [mpmath.mpf(2) ** k / max(1, R + s) for k in range(-1, 8)]
    cuts = {min(cut, longest) for cut in (0, longest, *steep, *range(1, 60))}
    # mpmath's estimate of its own error divides by the logarithm of a difference, which is 0
    # where that is 1; a third of the integrand is not that unlucky.
    return 3 * s * mpmath.quad(lambda length: density(length) / 3, sorted(cuts))


def log_likelihood(r, alpha, s, beta, x, t_x, T):
    """Return the logarithm of the likelihood of a history."""
    survived = mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
    survived += s * mpmath.log(beta / (beta + T)) - (r + x) * mpmath.log(alpha + T)
    return survived + mpmath.log1p(odds_of_death(r, alpha, s, beta, x, t_x, T))


def purchases_if_alive(r, alpha, s, beta, x, T, horizon):
    """Return the expected purchases of a customer who is alive at T."""
    s = s + mpmath.mpf(10) ** -25  # the published form is 0 / 0 at s = 1
    B = beta + T
    return (r + x) / (alpha + T) * B / (s - 1) * (1 - (B / (B + horizon)) ** (s - 1))
