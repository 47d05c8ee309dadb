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
from scipy.special import betainc, betaln, expit, log_expit, logit

from clvkit.btyd._dedup import group_rows
from clvkit.btyd._uncertainty import models_around

__all__ = ["Posteriors", "joint_quantiles", "spend_quantiles"]

Array = NDArray[np.float64]

_STEPS = 60
#: Newton's last step in the logarithm of the quantile, from where the logit of the share is so
#: near: what is left is its square. Where prices are fixed the distribution is a staircase, of
#: which a wrong stair allows short steps, too. There the bracket decides.
_NEAR, _MISS, _BRACKET = 3e-4, 0.05, 1e-9
#: Probabilities of a number of purchases that are nothing to a quantile, and the least share.
_NOTHING, _LEAST = 1e-11, 1e-15
#: Where parameters that are as likely move no quantile of typical customers by more than this, they
#: are taken as they are: that takes a sixth of the time.
_KNOWN = 0.005
_TYPICAL_LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
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

    @property
    def columns(self) -> tuple[Array, ...]:
        """All that customers must share to be equal."""
        return tuple(column for _, *columns in self.parts for column in columns)

    def center(self) -> Array:
        """Return the logarithm of the mean spend of a purchase."""
        p, shape, rate = self.parts[0]
        return np.log(p) + np.log(rate) - np.log(shape)


class Spends:
    """Distributions of what customers spend, but for its share of those who spend nothing.

    Only numbers of purchases that have a probability are kept, one after the other: ``row`` is
    the customer of each, and whatever does not depend on the spend is computed once.
    """

    def __init__(
        self, n: int, row: NDArray[np.intp], chance: Array, parts: list[tuple[Any, ...]]
    ) -> None:
        self.n, self.row, self.chance, self.parts = n, row, chance, parts

    @classmethod
    def of(cls, pmf: Array, posteriors: Posteriors, nothing: float) -> Spends:
        """Return those of P(N = 0), P(N = 1), ... and what is known of the worth of a purchase."""
        row, before = np.nonzero(pmf[:, 1:] > nothing)
        parts: list[tuple[Any, ...]] = []
        for p, shape, rate in posteriors.parts:
            first, second = p * (before + 1.0), shape[row]
            parts.append((np.log(rate), shape, first, second, -betaln(first, second)))
        return cls(len(pmf), row, pmf[row, before + 1], parts)

    def take(self, index: NDArray[np.intp]) -> Spends:
        """Return those of some of the customers, in ascending order."""
        place = np.full(self.n, -1)
        place[index] = np.arange(len(index))
        kept = np.flatnonzero(place[self.row] >= 0)
        parts = [
            (*(one[index] for one in p[:2]), *(one[kept] for one in p[2:])) for p in self.parts
        ]
        return Spends(len(index), place[self.row[kept]], self.chance[kept], parts)

    def distribution(self, log_s: Array) -> tuple[Array, Array]:
        """Return P(0 < S <= s) and its slope in log s, for one s a customer."""
        below, slope = np.zeros(self.n), np.zeros(self.n)
        for log_rate, shape, first, second, log_norm in self.parts:
            odds = log_s - log_rate
            # I_x(a, b) is 1 - I_(1 - x)(b, a), of which that of the smaller share is the exact one.
            low = (odds < 0.0)[self.row]
            share = expit(-np.abs(odds))[self.row]
            inside = betainc(np.where(low, first, second), np.where(low, second, first), share)
            inside = np.where(low, inside, 1.0 - inside)
            log_density = first * log_expit(odds)[self.row] + log_norm
            log_density += (shape * log_expit(-odds))[self.row]
            below += self._sum(inside)
            slope += self._sum(np.exp(log_density))
        return below / len(self.parts), slope / len(self.parts)

    def _sum(self, values: Array) -> Array:
        sums = np.bincount(self.row, self.chance * values, minlength=self.n)
        return np.asarray(sums, dtype=np.float64)


