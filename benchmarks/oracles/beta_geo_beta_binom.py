"""BG/BB: sums over the opportunities, as published."""

from __future__ import annotations

import mpmath

__all__ = ["first_purchase", "log_likelihood", "presence", "purchases_if_alive", "terms"]


def terms(params, row):
    """Return the terms of the likelihood: alive, and dropped out at each time."""
    a, b, c, d = params
    x, t_x, n = row
    beta = mpmath.beta
    alive = beta(a + x, b + n - x) / beta(a, b) * beta(c, d + n) / beta(c, d)
    dead = [
        beta(a + x, b + j - x) / beta(a, b) * beta(c + 1, d + j) / beta(c, d) for j in range(t_x, n)
    ]
    return alive, dead


def log_likelihood(params, row):
    """Return the logarithm of the likelihood of a history."""
    alive, dead = terms(params, row)
    return mpmath.log(alive + mpmath.fsum(dead))


def presence(params, n, k):
    """Return the chance of being there k opportunities after n, given there at n."""
    c, d = params[2], params[3] + n
    return mpmath.beta(c, d + k) / mpmath.beta(c, d)


def first_purchase(params, x, n, k):
    """Return the chance that the next purchase is the k-th opportunity, if there is no dropout."""
    a, b = params[0] + x, params[1] + n - x
    return mpmath.beta(a + 1, b + k - 1) / mpmath.beta(a, b)


def purchases_if_alive(params, x, n, horizon):
    """Return the expected purchases in so many opportunities of a customer alive at n."""
    there = (presence(params, n, k) for k in range(1, horizon + 1))
    return (params[0] + x) / (params[0] + params[1] + n) * mpmath.fsum(there)
