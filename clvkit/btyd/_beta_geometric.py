r"""The mathematics of the BG/NBD model, elementwise and without regard to estimators.

Fader, Hardie and Lee (2005). While alive a customer buys at Poisson rate
:math:`\lambda \sim Gamma(r, \alpha)`, and drops out after each repeat purchase with
probability :math:`p \sim Beta(a, b)`. Given alive at T, :math:`\lambda` and p are independent
with posteriors Gamma(r + x, alpha + T) and Beta(a, b + x), so every conditional quantity is that
of a newcomer with r + x, alpha + T and b + x.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._dedup import CHUNK, tabulate_counts
from clvkit.btyd._newton import Derivatives
from clvkit.btyd._quadrature import beta_expectation
from clvkit.btyd._special import log_rising, rising_slopes
from clvkit.btyd._summary import Rows

Array = NDArray[np.float64]


class Posterior(NamedTuple):
    """Gamma(shape, rate) of the purchase rate and Beta(a, b) of dropout, given alive at T."""

    shape: Array
    rate: Array
    a: Array
    b: Array


def posterior(params: dict[str, Any], rows: Rows) -> Posterior:
    """Return the posterior of a customer who is alive at T."""
    return Posterior(
        params["r"] + rows.frequency,
        params["alpha"] + rows.T,
        np.broadcast_to(params["a"], rows.T.shape),
        params["b"] + rows.frequency,
    )


def dead_log_odds(params: dict[str, Any], rows: Rows) -> Array:
    r"""Return the log-odds of having dropped out by T; minus infinity at frequency 0.

    .. math:: \log \frac{a}{b + x - 1} + (r + x) \log \frac{\alpha + T}{\alpha + t_x}
    """
    x, t_x, T = rows[:3]
    lull = np.log1p((T - t_x) / (params["alpha"] + t_x))
    ratio = np.log(params["a"]) - np.log(params["b"] + np.maximum(x - 1.0, 0.0))
    return np.where(x > 0, ratio + (params["r"] + x) * lull, -np.inf)


def log_likelihood(params: dict[str, Any], rows: Rows) -> Array:
    r"""Return the log-likelihood of each row (Fader, Hardie and Lee 2005, eq. 6).

    It is that of a customer alive at T plus log(1 + odds of being dead), where the former is

    .. math::
        \log \frac{\Gamma(r+x)}{\Gamma(r)} + \log \frac{B(a, b+x)}{B(a, b)}
        - r \log(1 + T/\alpha) - x \log(\alpha + T).
    """
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    x, _, T = rows[:3]
    alive = (
        log_rising(r, x)
        + log_rising(b, x)
        - log_rising(a + b, x)
        - r * np.log1p(T / alpha)
        - x * np.log(alpha + T)
    )
    return alive + np.logaddexp(0.0, dead_log_odds(params, rows))


def probability_alive(params: dict[str, Any], rows: Rows) -> Array:
    """Return the probability of being alive at T."""
    return expit(-dead_log_odds(params, rows))


def purchases_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    r"""Return the expected purchases in the horizon, given alive at T.

    For known p they are :math:`(1 - (1 + z p)^{-R}) / p` with z = horizon / (alpha + T) and
    R = r + x: the purchases of a Poisson process of rate lambda that survives for s with
    probability :math:`e^{-\lambda p s}`, integrated over lambda and s.
    """
    given = posterior(params, rows)
    return beta_expectation(
        _purchases_given_p, given.a, given.b, rate_shape=given.shape, z=horizon / given.rate
    )


def stays_alive(params: dict[str, Any], rows: Rows, ahead: Array) -> Array:
    r"""Return the expectation of :math:`(1 + z p)^{-R}`: nobody drops out between purchases."""
    given = posterior(params, rows)
    return beta_expectation(
        _survival_given_p, given.a, given.b, rate_shape=given.shape, z=ahead / given.rate
    )


def active_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    """Return the probability of a purchase: until the next one an alive customer stays alive."""
    given = posterior(params, rows)
    return -np.expm1(-given.shape * np.log1p(horizon / given.rate))


def pmf_if_alive(params: dict[str, Any], rows: Rows, horizon: Array, n_max: int) -> Array:
    r"""Return the probabilities of 0 .. n_max purchases, given alive at T.

    Fader, Hardie and Lee (2005), eq. 8 with the posterior's parameters. With N negative
    binomial, the purchases of a customer who never drops out,

    .. math:: P(X = k) = E[(1-p)^k] \, P(N = k) + 1_{k>0} E[p (1-p)^{k-1}] \, P(N \ge k):

    either all k purchases were survived, or the k-th was the last of at least k that
    would have come.
    """
    given = posterior(params, rows)
    z = horizon / given.rate
    count, at_least = negative_binomial(given.shape, z, n_max)
    b, before = given.b[:, None], np.arange(float(n_max))  # purchases before the k-th
    survives = np.cumprod((b + before) / (given.a[:, None] + b + before), axis=1)
    count[:, 1:] *= survives
    count[:, 1:] += survives * given.a[:, None] / (b + before) * at_least
    return count


def negative_binomial(shape: Array, z: Array, n_max: int) -> tuple[Array, Array]:
    """Return P(N = 0 .. n_max) and P(N >= 1 .. n_max) of a count of mean ``shape * z``.

    Tails are added up from the far end, beginning with an incomplete beta function, so that
    small ones keep their relative accuracy.
    """
    shape, z = shape[:, None], z[:, None]
    k = np.arange(1.0, n_max + 1.0)
    share = z / (1.0 + z)
    log_none = -shape * np.log1p(z)
    with np.errstate(divide="ignore"):  # nothing is bought in no time
        steps = np.log((shape + k - 1.0) / k) + np.log(share)
    log_count = np.concatenate([log_none, log_none + np.cumsum(steps, axis=1)], axis=1)
    count = np.exp(log_count)
    beyond = betainc(n_max + 1.0, shape, share)
    upwards = np.concatenate([beyond, count[:, :0:-1]], axis=1)
    return count, np.cumsum(upwards, axis=1)[:, :0:-1]


def draw(
    params: dict[str, Any], rows: Rows, horizon: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the purchases in the horizon, dead customers making none."""
    given = posterior(params, rows)
    alive = rng.random(len(rows.T)) < probability_alive(params, rows)
    rate = rng.gamma(given.shape) / given.rate
    until_dropout = purchases_until_dropout(rng.beta(given.a, given.b), rng)
    bought = np.minimum(rng.poisson(rate * horizon), until_dropout)
    return np.where(alive, bought, 0).astype(np.int64)


