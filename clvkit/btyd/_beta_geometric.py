r"""The likelihood of the Beta-geometric models, elementwise and without regard to estimators.

While alive a customer buys at intervals that are Erlang-k with rate :math:`\lambda \sim Gamma(r,
\alpha)`, k = 1 being Poisson purchases, and drops out after each purchase with probability
:math:`p \sim Beta(a, b)`. After each *repeat* purchase in the BG/NBD (Fader, Hardie and Lee 2005)
and the BG/CNBD-k; after the first one too in the MBG/NBD (Batislam, Denizel and Filiztekin 2007;
Hoppe and Wagner 2007) and the MBG/CNBD-k (Reutterer, Platzer and Schröder 2021).

With x repeat purchases there are y = x or y = x + 1 after which the customer might have dropped
out, and R = r + k x. Given alive at T and that j phases of the current interval have ended,
:math:`\lambda` and p are independent with posteriors Gamma(R + j, alpha + T) and Beta(a, b + y),
so conditional quantities are those of a newcomer with these parameters.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._dedup import CHUNK, tabulate_counts
from clvkit.btyd._erlang import PhaseSum, log_phase_sum, phase_sum
from clvkit.btyd._newton import Derivatives
from clvkit.btyd._special import log_rising, rising_slopes
from clvkit.btyd._summary import Rows

__all__ = [
    "Kind",
    "Posterior",
    "dead_log_odds",
    "derivatives",
    "log_likelihood",
    "posterior",
    "probability_alive",
    "row_derivatives",
]

Array = NDArray[np.float64]
_PARAMS = ("r", "alpha", "a", "b")


class Kind(NamedTuple):
    """Which of the models.

    ``first`` is 1 where a customer may drop out after the first purchase already, else 0; ``k``
    is the number of phases of an interval between purchases.
    """

    first: int = 0
    k: int = 1


class Posterior(NamedTuple):
    """Gamma(shape, rate) of the phases' rate and Beta(a, b) of dropout, given alive at T.

    The shape is that of somebody of whose current interval no phase has ended.
    """

    shape: Array
    rate: Array
    a: Array
    b: Array


class _Odds(NamedTuple):
    """The log-odds of being dead with derivatives in the log-parameters.

    Of the second ones those that are not 0.
    """

    value: Array
    first: Array
    rr: Array
    ra: Array
    aa: Array
    bb: Array


def posterior(kind: Kind, params: dict[str, Any], rows: Rows) -> Posterior:
    """Return the posterior of a customer who is alive at T."""
    return Posterior(
        params["r"] + kind.k * rows.frequency,
        params["alpha"] + rows.T,
        np.broadcast_to(params["a"], rows.T.shape),
        params["b"] + rows.frequency + kind.first,
    )


def dead_log_odds(kind: Kind, params: dict[str, Any], rows: Rows) -> Array:
    r"""Return the log-odds of having dropped out by T.

    .. math:: \log \frac{a}{b + y - 1} + R \log \frac{\alpha + T}{\alpha + t_x} - \log S,

    with S of :mod:`clvkit.btyd._erlang`; minus infinity where y is 0.
    """
    x, t_x, T = rows[:3]
    lull = np.log1p((T - t_x) / (params["alpha"] + t_x))
    shape = params["r"] + kind.k * x
    ratio = np.log(params["a"]) - np.log(params["b"] + _survived(kind, x))
    odds = ratio + shape * lull
    if kind.k > 1:
        odds = odds - log_phase_sum(shape, (T - t_x) / (params["alpha"] + T), kind.k)
    return odds if kind.first else np.where(x > 0, odds, -np.inf)


def log_likelihood(kind: Kind, params: dict[str, Any], rows: Rows) -> Array:
    r"""Return the log-likelihood of each row, but for what the gaps add where k > 1.

    It is that of a customer alive at T plus log(1 + odds of being dead), where the former is

    .. math::
        \log \frac{\Gamma(r+kx)}{\Gamma(r)} + \log \frac{B(a, b+y)}{B(a, b)}
        - r \log(1 + T/\alpha) - k x \log(\alpha + T) + \log S.

    Fader, Hardie and Lee (2005), eq. 6, for the BG/NBD.
    """
    r, alpha, a, b = (params[name] for name in _PARAMS)
    x, t_x, T = rows[:3]
    y, phases = x + kind.first, kind.k * x
    alive = (
        log_rising(r, phases)
        + log_rising(b, y)
        - log_rising(a + b, y)
        - r * np.log1p(T / alpha)
        - phases * np.log(alpha + T)
    )
    if kind.k > 1:
        alive = alive + log_phase_sum(r + phases, (T - t_x) / (alpha + T), kind.k)
    return alive + np.logaddexp(0.0, dead_log_odds(kind, params, rows))


def probability_alive(kind: Kind, params: dict[str, Any], rows: Rows) -> Array:
    """Return the probability of being alive at T."""
    return expit(-dead_log_odds(kind, params, rows))


def derivatives(kind: Kind, log_params: Array, rows: Rows, weights: Array) -> Derivatives:
    """Return the weighted log-likelihood and its derivatives in log-parameters.

    The likelihood is a sum of four parts (see :func:`log_likelihood`): what depends on the
    count x alone, tabulated over distinct counts; the time part of an alive customer; log S; and
    the softplus of the log-odds of being dead.
    """
    params = dict(zip(_PARAMS, np.exp(log_params).tolist(), strict=True))
    total = _count_part(kind, params, rows.frequency, weights)
    for begin in range(0, len(weights), CHUNK):
        part = slice(begin, begin + CHUNK)
        some, w = rows.take(part), weights[part]
        total = total.plus(_time_part(kind, params, some, w))
        total = total.plus(_lull_part(kind, params, some, w))
    return total


def row_derivatives(kind: Kind, params: dict[str, Any], rows: Rows) -> RowDerivatives:
    """Return each row's log-likelihood with derivatives in its own log-parameters.

    Row by row what :func:`derivatives` sums up, for parameters that differ between rows.
    """
    r, alpha, a, b = (params[name] for name in _PARAMS)
    x, _, T = rows[:3]
    n, y, phases = len(x), x + kind.first, kind.k * x
    (r1, r2), (b1, b2), (s1, s2) = (
        rising_slopes(z, count) for z, count in ((r, phases), (b, y), (a + b, y))
    )
    share = T / (alpha + T)
    gradient = np.empty((4, n))
    gradient[0] = r * (r1 - np.log1p(T / alpha))
    gradient[1] = r * share - phases * (1.0 - share)
    gradient[2] = -a * s1
    gradient[3] = b * (b1 - s1)
    hessian = np.zeros((4, 4, n))
    hessian[0, 0] = gradient[0] + r * r * r2
    hessian[0, 1] = hessian[1, 0] = r * share
    hessian[1, 1] = -(r + phases) * share * (1.0 - share)
    hessian[2, 2] = gradient[2] - a * a * s2
    hessian[2, 3] = hessian[3, 2] = -a * b * s2
    hessian[3, 3] = gradient[3] + b * b * (b2 - s2)
    since = phase_sum(params, r + phases, rows, kind.k) if kind.k > 1 else None
    if since is not None:
        gradient[:2] += since.gradient
        hessian[:2, :2] += since.hessian
    odds = _dead_odds(kind, params, rows, since)
    dead, alive = expit(odds.value), expit(-odds.value)
    gradient += dead * odds.first
    hessian += dead * alive * odds.first[:, None] * odds.first[None, :]
    hessian[0, 0] += dead * odds.rr
    hessian[0, 1] += dead * odds.ra
    hessian[1, 0] += dead * odds.ra
    hessian[1, 1] += dead * odds.aa
    hessian[3, 3] += dead * odds.bb
    return RowDerivatives(log_likelihood(kind, params, rows), gradient, hessian)


def _survived(kind: Kind, x: Array) -> Array:
    """Return the purchases that the customer survived if he dropped out after the last one."""
    return x if kind.first else np.maximum(x - 1.0, 0.0)


def _dead_odds(kind: Kind, params: dict[str, Any], rows: Rows, since: PhaseSum | None) -> _Odds:
    r, alpha, a, b = (params[name] for name in _PARAMS)
    x, t_x, T = rows[:3]
    shape = r + kind.k * x
    lull = np.log1p((T - t_x) / (alpha + t_x))
    slope = -alpha * (T - t_x) / ((alpha + T) * (alpha + t_x))  # of lull in log alpha
    survived = b + _survived(kind, x)
    before_last = b / survived
    value = np.log(a) - np.log(survived) + shape * lull
    first = np.stack([r * lull, shape * slope, np.ones_like(x), -before_last])
    # d slope / d log alpha = slope (1 - alpha/(alpha+T) - alpha/(alpha+t_x))
    bend = 1.0 - alpha / (alpha + T) - alpha / (alpha + t_x)
    rr, ra, aa = first[0], r * slope, first[1] * bend
    if since is not None:
        value = value - since.log_sum
        rr, ra, aa = rr - since.hessian[0, 0], ra - since.hessian[0, 1], aa - since.hessian[1, 1]
        first[:2] -= since.gradient
    if not kind.first:
        value = np.where(x > 0, value, -np.inf)
    return _Odds(value, first, rr, ra, aa, before_last * (before_last - 1.0))


def _count_part(kind: Kind, params: dict[str, float], x: Array, weights: Array) -> Derivatives:
    r, a, b = params["r"], params["a"], params["b"]
    counts, w = tabulate_counts(x, weights)
    y = counts + kind.first
    shapes, rises = np.array([[r], [b], [a + b]]), np.stack([kind.k * counts, y, y])
    value = log_rising(shapes, rises) @ w @ [1.0, 1.0, -1.0]
    (r1, b1, s1), (r2, b2, s2) = (slope @ w for slope in rising_slopes(shapes, rises))
    gradient = np.array([r * r1, 0.0, -a * s1, b * (b1 - s1)])
    hessian = np.zeros((4, 4))
    hessian[0, 0] = r * r * r2
    hessian[2, 2] = -a * a * s2
    hessian[2, 3] = hessian[3, 2] = -a * b * s2
    hessian[3, 3] = b * b * (b2 - s2)
    # d2 f / d(log z)2 = z^2 f'' + z f', so the gradient is added to the diagonal.
    return Derivatives(float(value), gradient, hessian + np.diag(gradient))


def _time_part(kind: Kind, params: dict[str, Any], rows: Rows, weights: Array) -> Derivatives:
    # -r log(1 + T / alpha) - k x log(alpha + T)
    r, alpha = params["r"], params["alpha"]
    phases, T = kind.k * rows.frequency, rows.T
    growth = np.log1p(T / alpha)
    share = T / (alpha + T)
    in_r = -r * (weights @ growth)
    value = in_r - weights @ (phases * (growth + np.log(alpha)))
    gradient = np.array([in_r, weights @ (r * share - phases * (1.0 - share)), 0.0, 0.0])
    hessian = np.zeros((4, 4))
    hessian[0, 0] = in_r
    hessian[0, 1] = hessian[1, 0] = r * (weights @ share)
    hessian[1, 1] = -(weights @ ((r + phases) * share * (1.0 - share)))
    return Derivatives(float(value), gradient, hessian)


def _lull_part(kind: Kind, params: dict[str, Any], rows: Rows, w: Array) -> Derivatives:
    # log S + log(1 + e^o), o the log-odds of being dead: the gradient of the latter is P o', its
    # Hessian P o'' + P (1-P) o' o'^T.
    if kind == Kind(first=0, k=1):
        repeaters = rows.frequency > 0
        rows, w = rows.take(repeaters), w[repeaters]
    value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
    since = None
    if kind.k > 1:
        since = phase_sum(params, params["r"] + kind.k * rows.frequency, rows, kind.k)
        value = float(w @ since.log_sum)
        gradient[:2] += since.gradient @ w
        hessian[:2, :2] += since.hessian @ w
    odds = _dead_odds(kind, params, rows, since)
    dead = w * expit(odds.value)
    mixed = dead * expit(-odds.value)
    hessian += (odds.first * mixed) @ odds.first.T
    cross = dead @ odds.ra
    hessian[0, 0] += dead @ odds.rr
    hessian[0, 1] += cross
    hessian[1, 0] += cross
    hessian[1, 1] += dead @ odds.aa
    hessian[3, 3] += dead @ odds.bb
    value += float(w @ np.logaddexp(0.0, odds.value))
    return Derivatives(value, gradient + odds.first @ dead, hessian)
