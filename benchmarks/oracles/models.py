"""Which oracle belongs to which model, what is drawn for it, and what is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import mpmath
import numpy as np

from benchmarks.oracles import beta_geo_beta_binom as bgbb
from benchmarks.oracles import beta_geo_nbd as bg
from benchmarks.oracles import gamma_gamma as gg
from benchmarks.oracles import gompertz_gamma_nbd as gompertz
from benchmarks.oracles import pareto_nbd as pareto
from benchmarks.oracles.strata import PARETO_STRATA, STRATA, draw, draw_pareto, uniform

__all__ = ["ORACLES", "Case", "Oracle"]


class Case(NamedTuple):
    """A customer, a horizon and parameters; ``row`` is what the model reads."""

    params: tuple[float, ...]
    row: tuple[float, ...]
    horizon: float


class Oracle(NamedTuple):
    """The exact side of one model.

    Attributes
    ----------
    model : str
        Its class in ``clvkit.btyd``.
    names : tuple of str
        Of its parameters, in the order of a case.
    strata : tuple of str
    draw : callable
        Of a stratum and a generator, returns a :class:`Case`.
    exact : callable
        Of a case in mpmath's numbers, yields (quantity, value); a quantity is a method of the
        model, ``log_likelihood`` or what predicts.
    fixed : dict
        Further parameters of the model.
    digits : int
        With which it is computed.
    """

    model: str
    names: tuple[str, ...]
    strata: tuple[str, ...]
    draw: Callable[[str, np.random.Generator], Case]
    exact: Callable[[Case], Iterable[tuple[str, Any]]]
    fixed: dict[str, Any] = {}
    digits: int = 50


def _drawn(kinds: str, stratum: str, rng: np.random.Generator) -> Case:
    return Case(*draw(stratum, kinds, rng))


def _drawn_pareto(stratum: str, rng: np.random.Generator) -> Case:
    return Case(*draw_pareto(stratum, rng), uniform(rng, -1, 3))


def _drawn_gompertz(stratum: str, rng: np.random.Generator) -> Case:
    """Draw b, whose inverse is a time over which risk grows, apart."""
    (r, alpha, s, beta), row, horizon = draw(stratum, "stss", rng)
    b = uniform(rng, -3, 0) if stratum != "long" else uniform(rng, -6, -4)
    return Case((r, alpha, b, s, beta), row, horizon)


def _drawn_opportunities(stratum: str, rng: np.random.Generator) -> Case:
    """Draw whole opportunities: x purchases, of which the last at t_x of n."""
    params, _, _ = draw(stratum, "ssss", rng)
    n = int(rng.integers(200, 400)) if stratum in ("long", "heavy") else int(rng.integers(0, 30))
    last = int(rng.integers(0, n + 1)) if stratum != "silence" else n // 8
    x = 0 if last == 0 else int(rng.integers(1, last + 1))
    x = last if stratum == "heavy" else x
    return Case(params, (x, last, n), int(rng.integers(1, 60)))


def _drawn_spend(stratum: str, rng: np.random.Generator) -> Case:
    """Draw x purchases of a mean spend; q is above 1, where a mean exists."""
    (p, q, gamma), (x, _, _), _ = draw(stratum, "sst", rng)
    x = max(x, 1)
    return Case((p, 1.0 + q, gamma), (x, 1.0, 1.0, uniform(rng, -3, 5)), 0.0)


def _of_timing(likelihood, odds, expected, case: Case):
    """Yield what is compared of a model of frequency, recency and T."""
    x, t_x, T = case.row
    yield "log_likelihood", likelihood(*case.params, x, t_x, T)
    alive = 1 / (1 + odds(*case.params, x, t_x, T))
    yield "probability_alive", alive
    if expected is not None:
        yield "expected_purchases", alive * expected(*case.params, x, T, case.horizon)


def _of_opportunities(case: Case):
    alive, dead = bgbb.terms(case.params, case.row)
    chance = alive / (alive + mpmath.fsum(dead))
    x, _, n = case.row
    yield "log_likelihood", bgbb.log_likelihood(case.params, case.row)
    yield "probability_alive", chance
    yield (
        "expected_purchases",
        chance * bgbb.purchases_if_alive(case.params, x, n, int(case.horizon)),
    )


def _of_nbd(case: Case):
    (r, alpha), (x, _, T) = case.params, case.row
    yield "log_likelihood", gg.nbd_log_likelihood(r, alpha, x, T)
    yield "expected_purchases", (r + x) / (alpha + T) * case.horizon


def _of_spend(case: Case):
    x, _, _, spend = case.row
    yield "log_likelihood", gg.log_likelihood(*case.params, x, spend)
    yield "expected_spend", gg.expected_spend(*case.params, x, spend)


def _beta_geo(model: str, k: int, modified: bool) -> Oracle:
    how = {"k": k, "modified": modified}
    # With a rhythm the expectation is a sum over phases, of which no form is published.
    expected = partial(bg.purchases_if_alive, modified=modified) if k == 1 else None
    exact = partial(
        _of_timing, partial(bg.log_likelihood, **how), partial(bg.odds_of_death, **how), expected
    )
    fixed = {"k": k} if k > 1 else {}
    return Oracle(
        model, ("r", "alpha", "a", "b"), STRATA, partial(_drawn, "stss"), exact, fixed, 80
    )


ORACLES = (
    _beta_geo("BetaGeoNBD", 1, False),
    _beta_geo("ModifiedBetaGeoNBD", 1, True),
    _beta_geo("BetaGeoCNBD", 3, False),
    _beta_geo("ModifiedBetaGeoCNBD", 3, True),
    Oracle(
        "ParetoNBD",
        ("r", "alpha", "s", "beta"),
        PARETO_STRATA,
        _drawn_pareto,
        partial(_of_timing, pareto.log_likelihood, pareto.odds_of_death, pareto.purchases_if_alive),
        digits=40,
    ),
    Oracle(
        "GompertzGammaNBD",
        ("r", "alpha", "b", "s", "beta"),
        tuple(name for name in STRATA if name != "wild"),
        _drawn_gompertz,
        partial(
            _of_timing, gompertz.log_likelihood, gompertz.odds_of_death, gompertz.purchases_if_alive
        ),
        digits=24,
    ),
    Oracle("NBD", ("r", "alpha"), STRATA, partial(_drawn, "st"), _of_nbd),
    Oracle(
        "BetaGeoBetaBinom",
        ("alpha", "beta", "gamma", "delta"),
        STRATA,
        _drawn_opportunities,
        _of_opportunities,
    ),
    Oracle("GammaGamma", ("p", "q", "gamma"), STRATA, _drawn_spend, _of_spend),
)
