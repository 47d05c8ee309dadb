r"""The mathematics of the GGompertz/NBD model, elementwise and without regard to estimators.

Bemmaor and Glady (2012). While alive a customer buys at Poisson rate
:math:`\lambda \sim Gamma(r, \alpha)`; the lifetime is Gamma/Gompertz (see
:mod:`clvkit.btyd._gompertz`). Given alive at T, the two are independent with posteriors
Gamma(r + x, alpha + T) and a remaining lifetime of :math:`\beta_T`, so every conditional quantity
is that of a newcomer with these. For b -> 0 with beta / b kept it becomes the Pareto/NBD, whose
functions in :mod:`clvkit.btyd._pareto` have the same names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._gompertz import (
    GompertzIntegral,
    decay,
    log_integral,
    nodes_in_time,
    remaining,
    slopes,
)
from clvkit.btyd._pareto_counts import count_mixture
from clvkit.btyd._summary import Rows

Array = NDArray[np.float64]


class Posterior(NamedTuple):
    """Gamma(shape, rate) of the purchase rate, and the remaining lifetime, given alive at T."""

    shape: Array
    rate: Array
    b: float
    s: float
    beta: Array


def posterior(params: dict[str, Any], rows: Rows) -> Posterior:
    """Return the posterior of a customer who is alive at T."""
    b = params["b"]
    return Posterior(
        params["r"] + rows.frequency,
        params["alpha"] + rows.T,
        b,
        params["s"],
        remaining(b, params["beta"], rows.T),
    )


def dead_log_odds(params: dict[str, Any], rows: Rows) -> Array:
    r"""Return the log-odds of having dropped out by T; minus infinity where T is t_x.

    .. math::
        \log \int_{t_x}^T \left(\frac{\alpha + T}{\alpha + y}\right)^{r+x} \frac{f(y)}{S(T)} dy,
        \quad f(y) = \frac{s b}{\beta} e^{b y - (s+1) V(y)}
    """
    alpha, b, s = params["alpha"], params["b"], params["s"]
    _, t_x, T = rows[:3]
    silence, left = T - t_x, remaining(b, params["beta"], t_x)
    outside = (
        (params["r"] + rows.frequency) * np.log1p(silence / (alpha + t_x))
        + s * decay(b, left, silence)
        + np.log(s * b / left)
    )
    return outside + log_integral(_lifetimes(params, rows))


def _lifetimes(params: dict[str, Any], rows: Rows) -> GompertzIntegral:
    """Return the integral over the time of death between t_x and T, from t_x on."""
    b, (x, t_x, T) = params["b"], rows[:3]
    return GompertzIntegral(
        params["alpha"] + t_x,
        params["r"] + x,
        b,
        remaining(b, params["beta"], t_x),
        params["s"] + 1.0,
        1.0,
        T - t_x,
    )


def log_likelihood(params: dict[str, Any], rows: Rows) -> Array:
    """Return the log-likelihood of each row: alive at T, plus log(1 + odds of being dead)."""
    alive = nbd.log_likelihood(params["r"], params["alpha"], rows.frequency, rows.T)
    alive -= params["s"] * decay(params["b"], params["beta"], rows.T)
    return alive + np.logaddexp(0.0, dead_log_odds(params, rows))


def probability_alive(params: dict[str, Any], rows: Rows) -> Array:
    """Return the probability of being alive at T."""
    return expit(-dead_log_odds(params, rows))


def stays_alive(params: dict[str, Any], rows: Rows, ahead: Array) -> Array:
    """Return the probability of being alive at T + ahead, given alive at T."""
    given = posterior(params, rows)
    return np.exp(-given.s * decay(given.b, given.beta, ahead))


def purchases_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    """Return the expected purchases in the horizon, given alive: the rate times the time alive."""
    shape, rate, b, s, beta = posterior(params, rows)
    time_alive = GompertzIntegral(np.inf, 0.0, b, beta, s, 0.0, horizon)
    return shape / rate * np.exp(log_integral(time_alive))


def active_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    """Return the probability of a purchase: the first one comes while the customer is alive."""
    shape, rate, b, s, beta = posterior(params, rows)
    first = GompertzIntegral(rate, shape + 1.0, b, beta, s, 0.0, horizon)
    return np.exp(np.log(shape / rate) + log_integral(first))


def inactive_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    """Return the probability of no purchase, given alive at T: nobody is sure to buy."""
    shape, rate, b, s, beta = posterior(params, rows)
    dies = GompertzIntegral(rate, shape, b, beta, s + 1.0, 1.0, horizon)
    survives = np.exp(-shape * np.log1p(horizon / rate) - s * decay(b, beta, horizon))
    return survives + np.exp(np.log(s * b / beta) + log_integral(dies))


def pmf_if_alive(params: dict[str, Any], rows: Rows, horizon: Array, n_max: int) -> Array:
    """Return the probabilities of 0 .. n_max purchases, given alive at T.

    A customer who dies after y purchases as in the NBD until then; see
    :mod:`clvkit.btyd._pareto_counts`.
    """
    out = np.empty((len(horizon), n_max + 1))
    out[:, 0] = inactive_if_alive(params, rows, horizon)
    if n_max == 0:
        return out
    shape, rate, b, s, beta = posterior(params, rows)
    fall = shape * np.log1p(horizon / rate) + s * decay(b, beta, horizon)
    # Over the time of death; the rate places nodes, and is in the counts and not in the integrand.
    deaths = GompertzIntegral(rate, 0.0, b, beta, s + 1.0, 1.0, horizon)
    for some, part, time, weights in nodes_in_time(deaths, panels=1.0 + np.sqrt(fall) / 3.0):
        density = np.exp(b * time - (s + 1.0) * decay(b, part.beta, time)) * (s * b / part.beta)
        survival = np.exp(-s * decay(b, part.beta, horizon[some]))
        out[some, 1:] = count_mixture(
            np.concatenate([time, [horizon[some]]]),
            np.concatenate([density * weights, [survival]]),
            shape[some],
            rate[some],
            n_max,
        )
    return out


def row_derivatives(params: dict[str, Any], rows: Rows) -> RowDerivatives:
    """Return each row's log-likelihood with derivatives in log r, alpha, b, s and beta."""
    value, gradient, hessian = _alive_rows(params, rows)
    odds, first, second = _odds_rows(params, rows)
    dead, alive = expit(odds), expit(-odds)
    # log(1 + e^o): gradient P o', Hessian P o'' + P (1 - P) o' o'^T.
    gradient += dead * first
    hessian += dead * (second + (alive * first)[:, None] * first[None])
    return RowDerivatives(value + np.logaddexp(0.0, odds), gradient, hessian)


