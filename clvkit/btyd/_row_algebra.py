"""Sums, differences and substitutions of likelihoods, with two derivatives, row by row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from clvkit.btyd._covariates import RowDerivatives

__all__ = ["added", "choose", "divided", "given_any", "log_of_rest", "moved_parameter"]

Array = NDArray[np.float64]

#: No chance is taken to be less than this, whose inverse has a square.
_RAREST = 1e-140


def divided(one: RowDerivatives, other: RowDerivatives) -> RowDerivatives:
    """Return the logarithm of a ratio."""
    return RowDerivatives(*(left - right for left, right in zip(one, other, strict=True)))


def added(one: RowDerivatives, other: RowDerivatives) -> RowDerivatives:
    """Return the logarithm of a sum of two likelihoods."""
    odds = other.value - one.value
    share, rest = expit(odds), expit(-odds)
    slope = other.gradient - one.gradient
    return RowDerivatives(
        np.logaddexp(one.value, other.value),
        one.gradient + share * slope,
        one.hessian
        + share * (other.hessian - one.hessian)
        + share * rest * slope[:, None] * slope[None],
    )


def log_of_rest(part: RowDerivatives) -> RowDerivatives:
    r"""Return :math:`\log(1 - e^d)` of the logarithm d < 0 of a chance.

    Its slope is :math:`-w d'` with :math:`w = e^d / (1 - e^d)`, and the next one
    :math:`-w d'' - w (1 + w) d' d'^T`.
    """
    d = np.minimum(part.value, -_RAREST)
    w = 1.0 / np.expm1(-d)
    outer = part.gradient[:, None] * part.gradient[None]
    return RowDerivatives(
        np.log(-np.expm1(d)),
        -w * part.gradient,
        -w * part.hessian - w * (1.0 + w) * outer,
    )


def given_any(
    rows: RowDerivatives, none: RowDerivatives, asked: NDArray[np.bool_]
) -> RowDerivatives:
    """Divide by the chance of any purchase where ``asked``; ``none`` is that of no purchase."""
    return choose(asked, divided(rows, log_of_rest(none)), rows)


def choose(mask: NDArray[np.bool_], one: RowDerivatives, other: RowDerivatives) -> RowDerivatives:
    """Return the one where the mask is true, and the other elsewhere."""
    return RowDerivatives(
        *(np.where(mask, left, right) for left, right in zip(one, other, strict=True))
    )


def moved_parameter(rows: RowDerivatives, j: int, share: Array) -> RowDerivatives:
    r"""Return derivatives in :math:`\log\beta` from those in :math:`\log(\beta + \tau)`.

    Parameters
    ----------
    rows : RowDerivatives
    j : int
        Position of the parameter.
    share : ndarray of shape (n,)
        :math:`q = \beta / (\beta + \tau)`, the slope of the one in the other; that of q is
        :math:`q (1 - q)`.

    Returns
    -------
    RowDerivatives
    """
    gradient, hessian = rows.gradient.copy(), rows.hessian.copy()
    hessian[j] *= share
    hessian[:, j] *= share
    hessian[j, j] += share * (1.0 - share) * gradient[j]
    gradient[j] *= share
    return RowDerivatives(rows.value, gradient, hessian)
