r"""Quantiles of what a customer will spend: purchases and their worth together.

Given n purchases and :math:`\nu` the total is :math:`Gamma(p n, \nu)`, and given the history
:math:`\nu` is :math:`Gamma(q', \gamma')`; so the total of n purchases is :math:`\gamma'` times a
beta-prime variable, and with the conditional probabilities of n

.. math:: P(S \le s) = P(N = 0) + \sum_{n \ge 1} P(N = n) \, I_{s / (\gamma' + s)}(p n, q').

That is exact, so nothing is simulated, and a customer's interval depends on no other customer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln

from clvkit.btyd._uncertainty import models_around

__all__ = ["Posteriors", "joint_quantiles", "posteriors_of"]

Array = NDArray[np.float64]

_STEPS = 60
_PRECISION = 1e-6  # of the quantile, relative
#: Parameters known better than this (standard error of the logarithm) are taken as they are.
_KNOWN = 0.02
#: The purchases beyond have a probability too small to matter for any quantile asked for.
_BEYOND = 1e-3
_CELLS = 2**19


class Posteriors:
    """Posteriors of some customers under one or several spend models, equally likely.

    Parameters
    ----------
    parts : list of (p, shape, rate)
        As :meth:`clvkit.btyd.GammaGamma.posterior` returns them.
    """

    def __init__(self, parts: list[tuple[float, Array, Array]]) -> None:
        self.parts = parts

    def take(self, index: Any) -> Posteriors:
        """Return those of some of the customers."""
        return Posteriors([(p, shape[index], rate[index]) for p, shape, rate in self.parts])

    def center(self) -> Array:
        """Return the logarithm of the mean spend of a purchase."""
        p, shape, rate = self.parts[0]
        return np.log(p) + np.log(rate) - np.log(shape)

    def distribution(self, pmf: Array, log_s: Array) -> tuple[Array, Array]:
        """Return P(0 < S <= s) and its slope in log s, for one s a customer."""
        n = np.arange(1.0, pmf.shape[1])
        below, slope = np.zeros(len(log_s)), np.zeros(len(log_s))
        for p, shape, rate in self.parts:
            odds = (log_s - np.log(rate))[:, None]
            share, rest = 1.0 / (1.0 + np.exp(-odds)), 1.0 / (1.0 + np.exp(odds))
            first, second = p * n, shape[:, None]
            log_density = -first * np.log1p(np.exp(-odds)) - second * np.log1p(np.exp(odds))
            density = np.exp(log_density - betaln(first, second))
            # For a share near 1 the complement is the exact one.
            upper = np.where(share < 0.5, betainc(first, second, share), 0.0)
            inside = np.where(share < 0.5, upper, 1.0 - betainc(second, first, rest))
            below += (pmf[:, 1:] * inside).sum(axis=1)
            slope += (pmf[:, 1:] * density).sum(axis=1)
        return below / len(self.parts), slope / len(self.parts)


def joint_quantiles(
    purchase_model: Any, spend_model: Any, data: tuple[Any, Any, Any], levels: Array
) -> Array:
    """Return quantiles of the spend of each customer from both models.

    Parameters
    ----------
    purchase_model, spend_model : fitted estimators
    data : (summary of purchases, horizon, summary of spend)
    levels : ndarray of shape (n_levels,)

    Returns
    -------
    ndarray of shape (n_customers, n_levels)
    """
    purchases, horizon, spends = data
    posteriors = posteriors_of(spend_model, spends)
    out = np.empty((len(posteriors.center()), len(levels)))
    beyond = _BEYOND * min(levels.min(), 1.0 - levels.max())
    for rows, pmf in purchase_model.predictive_pmf(purchases, horizon, beyond=beyond):
        size = max(1, _CELLS // pmf.shape[1])
        for begin in range(0, len(rows), size):
            part = slice(begin, begin + size)
            out[rows[part]] = spend_quantiles(pmf[part], posteriors.take(rows[part]), levels)
    return out


def posteriors_of(spend_model: Any, summary: Any) -> Posteriors:
    """Return what is known of each customer's mean spend, and of the parameters."""
    return Posteriors([model.posterior(summary) for model in _spend_models(spend_model)])


def _spend_models(model: Any) -> list[Any]:
    covariance = getattr(model, "covariance_", None)
    if covariance is None or np.nanmax(np.diag(covariance), initial=0.0) < _KNOWN**2:
        return [model]
    return models_around(model)


def spend_quantiles(pmf: Array, posteriors: Posteriors, levels: Array) -> Array:
    """Return quantiles of the spend of each customer.

    Parameters
    ----------
    pmf : ndarray of shape (n_customers, n_max + 1)
        Probabilities of 0, 1, ... purchases. What is left of 1 counts as the most purchases.
    posteriors : Posteriors
    levels : ndarray of shape (n_levels,)

    Returns
    -------
    ndarray of shape (n_customers, n_levels)
    """
    pmf = pmf.copy()
    pmf[:, -1] += np.maximum(1.0 - pmf.sum(axis=1), 0.0)
    out = np.zeros((len(pmf), len(levels)))
    for j, level in enumerate(levels):
        some = np.flatnonzero(pmf[:, 0] < level)
        if some.size:
            target = level - pmf[some, 0]
            out[some, j] = np.exp(_solve(pmf[some], posteriors.take(some), target))
    return out


def _solve(pmf: Array, posteriors: Posteriors, target: Array) -> Array:
    """Return log s where the distribution reaches the target: Newton inside a bracket."""
    here = posteriors.center()
    low, high = np.full_like(here, -np.inf), np.full_like(here, np.inf)
    active = np.arange(len(here))
    for _ in range(_STEPS):
        value, slope = posteriors.take(active).distribution(pmf[active], here[active])
        miss = value - target[active]
        low[active] = np.where(miss < 0, here[active], low[active])
        high[active] = np.where(miss >= 0, here[active], high[active])
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.clip(-miss / slope, -2.0, 2.0)
        step = np.where(np.isfinite(step), step, -2.0 * np.sign(miss))
        there = here[active] + step
        middle = 0.5 * (low[active] + high[active])
        outside = (there <= low[active]) | (there >= high[active])
        there = np.where(outside & np.isfinite(middle), middle, there)
        moved = np.abs(there - here[active])
        here[active] = there
        active = active[moved > _PRECISION]
        if not active.size:
            break
    return here