def _alive_rows(params: dict[str, Any], rows: Rows) -> tuple[Array, Array, Array]:
    s, n = params["s"], len(rows.T)
    value, gradient, hessian = nbd.row_derivatives(
        params["r"], params["alpha"], rows.frequency, rows.T
    )
    first, second = np.zeros((5, n)), np.zeros((5, 5, n))
    first[:2], second[:2, :2] = gradient, hessian
    V = slopes(params["b"], params["beta"], rows.T)
    first[2:] = -s * np.stack([V.b, V.value, V.beta])
    second[2:, 2:] = -s * np.array(
        [[V.bb, V.b, V.bbeta], [V.b, V.value, V.beta], [V.bbeta, V.beta, V.betabeta]]
    )
    return value - s * V.value, first, second


def _odds_rows(params: dict[str, Any], rows: Rows) -> tuple[Array, Array, Array]:
    r"""Return the log-odds of being dead with two derivatives in log-parameters.

    The odds are an integral of :math:`e^{\phi(y)}`, so that their logarithm has the mean of the
    slopes of :math:`\phi` under that density as slopes, and the mean of its second derivatives,
    plus the covariance of its slopes, as second derivatives.
    """
    n = len(rows.T)
    odds, first, second = np.full(n, -np.inf), np.zeros((5, n)), np.zeros((5, 5, n))
    silent = np.flatnonzero(rows.recency < rows.T)
    params_of = {name: np.broadcast_to(value, (n,)) for name, value in params.items()}
    some = rows.take(silent)
    integral = _lifetimes({name: value[silent] for name, value in params_of.items()}, some)
    for index, _, time, weights in nodes_in_time(integral):
        at = silent[index]
        own = {name: value[at] for name, value in params_of.items()}
        phi, slope, bend = _log_density(own, rows.take(at), time)
        peak = phi.max(axis=0)
        density = np.exp(phi - peak) * weights
        total = density.sum(axis=0)
        density /= total
        odds[at] = peak + np.log(total)
        mean = (density * slope).sum(axis=1)
        first[:, at] = mean
        for i in range(5):
            weighted = density * slope[i]
            for j in range(i, 5):
                own_bend = bend.get((i, j))
                of_both = (weighted * slope[j]).sum(axis=0) - mean[i] * mean[j]
                if own_bend is not None:
                    of_both += (density * own_bend).sum(axis=0)
                second[i, j, at] = second[j, i, at] = of_both
    return odds, first, second


