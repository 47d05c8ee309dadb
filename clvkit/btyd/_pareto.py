r"""The mathematics of the Pareto/NBD model, elementwise and without regard to estimators.

Schmittlein, Morrison and Colombo (1987); Fader and Hardie (2005), A Note on Deriving the Pareto/NBD
Model and Related Expressions. While alive a customer buys at Poisson rate
:math:`\lambda \sim Gamma(r, \alpha)`; the lifetime is exponential with rate
:math:`\mu \sim Gamma(s, \beta)`. Given alive at T, the two are independent with posteriors
Gamma(r + x, alpha + T) and Gamma(s, beta + T), so every conditional quantity is that of a newcomer
with r + x, alpha + T and beta + T.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, exprel

from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._dedup import CHUNK
from clvkit.btyd._newton import Derivatives
from clvkit.btyd._powers import PAIRS, UNPACK, Integral, integral_moments, log_integral
from clvkit.btyd._special import log1p_exp
from clvkit.btyd._summary import Rows

Array = NDArray[np.float64]

#: Where second derivatives in log r, log alpha, log s and log beta are among the pairs.
_RR, _RA, _AA, _SS, _SB, _BB = (
    PAIRS.index(pair) for pair in ((0, 0), (0, 1), (1, 1), (2, 2), (2, 3), (3, 3))
)


class Posterior(NamedTuple):
    """Gamma(shape, rate) of the purchase rate and Gamma(s, beta) of dropout, given alive at T."""

    shape: Array
    rate: Array
    s: float
    beta: Array

    def take(self, index: Any) -> Posterior:
        """Return the posteriors of some rows."""
        return Posterior(self.shape[index], self.rate[index], self.s, self.beta[index])


def posterior(params: dict[str, Any], rows: Rows) -> Posterior:
    """Return the posterior of a customer who is alive at T."""
    return Posterior(
        params["r"] + rows.frequency,
        params["alpha"] + rows.T,
        params["s"],
        params["beta"] + rows.T,
    )


def dead_log_odds(params: dict[str, Any], rows: Rows) -> Array:
    r"""Return the log-odds of having dropped out by T; minus infinity where T is t_x.

    .. math::
        \log s \int_{t_x}^T \left(\frac{\alpha + T}{\alpha + y}\right)^{r+x}
        \left(\frac{\beta + T}{\beta + y}\right)^s \frac{dy}{\beta + y}
    """
    alpha, s, beta = (params[name] for name in ("alpha", "s", "beta"))
    _, t_x, T = rows[:3]
    silence = T - t_x
    outside = (
        (params["r"] + rows.frequency) * np.log1p(silence / (alpha + t_x))
        + s * np.log1p(silence / (beta + t_x))
        + np.log(s / (beta + t_x))
    )
    return outside + log_integral(_lifetimes(params, rows))


def _lifetimes(params: dict[str, Any], rows: Rows) -> Integral:
    return Integral(
        params["alpha"],
        params["beta"],
        params["r"] + rows.frequency,
        params["s"] + 1.0,
        rows.recency,
        rows.T,
    )


def log_likelihood(params: dict[str, Any], rows: Rows) -> Array:
    r"""Return the log-likelihood of each row.

    It is that of a customer alive at T plus log(1 + odds of being dead), where the former is
    that of the NBD times the chance :math:`(1 + T/\beta)^{-s}` of surviving.
    """
    alive = nbd.log_likelihood(params["r"], params["alpha"], rows.frequency, rows.T)
    alive -= params["s"] * np.log1p(rows.T / params["beta"])
    return alive + np.logaddexp(0.0, dead_log_odds(params, rows))


def probability_alive(params: dict[str, Any], rows: Rows) -> Array:
    """Return the probability of being alive at T."""
    return expit(-dead_log_odds(params, rows))


def purchases_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    r"""Return the expected purchases in the horizon, given alive at T.

    With :math:`z = \log(1 + h / (\beta + T))`, the time alive has the expectation

    .. math::
        \int_0^h \left(\frac{\beta + T}{\beta + T + y}\right)^s dy
        = (\beta + T) \, z \, \frac{e^{(1-s) z} - 1}{(1-s) z},

    in which nothing cancels at s = 1.
    """
    given = posterior(params, rows)
    z = np.log1p(horizon / given.beta)
    return given.shape / given.rate * given.beta * z * exprel((1.0 - given.s) * z)


def stays_alive(params: dict[str, Any], rows: Rows, ahead: Array) -> Array:
    """Return the probability of being alive at T + ahead, given alive at T."""
    given = posterior(params, rows)
    return np.exp(-given.s * np.log1p(ahead / given.beta))


class LikelihoodSum:
    """The weighted log-likelihood of some rows, an objective in the log-parameters.

    Row by row it is what :func:`row_derivatives` returns. Here the parameters are the same for all
    rows, so that what depends on the count alone is a sum over distinct counts.

    Parameters
    ----------
    rows : Rows
    weights : ndarray of shape (n,)
    """

    def __init__(self, rows: Rows, weights: Array) -> None:
        self.rows, self.weights = rows, weights
        self.counts = nbd.CountSum(rows.frequency, weights)

    def __call__(self, log_params: Array) -> Derivatives:
        """Return the log-likelihood and its derivatives."""
        params = dict(zip(("r", "alpha", "s", "beta"), np.exp(log_params).tolist(), strict=True))
        value, gradient, packed = 0.0, np.zeros(4), np.zeros(len(PAIRS))
        for begin in range(0, len(self.weights), CHUNK):
            part = slice(begin, begin + CHUNK)
            values, slopes, bends = _time_rows(params, self.rows.take(part))
            w = self.weights[part]
            value += float(values @ w)
            gradient += slopes @ w
            packed += bends @ w
        total = Derivatives(value, gradient, packed[UNPACK])
        return self.counts.added_to(total, params["r"])


def row_derivatives(params: dict[str, Any], rows: Rows) -> RowDerivatives:
    """Return each row's log-likelihood with derivatives in its own log-parameters."""
    value, gradient, packed = _time_rows(params, rows)
    count, slope, bend = nbd.count_rows(params["r"], rows.frequency)
    gradient[0] += slope
    packed[_RR] += bend
    return RowDerivatives(value + count, gradient, packed[UNPACK])


