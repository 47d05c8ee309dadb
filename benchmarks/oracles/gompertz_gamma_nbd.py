"""GGompertz/NBD: integrals over V(y), of which the survival is exp(-s V(y))."""

from __future__ import annotations

import mpmath

__all__ = ["decay", "log_likelihood", "odds_of_death", "purchases_if_alive"]


def decay(b, beta, y):
    """Return V(y)."""
    return mpmath.log1p(mpmath.expm1(b * y) / beta)


def odds_of_death(r, alpha, b, s, beta, x, t_x, T):
    """Return the odds of being dead by the integral over v = V(y)."""
    begin, end = decay(b, beta, t_x), decay(b, beta, T)
    R = r + x

    def density(v):
        y = mpmath.log1p(beta * mpmath.expm1(v)) / b
        return s * mpmath.exp(s * (end - v) + R * mpmath.log((alpha + T) / (alpha + y)))

    cuts = [begin + (end - begin) * mpmath.mpf(2) ** -k for k in range(16, -1, -1)]
    return mpmath.quad(density, [begin, *cuts], maxdegree=5) if t_x < T else mpmath.mpf(0)


def log_likelihood(r, alpha, b, s, beta, x, t_x, T):
    """Return the logarithm of the likelihood of a history."""
    survived = mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
    survived -= s * decay(b, beta, T) + (r + x) * mpmath.log(alpha + T)
    return survived + mpmath.log1p(odds_of_death(r, alpha, b, s, beta, x, t_x, T))


def purchases_if_alive(r, alpha, b, s, beta, x, T, horizon):
    """Return the mean rate times the expected time alive in the horizon."""
    here = decay(b, beta, T)

    def survival(y):
        return mpmath.exp(-s * (decay(b, beta, T + y) - here))

    cuts = [horizon * mpmath.mpf(2) ** -k for k in range(12, -1, -1)]
    return (r + x) / (alpha + T) * mpmath.quad(survival, [0, *cuts], maxdegree=5)