def _log_density(
    params: dict[str, Any], rows: Rows, since: Array
) -> tuple[Array, Array, dict[tuple[int, int], Array]]:
    """Return phi at times since t_x, of shape (k, n), its slopes and what bends of it.

    Second derivatives that are 0 are left out, and each mixed one stands once.
    """
    r, alpha, b, s, beta = (params[name] for name in ("r", "alpha", "b", "s", "beta"))
    R, y = r + rows.frequency, rows.recency + since
    left = rows.T - y
    V, end = slopes(b, beta, y), slopes(b, beta, rows.T)
    lull = np.log1p(left / (alpha + y))
    p, at_end = alpha / (alpha + y), alpha / (alpha + rows.T)
    drop = -p * left / (alpha + rows.T)  # p_T - p
    remains = decay(b, remaining(b, beta, y), left)  # V(T) - V(y)
    phi = R * lull + s * remains + np.log(s * b / remaining(b, beta, y))

    slope = np.stack(
        [
            r * lull,
            R * drop,
            1.0 + b * y + s * (end.b - V.b) - V.b,
            1.0 + s * remains,
            -1.0 + s * (end.beta - V.beta) - V.beta,
        ]
    )
    bend = {
        (0, 0): r * lull,
        (0, 1): r * drop,
        (1, 1): R * drop * (1.0 - p - at_end),
        (2, 2): b * y + s * (end.bb - V.bb) - V.bb,
        (2, 3): s * (end.b - V.b),
        (2, 4): s * (end.bbeta - V.bbeta) - V.bbeta,
        (3, 3): s * remains,
        (3, 4): s * (end.beta - V.beta),
        (4, 4): s * (end.betabeta - V.betabeta) - V.betabeta,
    }
    return phi, slope, bend


def draw(
    params: dict[str, Any], rows: Rows, horizon: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the purchases in the horizon, dead customers making none."""
    shape, rate, b, s, beta = posterior(params, rows)
    alive = rng.random(len(rows.T)) < probability_alive(params, rows)
    lifetime = _draw_lifetimes(b, s, beta, rng)
    bought = rng.poisson(rng.gamma(shape) / rate * np.minimum(lifetime, horizon))
    return np.where(alive, bought, 0).astype(np.int64)


def draw_histories(params: dict[str, Any], age: Array, rng: np.random.Generator) -> Array:
    """Draw (frequency, recency, T) of newcomers observed for ``age``."""
    n = len(age)
    beta = np.broadcast_to(params["beta"], (n,))
    active = np.minimum(_draw_lifetimes(params["b"], params["s"], beta, rng), age)
    x = rng.poisson(rng.gamma(params["r"], size=n) / params["alpha"] * active).astype(float)
    last = active * rng.beta(np.maximum(x, 1.0), 1.0)
    return np.column_stack([x, np.where(x > 0, last, 0.0), age])


def _draw_lifetimes(b: float, s: float, beta: Array, rng: np.random.Generator) -> Array:
    with np.errstate(divide="ignore"):  # a dropout rate may be too small for a float
        return np.log1p(rng.exponential(size=len(beta)) * beta / rng.gamma(s, size=len(beta))) / b
