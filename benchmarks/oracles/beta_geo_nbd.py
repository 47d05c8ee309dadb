"""BG/NBD and MBG/NBD, with Poisson or with Erlang-k purchases, as published."""

from __future__ import annotations

import mpmath

__all__ = ["log_likelihood", "odds_of_death", "purchases_if_alive"]


def log_likelihood(r, alpha, a, b, x, t_x, T, *, k=1, modified=False):
    """Return the logarithm of the likelihood: the customer survived, or dropped out at t_x.

    With k above 1 it is the mean over all times of purchase that lead to x and t_x (Reutterer,
    Platzer and Schröder 2021). ``modified`` lets customers drop out at the first purchase, too.
    """
    survived, dropped = _terms(r, alpha, a, b, x, t_x, T, k, modified)
    rest = mpmath.loggamma(r + k * x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
    if x > 0:  # density of the times that add up to t_x, relative to Poisson purchases
        rest += (k - 1) * x * mpmath.log(t_x) + mpmath.loggamma(x) - mpmath.loggamma(k * x)
    return rest + mpmath.log(survived + dropped)


def odds_of_death(r, alpha, a, b, x, t_x, T, *, k=1, modified=False):
    """Return P(dead) / P(alive) of a customer with this history."""
    survived, dropped = _terms(r, alpha, a, b, x, t_x, T, k, modified)
    return dropped / survived


def purchases_if_alive(r, alpha, a, b, x, T, horizon, *, modified=False):
    """Return the expected purchases of a customer alive at T, by the published 2F1 form."""
    a = a + mpmath.mpf(10) ** -25  # the form is 0 / 0 or infinity / infinity at a, a + b of 1
    R, A, B = r + x, alpha + T, b + x + int(modified)
    series = mpmath.hyp2f1(R, B, a + B - 1, horizon / (A + horizon), maxterms=10**6)
    return (a + B - 1) / (a - 1) * (1 - (A / (A + horizon)) ** R * series)


def _terms(r, alpha, a, b, x, t_x, T, k, modified):
    beta, R, u, more = mpmath.beta, r + k * x, T - t_x, int(modified)
    phases = mpmath.fsum(
        mpmath.rf(R, j) / mpmath.factorial(j) * (u / (alpha + T)) ** j for j in range(k)
    )
    survived = beta(a, b + x + more) / beta(a, b) * phases / (alpha + T) ** R
    if x + more == 0:
        return survived, mpmath.mpf(0)
    return survived, beta(a + 1, b + x + more - 1) / beta(a, b) / (alpha + t_x) ** R