def draw_histories(params: dict[str, float], age: Array, rng: np.random.Generator) -> Array:
    """Draw (frequency, recency, T) of newcomers observed for ``age``.

    Given N Poisson purchases in the age, their times are those of a sorted uniform sample:
    the x-th of N is Beta(x, N - x + 1) of the age.
    """
    n = len(age)
    made = rng.poisson(rng.gamma(params["r"], size=n) / params["alpha"] * age).astype(float)
    until_dropout = purchases_until_dropout(rng.beta(params["a"], params["b"], size=n), rng)
    x = np.minimum(made, until_dropout)
    last = age * rng.beta(np.maximum(x, 1.0), made - x + 1.0)
    return np.column_stack([x, np.where(x > 0, last, 0.0), age])


def purchases_until_dropout(p: Array, rng: np.random.Generator) -> Array:
    """Draw the number of the purchase after which the customer drops out, as floats.

    Geometric by inversion; a p of 0 gives infinity, which NumPy's own sampler refuses.
    """
    with np.errstate(divide="ignore"):
        return np.maximum(np.ceil(rng.exponential(size=len(p)) / -np.log1p(-p)), 1.0)


def derivatives(log_params: Array, rows: Rows, weights: Array) -> Derivatives:
    """Return the weighted log-likelihood and its derivatives in log-parameters.

    The likelihood is a sum of three parts (see :func:`log_likelihood`): what depends on the
    count x alone, tabulated over distinct counts; the time part of an alive customer; and
    the softplus of the log-odds of being dead.
    """
    params = dict(zip(("r", "alpha", "a", "b"), np.exp(log_params).tolist(), strict=True))
    total = _count_part(params, rows.frequency, weights)
    for begin in range(0, len(weights), CHUNK):
        part = slice(begin, begin + CHUNK)
        some, w = rows.take(part), weights[part]
        total = total.plus(_time_part(params, some, w)).plus(_dead_part(params, some, w))
    return total


def row_derivatives(params: dict[str, Any], rows: Rows) -> RowDerivatives:
    """Return each row's log-likelihood with derivatives in its own log-parameters.

    Row by row what :func:`derivatives` sums up, for parameters that differ between rows.
    """
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    x, t_x, T = rows[:3]
    n = len(x)
    (r1, r2), (b1, b2), (s1, s2) = (rising_slopes(z, x) for z in (r, b, a + b))
    growth, share = np.log1p(T / alpha), T / (alpha + T)
    gradient = np.empty((4, n))
    gradient[0] = r * (r1 - growth)
    gradient[1] = r * share - x * (1.0 - share)
    gradient[2] = -a * s1
    gradient[3] = b * (b1 - s1)
    hessian = np.zeros((4, 4, n))
    hessian[0, 0] = gradient[0] + r * r * r2
    hessian[0, 1] = hessian[1, 0] = r * share
    hessian[1, 1] = -(r + x) * share * (1.0 - share)
    hessian[2, 2] = gradient[2] - a * a * s2
    hessian[2, 3] = hessian[3, 2] = -a * b * s2
    hessian[3, 3] = gradient[3] + b * b * (b2 - s2)
    # The softplus of the log-odds of being dead, see _dead_part.
    odds = dead_log_odds(params, rows)
    dead, alive = expit(odds), expit(-odds)
    lull = np.log1p((T - t_x) / (alpha + t_x))
    slope = -alpha * (T - t_x) / ((alpha + T) * (alpha + t_x))
    before_last = b / (b + np.maximum(x - 1.0, 0.0))
    first = np.stack([r * lull, (r + x) * slope, np.ones(n), -before_last])
    gradient += dead * first
    hessian += dead * alive * first[:, None] * first[None, :]
    bend = 1.0 - alpha / (alpha + T) - alpha / (alpha + t_x)
    hessian[0, 0] += dead * first[0]
    hessian[0, 1] += dead * r * slope
    hessian[1, 0] += dead * r * slope
    hessian[1, 1] += dead * first[1] * bend
    hessian[3, 3] += dead * before_last * (before_last - 1.0)
    return RowDerivatives(log_likelihood(params, rows), gradient, hessian)


