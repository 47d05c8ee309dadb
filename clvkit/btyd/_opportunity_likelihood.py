r"""The likelihood of the BG/BB model, elementwise and without regard to estimators.

At each of n opportunities a customer who is alive buys with probability :math:`p \sim Beta(\alpha,
\beta)`; before each he is lost with probability :math:`\theta \sim Beta(\gamma, \delta)` (Fader,
Hardie and Shang 2010). Having bought x times, last at :math:`t_x`, he was there for the last
time at opportunity j, one of :math:`t_x, \ldots, n - 1`, or is alive still. The likelihood is the
sum of

.. math::
    T_j = \frac{B(\alpha + x, \beta + j - x)}{B(\alpha, \beta)}
          \frac{B(\gamma + 1, \delta + j)}{B(\gamma, \delta)}, \qquad
    T_n = \frac{B(\alpha + x, \beta + n - x)}{B(\alpha, \beta)}
          \frac{B(\gamma, \delta + n)}{B(\gamma, \delta)}.

From one term to the next both factors change by a ratio of sums of parameters and whole numbers, so
that a table of logarithms, added up from :math:`t_x` on, has all of them without a gamma function.

Tables have a line for each j - t_x and a column for each customer: lines are added up one after
the other, so that a customer's sum does not depend on who else is in the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._special import log_rising, log_survival, rising_slopes
from clvkit.btyd._summary import Rows

__all__ = ["log_likelihood", "probability_alive", "row_derivatives", "take_params"]

Array = NDArray[np.float64]
_PARAMS = ("alpha", "beta", "gamma", "delta")
#: Cells of a table, which then stays in the processor's cache.
_CELLS = 65_536


class _Terms(NamedTuple):
    """The logarithms of the T_j, less that of the first one without its chance of dropout.

    ``last`` is the line of each customer in which he is alive; lines beyond it are empty.
    """

    log: Array
    line: Array
    last: Array


def take_params(params: dict[str, Any], index: Any) -> dict[str, Any]:
    """Return the parameters of some rows, where they differ between rows."""
    return {
        name: np.asarray(value)[index] if np.ndim(value) else value
        for name, value in params.items()
    }


def log_likelihood(params: dict[str, Any], rows: Rows) -> Array:
    """Return the log-likelihood of each row."""
    out = np.empty(len(rows.T))
    for index in _blocks(rows):
        some, own = rows.take(index), take_params(params, index)
        out[index] = _log_first(own, some) + _log_sum(_terms(own, some).log)
    return out


def probability_alive(params: dict[str, Any], rows: Rows) -> Array:
    """Return the probability of having been alive at opportunity n, by its log-odds."""
    out = np.empty(len(rows.T))
    for index in _blocks(rows):
        terms = _terms(take_params(params, index), rows.take(index))
        alive = _at_last(terms, terms.log)
        dead = np.where(terms.line < terms.last, terms.log, -np.inf)
        out[index] = expit(alive - _log_sum(dead))
    return out


def row_derivatives(params: dict[str, Any], rows: Rows) -> RowDerivatives:
    r"""Return each row's log-likelihood with derivatives in its own log-parameters.

    With :math:`w_j` the probability that the customer was there for the last time at j,
    :math:`(\log L)' = E_w[(\log T_j)']` and
    :math:`(\log L)'' = E_w[(\log T_j)''] + Cov_w[(\log T_j)']`.
    """
    n = len(rows.T)
    value, gradient, hessian = np.empty(n), np.empty((4, n)), np.empty((4, 4, n))
    for index in _blocks(rows):
        some, own = rows.take(index), take_params(params, index)
        terms = _terms(own, some)
        log_sum = _log_sum(terms.log)
        value[index] = _log_first(own, some) + log_sum
        mean, mean_bend, covariance = _moments(own, some, terms, np.exp(terms.log - log_sum))
        slope, bend = _first_slopes(own, some)
        gradient[:, index] = slope + mean
        hessian[:, :, index] = bend + mean_bend + covariance
        for i in range(4):  # from derivatives in parameters to those in their logarithms
            hessian[i, i, index] += gradient[i, index]
    return RowDerivatives(value, gradient, hessian)


def _blocks(rows: Rows) -> Iterator[NDArray[np.intp]]:
    """Yield rows of about equal numbers of terms, so that tables have few empty cells."""
    length = rows.T - rows.recency
    order = np.argsort(length, kind="stable")
    begin = 0
    while begin < len(order):
        lines = int(length[order[min(begin + _CELLS, len(order)) - 1]]) + 1
        end = begin + max(1, _CELLS // lines)
        yield order[begin:end]
        begin = end


def _terms(params: dict[str, Any], rows: Rows) -> _Terms:
    alpha, beta, gamma, delta = (params[name] for name in _PARAMS)
    last = rows.T - rows.recency
    line = np.arange(last.max() + 1.0)[:, None]
    j = rows.recency + line
    step = np.log(
        (beta + j - rows.frequency) * (delta + j) / ((alpha + beta + j) * (gamma + delta + j))
    )
    dropout = np.log(gamma) - np.log(gamma + delta + j)
    log = _sum_before(step) + np.where(line < last, dropout, 0.0)
    return _Terms(np.where(line <= last, log, -np.inf), line, last)


def _log_first(params: dict[str, Any], rows: Rows) -> Array:
    """Return the log-probability of x purchases up to t_x, and of being alive then."""
    alpha, beta, gamma, delta = (params[name] for name in _PARAMS)
    x, t_x = rows.frequency, rows.recency
    bought = log_rising(alpha, x) + log_rising(beta, t_x - x) - log_rising(alpha + beta, t_x)
    return bought + log_survival(delta, gamma, t_x)


def _first_slopes(params: dict[str, Any], rows: Rows) -> tuple[Array, Array]:
    """Return what :func:`_log_first` adds to the gradient, and to the Hessian but its diagonal."""
    alpha, beta, gamma, delta = (params[name] for name in _PARAMS)
    x, t_x = rows.frequency, rows.recency
    (a1, a2), (b1, b2), (s1, s2), (d1, d2), (e1, e2) = (
        rising_slopes(z, n)
        for z, n in (
            (alpha, x),
            (beta, t_x - x),
            (alpha + beta, t_x),
            (delta, t_x),
            (gamma + delta, t_x),
        )
    )
    slope = np.array([alpha * (a1 - s1), beta * (b1 - s1), -gamma * e1, delta * (d1 - e1)])
    return slope, _bend(params, (a2, b2, s2), (d2, e2))


def _bend(
    params: dict[str, Any], purchase: tuple[Any, Array, Array], dropout: tuple[Array, Array]
) -> Array:
    """Return the Hessian of a term in log-parameters, without the slopes on its diagonal.

    By the second derivatives of the logarithms of rising factorials in alpha, beta and
    alpha + beta, and in delta and gamma + delta.
    """
    alpha, beta, gamma, delta = (params[name] for name in _PARAMS)
    (a2, b2, s2), (d2, e2) = purchase, dropout
    bend = np.zeros((4, 4, len(s2)))
    bend[0, 0] = alpha**2 * (a2 - s2)
    bend[1, 1] = beta**2 * (b2 - s2)
    bend[0, 1] = bend[1, 0] = -alpha * beta * s2
    bend[2, 2] = -(gamma**2) * e2
    bend[3, 3] = delta**2 * (d2 - e2)
    bend[2, 3] = bend[3, 2] = -gamma * delta * e2
    return bend


def _moments(
    params: dict[str, Any], rows: Rows, terms: _Terms, w: Array
) -> tuple[Array, Array, Array]:
    """Return means of the slopes and bends beyond the first term, and covariances of slopes."""
    alpha, beta, gamma, delta = (params[name] for name in _PARAMS)
    j = rows.recency + terms.line
    dead = terms.line < terms.last
    inverse_b = 1.0 / (beta + j - rows.frequency)
    inverse_s = 1.0 / (alpha + beta + j)
    inverse_d = 1.0 / (delta + j)
    inverse_e = 1.0 / (gamma + delta + j)
    b1, s1, d1 = (_sum_before(each) for each in (inverse_b, inverse_s, inverse_d))
    # A dead customer's term has one factor more below the line.
    e1 = _sum_before(inverse_e) + dead * inverse_e
    slopes = (-alpha * s1, beta * (b1 - s1), dead - gamma * e1, delta * (d1 - e1))
    mean = np.array([(w * slope).sum(axis=0) for slope in slopes])
    centred = [slope - center for slope, center in zip(slopes, mean, strict=True)]
    covariance = np.empty((4, 4, len(terms.last)))
    for i in range(4):
        weighted = w * centred[i]
        for k in range(i + 1):
            covariance[i, k] = covariance[k, i] = (weighted * centred[k]).sum(axis=0)
    b2, s2, d2 = (
        -(w * _sum_before(each**2)).sum(axis=0) for each in (inverse_b, inverse_s, inverse_d)
    )
    e2 = -(w * (_sum_before(inverse_e**2) + dead * inverse_e**2)).sum(axis=0)
    bend = _bend(params, (0.0, b2, s2), (d2, e2))
    # A dead customer's term has log gamma, which is straight in log gamma: its slope on the
    # diagonal is taken back.
    bend[2, 2] -= (w * dead).sum(axis=0)
    return mean, bend, covariance


def _sum_before(table: Array) -> Array:
    """Return, for each line, the sum of the lines above it."""
    out = np.zeros_like(table)
    np.cumsum(table[:-1], axis=0, out=out[1:])
    return out


def _log_sum(log: Array) -> Array:
    """Return the logarithm of the sum over the lines."""
    highest = log.max(axis=0)
    shift = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):  # nothing to add up: minus infinity
        return shift + np.log(np.exp(log - shift).sum(axis=0))


def _at_last(terms: _Terms, table: Array) -> Array:
    columns = np.arange(len(terms.last))
    return table[terms.last.astype(np.intp), columns]
