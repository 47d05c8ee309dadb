r"""The Pareto/NBD with purchase and dropout rates that depend on each other, elementwise.

The family of :mod:`clvkit.btyd._sarmanov`: the prior density is :math:`g h [1 + q u v]`. A gamma
density times :math:`e^{-w \lambda} / A` is the gamma density with :math:`\alpha + w` for
:math:`\alpha`, so that the likelihood is

.. math:: L = L_{00} + q \, (L_{00} - L_{10} - L_{01} + L_{11}) = L_{00} \, (1 + q K),

where :math:`L_{ij}` is that of the Pareto/NBD with :math:`\alpha + i w` and :math:`\beta + j w`.
All that is expected of a customer is the same combination of four expectations. The factor
:math:`1 + q K` is the mean of :math:`1 + q u v`, which is never negative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _pareto as pareto
from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._row_algebra import moved_parameter
from clvkit.btyd._sarmanov import (
    FARTHEST,
    draw_rate,
    log_gap,
    log_range,
    strength,
    strength_derivatives,
)
from clvkit.btyd._summary import Rows

__all__ = [
    "draw",
    "draw_histories",
    "given_alive",
    "log_likelihood",
    "probability_alive",
    "row_derivatives",
]

Array = NDArray[np.float64]

#: The terms beside the first, with their signs.
_OTHERS = ((1, 0, -1.0), (0, 1, -1.0), (1, 1, 1.0))
_ALPHA, _BETA = 1, 3
_TINY = float(np.finfo(float).tiny)


def _tilted(params: dict[str, Any], i: int, j: int, time: float) -> dict[str, Any]:
    return {
        **params,
        "alpha": params["alpha"] + i * time,
        "beta": params["beta"] + j * time,
    }


def log_likelihood(params: dict[str, Any], rows: Rows, time: float) -> Array:
    """Return the log-likelihood of each row."""
    plain, factor = _likelihood_parts(params, rows, time)
    return plain + np.log(factor)


def _likelihood_parts(params: dict[str, Any], rows: Rows, time: float) -> tuple[Array, Array]:
    """Return the log-likelihood of independent rates, and 1 + q K."""
    plain = pareto.log_likelihood(params, rows)
    log_D = log_range(params, time)
    K = np.zeros_like(plain) + np.exp(-log_D)
    for i, j, sign in _OTHERS:
        other = pareto.log_likelihood(_tilted(params, i, j, time), rows)
        K += sign * np.exp(other - plain - log_D)
    return plain, np.maximum(1.0 + (params["dependence"] - 1.0) * K, _TINY)


def row_derivatives(params: dict[str, Any], rows: Rows, time: float) -> RowDerivatives:
    r"""Return each row's log-likelihood with derivatives in log r, ..., log beta and log c.

    With :math:`e_k = \pm L_k / L_{00}` and the differences :math:`d_k` of the logarithms,
    :math:`F = 1 + q K` has the slope :math:`q' K + q K'` with :math:`K' = \sum e_k d_k'`. A ratio
    may be too large for floats where q is too small, so that here the ratios are divided by D,
    and q is multiplied. The logarithm of F has the bends

    .. math::
        \frac{1}{F} \Big[q \sum e_k (d_k'' + d_k' d_k'^T) + q'' K + q' K'^T + K' q'^T\Big]
        - \frac{F' F'^T}{F^2} .
    """
    plain = pareto.row_derivatives(params, rows)
    log_D, q = strength_derivatives(params, time)
    n = len(plain.value)
    K = np.zeros(n) + np.exp(-log_D)
    of_K, bend_of_K = np.zeros((5, n)), np.zeros((5, 5, n))
    for i, j, sign in _OTHERS:
        other = _term(params, rows, time, i, j)
        size = sign * np.exp(other.value - plain.value - log_D)
        slope = other.gradient - plain.gradient
        bend = other.hessian - plain.hessian
        bend += slope[:, None] * slope[None]
        K += size
        of_K[:4] += size * slope
        bend_of_K[:4, :4] += size * bend
    factor = np.maximum(1.0 + q.value * K, _TINY)
    first = (q.gradient * K + q.value * of_K) / factor
    cross = q.gradient[:, None] * of_K[None]
    second = (q.value * bend_of_K + q.hessian * K + cross + cross.swapaxes(0, 1)) / factor
    second -= first[:, None] * first[None]
    first[:4] += plain.gradient
    second[:4, :4] += plain.hessian
    return RowDerivatives(plain.value + np.log(factor), first, second)


def _term(params: dict[str, Any], rows: Rows, time: float, i: int, j: int) -> RowDerivatives:
    """Return the likelihood of a tilted term, with derivatives in the parameters themselves."""
    tilted = _tilted(params, i, j, time)
    found = pareto.row_derivatives(tilted, rows)
    for moved, position, name in ((i, _ALPHA, "alpha"), (j, _BETA, "beta")):
        if moved:
            found = moved_parameter(found, position, params[name] / tilted[name])
    return found


def _posterior_tilts(params: dict[str, Any], rows: Rows, time: float) -> tuple[Array, Array]:
    """Return the logarithms of the means of 1 + u and 1 + v, given alive at T and independence."""
    given = pareto.posterior(params, rows)
    of_purchase = params["r"] * np.log1p(time / params["alpha"])
    of_purchase -= given.shape * np.log1p(time / given.rate)
    wane = np.log1p(time / params["beta"]) - np.log1p(time / given.beta)
    return of_purchase, given.s * wane


def _mean_factor(params: dict[str, Any], in_u: Array, in_v: Array, time: float) -> Array:
    """Return the mean of 1 + q u v of a customer who is alive at T.

    The larger of u and v may be too large for floats where q is too small.
    """
    larger, smaller = np.maximum(in_u, in_v), np.minimum(in_u, in_v)
    log_D = log_range(params, time)
    near = np.exp(-log_D) * np.expm1(np.minimum(larger, 1.0))
    scaled = np.where(larger > 1.0, np.exp(larger - log_D) - np.exp(-log_D), near)
    product = scaled * np.expm1(np.minimum(smaller, FARTHEST))
    factor: Array = np.maximum(1.0 + (params["dependence"] - 1.0) * product, _TINY)
    return factor


def probability_alive(params: dict[str, Any], rows: Rows, time: float) -> Array:
    """Return the probability of being alive at T.

    Given that, independent rates stay independent, so that the share of 1 + q K that is due to
    customers who are alive is one product.
    """
    _, factor = _likelihood_parts(params, rows, time)
    alive = _mean_factor(params, *_posterior_tilts(params, rows, time), time)
    return np.minimum(pareto.probability_alive(params, rows) * (alive / factor), 1.0)


def given_alive(
    value: Callable[..., Array], params: dict[str, Any], rows: Rows, time: float, *args: Any
) -> Array:
    """Return the mean of what the Pareto/NBD expects of a customer who is alive at T.

    Parameters
    ----------
    value : callable
        ``value(params, rows, *args)``, of shape (n,) or (n, m) and never negative.
    params : dict
    rows : Rows
    time : float
    *args
        What ``value`` takes more.

    Returns
    -------
    ndarray
    """
    in_u, in_v = _posterior_tilts(params, rows, time)
    log_D = log_range(params, time)
    share = (params["dependence"] - 1.0) / _mean_factor(params, in_u, in_v, time)
    plain = value(params, rows, *args)
    out = plain.copy()
    for i, j, sign in _OTHERS:
        weight = sign * share * np.exp(i * in_u + j * in_v - log_D)
        other = value(_tilted(params, i, j, time), rows, *args)
        out += weight.reshape(-1, *[1] * (plain.ndim - 1)) * (other - plain)
    return np.maximum(out, 0.0)


def _draw_rates(
    params: dict[str, Any], rows: Rows, time: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw the purchase rate and, given that, the dropout rate of customers alive at T."""
    given, q = pareto.posterior(params, rows), strength(params, time)
    a, b = (
        np.exp(np.minimum(log_gap(params[shape], params[rate], time), FARTHEST))
        for shape, rate in (("r", "alpha"), ("s", "beta"))
    )
    v = np.expm1(np.minimum(_posterior_tilts(params, rows, time)[1], FARTHEST))
    purchase = draw_rate(given.shape, given.rate, time, 1.0 - q * v, 1.0 + q * v * a, rng)
    u = np.exp(-time * purchase) * (1.0 + a) - 1.0
    shape = np.broadcast_to(float(given.s), u.shape)
    return purchase, draw_rate(shape, given.beta, time, 1.0 - q * u, 1.0 + q * u * b, rng)


def draw(
    params: dict[str, Any], rows: Rows, horizon: Array, time: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the purchases in the horizon, dead customers making none."""
    alive = rng.random(len(rows.T)) < probability_alive(params, rows, time)
    purchase, dropout = _draw_rates(params, rows, time, rng)
    active = np.minimum(_lifetimes(dropout, rng), horizon)
    return np.where(alive, rng.poisson(purchase * active), 0).astype(np.int64)


def draw_histories(
    params: dict[str, Any], rows: Rows, age: Array, time: float, rng: np.random.Generator
) -> Array:
    """Draw (frequency, recency, T) of newcomers observed for ``age``."""
    purchase, dropout = _draw_rates(params, rows, time, rng)
    return pareto.histories(purchase, np.minimum(_lifetimes(dropout, rng), age), age, rng)


def _lifetimes(dropout: Array, rng: np.random.Generator) -> Array:
    with np.errstate(divide="ignore"):  # a dropout rate may be too small for a float
        return rng.exponential(size=len(dropout)) / dropout
