r"""The mathematics of contracts that are renewed or not, elementwise and without estimators.

A customer refuses a renewal with probability :math:`\theta \sim Beta(\alpha, \beta)`, which
differs between customers. With :math:`u(t) = t^c` the chance of being a customer after t
renewals were due is

.. math:: S(t) = E[(1 - \theta)^{u(t)}] = \frac{B(\alpha, \beta + t^c)}{B(\alpha, \beta)}.

c = 1 is the shifted Beta-geometric model, in which a customer's own chance never changes (Fader
and Hardie 2007, eq. 6); with any other c it falls (c < 1) or rises with his tenure, the
Beta-discrete-Weibull model (Fader, Hardie, Liu, Davin and Steenburgh 2018).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import zeta

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._special import fine_log_survival, rising_slopes
from clvkit.btyd._tenures import Tenures

__all__ = ["draw_renewals", "log_keep", "log_keep_slopes", "row_derivatives"]

Array = NDArray[np.float64]
Params = dict[str, Any]

#: Logarithm of the longest time: a search may try any c.
_LONGEST = 100.0
#: No chance to leave is taken to be less than 1e-140, whose inverse has a square.
_RAREST = -1e-140


class _Slopes(NamedTuple):
    """Derivatives of log S in log alpha, log beta and log c; of shapes (3, n) and (3, 3, n)."""

    first: Array
    second: Array


def log_keep(params: Params, since: Array, until: Array) -> Array:
    r"""Return :math:`\log S(until) / S(since)`.

    Given that he is a customer after ``since`` renewals, a customer's :math:`\theta` is
    :math:`Beta(\alpha, \beta + u(since))`, so nothing is divided.
    """
    alpha, beta, c = _unpack(params)
    begin, end = _time(since, c), _time(until, c)
    # The difference of powers cancels where c is small and tenures are long; rounding may then
    # leave less than nothing.
    return fine_log_survival(beta + begin, alpha, np.maximum(end - begin, 0.0))


def log_keep_slopes(params: Params, since: Array, until: Array) -> Array:
    """Return the slopes of :func:`log_keep` in log alpha, log beta and log c, of shape (3, n)."""
    return _slopes(params, until).first - _slopes(params, since).first


def row_derivatives(params: Params, rows: Tenures) -> RowDerivatives:
    r"""Return each row's log-likelihood with derivatives in log alpha, log beta and log c.

    Who has been a customer since before the data begin, after e renewals, is there because he
    stayed so long: his likelihood is divided by S(e).

    .. math:: \log \frac{S(t-1) - S(t)}{S(e)} \text{ if lost at t, else } \log \frac{S(t)}{S(e)}
    """
    tenure, churned, entry = rows
    stayed = tenure - churned
    value = log_keep(params, entry, stayed)
    at_entry, at_stayed = _slopes(params, entry), _slopes(params, stayed)
    gradient = at_stayed.first - at_entry.first
    hessian = at_stayed.second - at_entry.second
    lost = np.flatnonzero(churned)
    if len(lost):
        before = _Slopes(at_stayed.first[:, lost], at_stayed.second[:, :, lost])
        last = log_keep(params := _take(params, lost), stayed[lost], tenure[lost])
        after = _slopes(params, tenure[lost])
        first, second = after.first - before.first, after.second - before.second
        # log(1 - e^d): its slope is -w d', its second derivative -w d'' - w (1 + w) d' d'^T.
        value[lost] += _log_refusal(last)
        w = 1.0 / np.expm1(-np.minimum(last, _RAREST))
        gradient[:, lost] -= w * first
        hessian[:, :, lost] -= w * second + w * (1.0 + w) * first[:, None] * first[None]
    return RowDerivatives(value, gradient, hessian)


def draw_renewals(
    params: Params, since: Array, most: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    r"""Draw how many of the next ``most`` renewals each customer takes.

    Given :math:`\theta` the chance of staying until u is :math:`(1-\theta)^{u - u(since)}`, that
    of a standard exponential variable exceeding :math:`-\log(1-\theta) (u - u(since))`.
    """
    alpha, beta, c = _unpack(params)
    begin = _time(since, c)
    n = len(since)
    theta = rng.beta(np.broadcast_to(alpha, n), beta + begin)
    with np.errstate(divide="ignore", over="ignore"):  # theta may be too small for a float
        leaves = (begin + rng.exponential(size=n) / -np.log1p(-theta)) ** (1.0 / c)
    return np.minimum(np.floor(np.minimum(leaves - since, most)), most).astype(np.int64)


def _unpack(params: Params) -> tuple[Any, Any, Any]:
    return params["alpha"], params["beta"], params.get("c", 1.0)


def _time(t: Array, c: Any) -> Array:
    """Return t^c, which is kept within what floats can square."""
    power = np.minimum(c * np.log(np.maximum(t, 1.0)), _LONGEST)
    return np.where(t > 0.0, np.exp(power), 0.0) if np.any(c != 1.0) else t


def _take(params: Params, index: Any) -> Params:
    """Return the parameters of some rows."""
    return {name: value[index] if np.ndim(value) else value for name, value in params.items()}


def _log_refusal(log_kept: Array) -> Array:
    """Return log(1 - e^d) for d < 0."""
    with np.errstate(divide="ignore"):
        return np.where(
            log_kept > -np.log(2.0),
            np.log(-np.expm1(log_kept)),
            np.log1p(-np.exp(log_kept)),
        )


def _slopes(params: Params, t: Array) -> _Slopes:
    """Return two derivatives of log S(t), by those in alpha, beta and u."""
    alpha, beta, c = _unpack(params)
    u = _time(t, c)
    power = c * np.log(np.maximum(t, 1.0))  # d log u / d log c; u is 0 or 1 where log t is not used
    u1 = np.where(power < _LONGEST, u * power, 0.0)
    u2 = u1 * (power + 1.0)
    both1, both2 = rising_slopes(np.asarray(alpha + beta, dtype=float), u)
    own1, own2 = rising_slopes(np.asarray(beta, dtype=float), u)
    in_u, in_uu = (-slope for slope in rising_slopes(beta + u, alpha + np.zeros_like(u)))
    first = np.empty((3, len(t)))
    first[0] = -alpha * both1
    first[1] = beta * (own1 - both1)
    first[2] = in_u * u1
    second = np.empty((3, 3, len(t)))
    second[0, 0] = first[0] - alpha * alpha * both2
    second[0, 1] = second[1, 0] = -alpha * beta * both2
    second[1, 1] = first[1] + beta * beta * (own2 - both2)
    second[0, 2] = second[2, 0] = -alpha * zeta(2.0, alpha + beta + u) * u1
    second[1, 2] = second[2, 1] = beta * in_uu * u1
    second[2, 2] = in_uu * u1 * u1 + in_u * u2
    return _Slopes(first, second)