def joint_quantiles(
    purchase_model: Any,
    spend_model: Any,
    data: tuple[Any, Any, Any],
    levels: Array,
    *,
    given_any: bool = False,
) -> Array:
    """Return quantiles of the spend of each customer from both models.

    Parameters
    ----------
    purchase_model, spend_model : fitted estimators
    data : (summary of purchases, horizon, summary of spend)
    levels : ndarray of shape (n_levels,)
    given_any : bool, default=False
        Whether to return those of customers who buy at all.

    Returns
    -------
    ndarray of shape (n_customers, n_levels)
    """
    purchases, horizon, spends = data
    posteriors = Posteriors([one.posterior(spends) for one in _spend_models(spend_model)])
    out = np.empty((len(posteriors.center()), len(levels)))
    beyond = _BEYOND * min(levels.min(), 1.0 - levels.max())
    for rows, pmf in purchase_model.predictive_pmf(purchases, horizon, beyond=beyond):
        if given_any:
            pmf[:, 0] = 0.0
            pmf /= np.maximum(pmf.sum(axis=1, keepdims=True), 1e-300)
        size = max(1, _CELLS // pmf.shape[1])
        for begin in range(0, len(rows), size):
            part = slice(begin, begin + size)
            known = posteriors.take(rows[part])
            # Those who never came back are alike where they are of an age.
            groups = group_rows(*pmf[part].T, *known.columns)
            some = pmf[part][groups.first], known.take(groups.first)
            out[rows[part]] = spend_quantiles(*some, levels)[groups.code]
    return out


def _spend_models(model: Any) -> list[Any]:
    models = models_around(model)
    # Covariates make kinds of customers without number.
    known = getattr(model, "covariates", None) is None and _are_alike(model, models)
    return [model] if known else models


def _are_alike(model: Any, others: list[Any]) -> bool:
    """Tell whether it matters for any kind of customer which of the models is true.

    For one and ten purchases of customers unknown, and known to spend little, as usual and much.
    """
    newcomer = np.zeros((1, 4))
    usual = float(np.exp(Posteriors([model.posterior(newcomer)]).center()[0]))
    kinds = [(0, 0.0), (1, usual), (1, 3.0 * usual), (10, usual / 3.0), (10, usual)]
    rows = np.array([(x, 0.0, 0.0, mean) for x, mean in kinds])
    for n in (1, 10):
        pmf = np.zeros((len(rows), n + 1))
        pmf[:, n] = 1.0
        alone, together = (
            spend_quantiles(pmf, Posteriors([one.posterior(rows) for one in some]), _TYPICAL_LEVELS)
            for some in ([model], others)
        )
        if not np.abs(np.log(together / alone)).max() <= _KNOWN:  # nor where it is not a number
            return False
    return True


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
    # What is left out may be nothing to the rarest spend that is asked for only.
    nothing = _BEYOND * min(levels.min(), 1.0 - levels.max()) / pmf.shape[1]
    spends = Spends.of(pmf, posteriors, min(_NOTHING, nothing))
    buys = 1.0 - pmf[:, 0]
    here = posteriors.center()
    for j in np.argsort(levels):
        some = np.flatnonzero(pmf[:, 0] < levels[j])
        if some.size:
            target = (levels[j] - pmf[some, 0]) / buys[some]
            # The quantile of the level before is near.
            here[some] = _solve(spends.take(some), here[some], buys[some], target)
            out[some, j] = np.exp(here[some])
    return out


def _solve(spends: Spends, here: Array, buys: Array, target: Array) -> Array:
    """Return log s where the share of the buyers' distribution reaches the target.

    Newton inside a bracket, for the logit of the share: over log s that is nearly a line.
    """
    low, high = np.full_like(here, -np.inf), np.full_like(here, np.inf)
    wanted = logit(target)
    active = np.arange(len(here))
    for _ in range(_STEPS):
        value, slope = spends.distribution(here[active])
        at = here[active]
        share = np.clip(value / buys[active], _LEAST, 1.0 - _LEAST)
        miss = logit(share) - wanted[active]
        low[active] = np.where(miss < 0, at, low[active])
        high[active] = np.where(miss >= 0, at, high[active])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = np.clip(-miss * share * (1.0 - share) * buys[active] / slope, -4.0, 4.0)
        there = at + np.where(np.isfinite(step), step, -4.0 * np.sign(miss))
        middle = 0.5 * (low[active] + high[active])
        outside = (there <= low[active]) | (there >= high[active])
        there = np.where(outside & np.isfinite(middle), middle, there)
        here[active] = there
        near = (np.abs(there - at) <= _NEAR) & (np.abs(miss) <= _MISS)
        moves = np.flatnonzero(~near & (high[active] - low[active] > _BRACKET))
        if not moves.size:
            break
        if moves.size < len(active):
            spends, active = spends.take(moves), active[moves]
    return here
