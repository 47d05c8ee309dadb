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
from clvkit.btyd._erlang import PhaseSum, log_phase_sum, phase_sum
from clvkit.btyd._special import log1p_exp, log_rising, rising_slopes
from clvkit.btyd._summary import Rows

__all__ = [
    "DeadOdds",
    "Kind",
    "Params",
    "Posterior",
    "dead_log_odds",
    "dead_odds",
    "log_likelihood",
    "posterior",
    "probability_alive",
    "row_derivatives",
]

Array = NDArray[np.float64]
#: A number for each parameter, or an array with one a row where covariates move it.
Params = dict[str, Any]
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


class DeadOdds(NamedTuple):
    """The log-odds of being dead with derivatives in the log-parameters.

    Of the second ones those that are not 0.
    """

    value: Array
    first: Array
    rr: Array
    ra: Array
    aa: Array
    bb: Array


def posterior(kind: Kind, params: Params, rows: Rows) -> Posterior:
    """Return the posterior of a customer who is alive at T."""
    return Posterior(
        params["r"] + kind.k * rows.frequency,
        params["alpha"] + rows.T,
        np.broadcast_to(params["a"], rows.T.shape),
        params["b"] + rows.frequency + kind.first,
    )


def dead_log_odds(kind: Kind, params: Params, rows: Rows) -> Array:
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


def log_likelihood(kind: Kind, params: Params, rows: Rows) -> Array:
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


def probability_alive(kind: Kind, params: Params, rows: Rows) -> Array:
    """Return the probability of being alive at T."""
    return expit(-dead_log_odds(kind, params, rows))


def row_derivatives(kind: Kind, params: Params, rows: Rows) -> RowDerivatives:
    """Return each row's log-likelihood with derivatives in its own log-parameters.

    The parameters may differ between rows; see also
    :class:`clvkit.btyd._beta_geometric_sum.LikelihoodSum`.
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
    odds = dead_odds(kind, params, rows, since)
    _, dead, alive = log1p_exp(odds.value)
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


def dead_odds(kind: Kind, params: Params, rows: Rows, since: PhaseSum | None) -> DeadOdds:
    """Return :func:`dead_log_odds` with its derivatives in log-parameters."""
    r, alpha, a, b = (params[name] for name in _PARAMS)
    x, t_x, T = rows[:3]
    shape = r + kind.k * x if kind.k > 1 else r + x
    silence, at_last, at_end = T - t_x, alpha + t_x, alpha + T
    lull = silence / at_last
    slope = lull / at_end  # of the lull in log alpha, when it is done
    slope *= -alpha
    lull = np.log1p(lull)
    survived = b + _survived(kind, x)
    before_last = b / survived
    value = np.log(a) - np.log(survived)
    value += shape * lull
    first = np.empty((4, len(x)))
    np.multiply(r, lull, out=first[0])
    np.multiply(shape, slope, out=first[1])
    first[2] = 1.0
    np.negative(before_last, out=first[3])
    # d slope / d log alpha = slope (1 - alpha/(alpha+T) - alpha/(alpha+t_x))
    bend = 1.0 - alpha / at_end - alpha / at_last
    rr, ra, aa = first[0], r * slope, first[1] * bend
    if since is not None:
        value = value - since.log_sum
        rr, ra, aa = rr - since.hessian[0, 0], ra - since.hessian[0, 1], aa - since.hessian[1, 1]
        first[:2] -= since.gradient
    if not kind.first:
        value = np.where(x > 0, value, -np.inf)
    return DeadOdds(value, first, rr, ra, aa, before_last * (before_last - 1.0))