def _count_part(params: dict[str, float], x: Array, weights: Array) -> Derivatives:
    r, a, b = params["r"], params["a"], params["b"]
    counts, w = tabulate_counts(x, weights)
    value = w @ (log_rising(r, counts) + log_rising(b, counts) - log_rising(a + b, counts))
    (r1, r2), (b1, b2), (s1, s2) = (
        [w @ slope for slope in rising_slopes(z, counts)] for z in (r, b, a + b)
    )
    gradient = np.array([r * r1, 0.0, -a * s1, b * (b1 - s1)])
    hessian = np.zeros((4, 4))
    hessian[0, 0] = r * r * r2
    hessian[2, 2] = -a * a * s2
    hessian[2, 3] = hessian[3, 2] = -a * b * s2
    hessian[3, 3] = b * b * (b2 - s2)
    # d2 f / d(log z)2 = z^2 f'' + z f', so the gradient is added to the diagonal.
    return Derivatives(float(value), gradient, hessian + np.diag(gradient))


def _time_part(params: dict[str, Any], rows: Rows, weights: Array) -> Derivatives:
    # -r log(1 + T / alpha) - x log(alpha + T)
    r, alpha = params["r"], params["alpha"]
    x, _, T = rows[:3]
    growth = np.log1p(T / alpha)
    share = T / (alpha + T)
    in_r = -r * (weights @ growth)
    value = in_r - weights @ (x * (growth + np.log(alpha)))
    gradient = np.array([in_r, weights @ (r * share - x * (1.0 - share)), 0.0, 0.0])
    hessian = np.zeros((4, 4))
    hessian[0, 0] = in_r
    hessian[0, 1] = hessian[1, 0] = r * (weights @ share)
    hessian[1, 1] = -(weights @ ((r + x) * share * (1.0 - share)))
    return Derivatives(float(value), gradient, hessian)


def _dead_part(params: dict[str, Any], rows: Rows, weights: Array) -> Derivatives:
    # log(1 + e^o), o the log-odds of being dead: gradient P o', Hessian P o'' + P (1-P) o' o'^T.
    repeaters = rows.frequency > 0
    rows, w = rows.take(repeaters), weights[repeaters]
    r, alpha, b = params["r"], params["alpha"], params["b"]
    x, t_x, T = rows[:3]
    lull = np.log1p((T - t_x) / (alpha + t_x))
    odds = np.log(params["a"]) - np.log(b + (x - 1.0)) + (r + x) * lull
    dead = w * expit(odds)
    mixed = dead * expit(-odds)
    slope = -alpha * (T - t_x) / ((alpha + T) * (alpha + t_x))  # of lull in log alpha
    before_last = b / (b + (x - 1.0))
    first = np.stack([r * lull, (r + x) * slope, np.ones_like(x), -before_last])
    hessian = (first * mixed) @ first.T
    hessian[0, 0] += dead @ first[0]
    cross = r * (dead @ slope)
    hessian[0, 1] += cross
    hessian[1, 0] += cross
    # d slope / d log alpha = slope (1 - alpha/(alpha+T) - alpha/(alpha+t_x))
    bend = 1.0 - alpha / (alpha + T) - alpha / (alpha + t_x)
    hessian[1, 1] += dead @ (first[1] * bend)
    hessian[3, 3] += dead @ (before_last * (before_last - 1.0))
    return Derivatives(float(w @ np.logaddexp(0.0, odds)), first @ dead, hessian)


def _purchases_given_p(p: Array, rate_shape: Array, z: Array) -> Array:
    # (1 - (1 + z p)^-R) / p, and its limit R z where p has underflowed.
    p = np.maximum(p, np.finfo(float).tiny)
    return -np.expm1(-rate_shape * np.log1p(z * p)) / p


def _survival_given_p(p: Array, rate_shape: Array, z: Array) -> Array:
    return np.exp(-rate_shape * np.log1p(z * p))