def _time_rows(params: dict[str, Any], rows: Rows) -> tuple[Array, Array, Array]:
    """Return everything but the count part: of an alive customer, and log(1 + odds).

    Second derivatives are those of :data:`~clvkit.btyd._powers.PAIRS`.
    """
    odds, first, packed = _odds_rows(params, rows)
    value, dead, alive = log1p_exp(odds)
    # log(1 + e^o): gradient P o', Hessian P o'' + P (1 - P) o' o'^T.
    mixed = alive * first
    for place, (i, j) in enumerate(PAIRS):
        packed[place] += mixed[i] * first[j]
    packed *= dead
    first *= dead
    return value + _add_alive_rows(params, rows, first, packed), first, packed


def _add_alive_rows(params: dict[str, Any], rows: Rows, gradient: Array, packed: Array) -> Array:
    """Return the time part of an alive customer, having added its derivatives."""
    s, beta = params["s"], params["beta"]
    value, of_rate, bend_of_rate = nbd.time_rows(params["r"], params["alpha"], *rows[0:3:2])
    gradient[:2] += of_rate
    packed[_RR] += bend_of_rate[0, 0]
    packed[_RA] += bend_of_rate[0, 1]
    packed[_AA] += bend_of_rate[1, 1]
    # -s log(1 + T / beta)
    share = rows.T / (beta + rows.T)
    survival = -s * np.log1p(rows.T / beta)
    in_beta = s * share
    gradient[2] += survival
    gradient[3] += in_beta
    packed[_SS] += survival
    packed[_SB] += in_beta
    in_beta *= 1.0 - share
    packed[_BB] -= in_beta
    return value + survival


def _odds_rows(params: dict[str, Any], rows: Rows) -> tuple[Array, Array, Array]:
    r"""Return the log-odds of being dead with two derivatives in log-parameters.

    The integrand :math:`F(y)` of :func:`dead_log_odds` has in :math:`\log r`, ... the slopes

    .. math::
        r u, \quad (r+x) (p_T - p_y), \quad s v, \quad s (q_T - q_y) - q_y

    with :math:`u = \log\frac{\alpha+T}{\alpha+y}, p_y = \frac{\alpha}{\alpha+y}` and v, q the same
    with beta. All are linear in the functions whose moments
    :class:`~clvkit.btyd._powers.Moments` holds. The odds have the means of the slopes as slopes,
    and their covariances, plus the means of the second derivatives, as second derivatives.
    """
    r, alpha, s, beta = (params[name] for name in ("r", "alpha", "s", "beta"))
    x, t_x, T = rows[:3]
    R, silence = r + x, T - t_x
    lull, wane = np.log1p(silence / (alpha + t_x)), np.log1p(silence / (beta + t_x))
    log_value, mean, packed = integral_moments(_lifetimes(params, rows))
    odds = R * lull + s * wane + np.log(s / (beta + t_x)) + log_value
    p, q = alpha / (alpha + t_x), beta / (beta + t_x)
    drop_p, drop_q = -p * silence / (alpha + T), -q * silence / (beta + T)  # p_T - p, q_T - q

    by_r, by_alpha = r * (lull - mean[0]), drop_p + p * mean[1]
    by_s, by_beta = s * (wane - mean[2]), drop_q + q * mean[3]
    left = q * (1.0 - mean[3])  # E[q_y]
    first = np.empty((4, len(x)))
    first[0] = by_r
    np.multiply(R, by_alpha, out=first[1])
    np.add(by_s, 1.0, out=first[2])
    np.subtract(s * by_beta, left, out=first[3])

    spread_p, spread_q = p * p * packed[_AA], q * q * packed[_BB]  # of p_y and q_y
    weight = (-r, R * p, -s, (s + 1.0) * q)
    for place, (i, j) in enumerate(PAIRS):
        packed[place] *= weight[i] * weight[j]
    packed[_RR] += by_r
    packed[_RA] += r * by_alpha
    packed[_AA] += R * _mean_bend(alpha / (alpha + T), by_alpha, spread_p)
    packed[_SS] += by_s
    packed[_SB] += s * by_beta
    packed[_BB] += s * _mean_bend(beta / (beta + T), by_beta, spread_q)
    packed[_BB] += spread_q - left * (1.0 - left)
    return odds, first, packed


def _mean_bend(at_end: Array, difference: Array, spread: Array) -> Array:
    # E[p_T (1 - p_T) - p_y (1 - p_y)] = E[d (1 - 2 p_T + d)] with d = p_T - p_y.
    return (1.0 - 2.0 * at_end) * difference + difference**2 + spread


def active_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    r"""Return the probability of a purchase in the horizon, given alive at T.

    The first purchase comes at y with density
    :math:`\frac{R A^R}{(A+y)^{R+1}}` if the customer is still alive then.
    """
    shape, rate, s, beta = posterior(params, rows)
    first = Integral(rate, beta, shape + 1.0, s, np.zeros_like(horizon), horizon)
    return np.exp(np.log(shape / rate) + log_integral(first))


def inactive_if_alive(params: dict[str, Any], rows: Rows, horizon: Array) -> Array:
    """Return the probability of no purchase, given alive at T: nobody is sure to buy."""
    shape, rate, s, beta = posterior(params, rows)
    dies = Integral(rate, beta, shape, s + 1.0, np.zeros_like(horizon), horizon)
    survives = np.exp(-shape * np.log1p(horizon / rate) - s * np.log1p(horizon / beta))
    return survives + np.exp(np.log(s / beta) + log_integral(dies))


def draw(
    params: dict[str, Any], rows: Rows, horizon: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the purchases in the horizon, dead customers making none."""
    shape, rate, s, beta = posterior(params, rows)
    alive = rng.random(len(rows.T)) < probability_alive(params, rows)
    lifetime = _draw_lifetimes(s, beta, rng)
    bought = rng.poisson(rng.gamma(shape) / rate * np.minimum(lifetime, horizon))
    return np.where(alive, bought, 0).astype(np.int64)


def draw_histories(params: dict[str, Any], age: Array, rng: np.random.Generator) -> Array:
    """Draw (frequency, recency, T) of newcomers observed for ``age``."""
    n = len(age)
    beta = np.full(n, params["beta"])
    active = np.minimum(_draw_lifetimes(params["s"], beta, rng), age)
    return histories(rng.gamma(params["r"], size=n) / params["alpha"], active, age, rng)


def histories(rate: Array, active: Array, age: Array, rng: np.random.Generator) -> Array:
    """Draw (frequency, recency, T) of customers with known rates and times alive.

    Given x Poisson purchases while alive, their times are those of a uniform sample, and the
    last is Beta(x, 1) of that time.
    """
    x = rng.poisson(rate * active).astype(float)
    last = active * rng.beta(np.maximum(x, 1.0), 1.0)
    return np.column_stack([x, np.where(x > 0, last, 0.0), age])


def _draw_lifetimes(s: float, beta: Array, rng: np.random.Generator) -> Array:
    with np.errstate(divide="ignore"):  # a dropout rate may be too small for a float
        return rng.exponential(size=len(beta)) / (rng.gamma(s, size=len(beta)) / beta)
