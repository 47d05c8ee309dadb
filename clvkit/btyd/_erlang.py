r"""Erlang-k times between purchases: what is known of the phases since the last purchase.

An Erlang-k interval is k phases, each exponential with rate :math:`\lambda`. That no purchase has
come since :math:`t_x` means that fewer than k phases have ended in :math:`u = T - t_x`. With
:math:`\lambda` Gamma-distributed, R the shape after the purchases and
:math:`w = u / (\alpha + T)`, this has the weight

.. math:: S = \sum_{j=0}^{k-1} s_j, \qquad s_j = \frac{(R)_j}{j!} \, w^j,

in the likelihood (Reutterer, Platzer and Schröder 2021), and :math:`s_j / S` is the probability
that j phases have ended. For k = 1, S is 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from clvkit.btyd._summary import Rows

__all__ = ["PhaseSum", "log_gap_density", "log_phase_sum", "phase_probabilities", "phase_sum"]

Array = NDArray[np.float64]


class PhaseSum(NamedTuple):
    """log S with its derivatives in (log r, log alpha), of shapes (n,), (2, n) and (2, 2, n)."""

    log_sum: Array
    gradient: Array
    hessian: Array


def log_phase_sum(shape: Array, w: Array, k: int) -> Array:
    """Return log S.

    Parameters
    ----------
    shape, w : ndarray of shape (n,)
        R and w of the module's description.
    k : int

    Returns
    -------
    ndarray of shape (n,)
    """
    term, others = np.ones_like(w), np.zeros_like(w)
    for j in range(1, k):
        term = term * ((shape + (j - 1.0)) / j * w)
        others += term
    return np.log1p(others)


def phase_probabilities(shape: Array, w: Array, k: int) -> Array:
    """Return the probabilities, of shape (k, n), that 0 .. k - 1 phases have ended."""
    terms = np.ones((k, len(w)))
    for j in range(1, k):
        terms[j] = terms[j - 1] * ((shape + (j - 1.0)) / j * w)
    return terms / terms.sum(axis=0)


def phase_sum(params: dict[str, Any], shape: Array, rows: Rows, k: int) -> PhaseSum:
    r"""Return log S with its derivatives.

    Under the probabilities of j, with :math:`H = \sum_{i<j} 1/(R+i)`,
    :math:`H_2 = \sum_{i<j} 1/(R+i)^2` and q = alpha / (alpha + T), since dw / d log alpha = -q w,

    .. math::
        \partial_R \log S = E[H], \quad
        \partial_R^2 \log S = Var(H) - E[H_2], \quad
        \partial_{\log\alpha} \log S = -q E[j], \quad
        \partial_R \partial_{\log\alpha} \log S = -q \, Cov(j, H), \quad
        \partial_{\log\alpha}^2 \log S = q^2 Var(j) - q (1 - q) E[j].
    """
    r, alpha = params["r"], params["alpha"]
    q = alpha / (alpha + rows.T)
    w = (rows.T - rows.recency) / (alpha + rows.T)
    term, h, h2 = np.ones_like(w), np.zeros_like(w), np.zeros_like(w)
    total = np.zeros((7, len(w)))  # sums of s_j times 1, j, j^2, H, H^2, j H, H_2 over j > 0
    for j in range(1, k):
        before = shape + (j - 1.0)
        term = term * (before / j * w)
        step = 1.0 / before
        h = h + step
        h2 = h2 + step * step
        weighted = term * h
        for place, part in enumerate(
            (term, j * term, j * j * term, weighted, weighted * h, j * weighted, term * h2)
        ):
            total[place] += part
    log_sum = np.log1p(total[0])
    mean_j, mean_jj, mean_h, mean_hh, mean_jh, mean_h2 = total[1:] / (1.0 + total[0])
    in_r, in_alpha = r * mean_h, -q * mean_j
    rr = in_r + r * r * (mean_hh - mean_h**2 - mean_h2)
    ra = -q * r * (mean_jh - mean_j * mean_h)
    aa = q * q * (mean_jj - mean_j**2) - q * (1.0 - q) * mean_j
    return PhaseSum(log_sum, np.array([in_r, in_alpha]), np.array([[rr, ra], [ra, aa]]))


def log_gap_density(rows: Rows, k: int) -> Array:
    r"""Return what the times between purchases add to the log-likelihood of each row.

    It holds no parameter but k: :math:`(k-1) \sum \log gap - x \log \Gamma(k)`. Where the gaps are
    not known, their product is integrated over all purchase times that lead from 0 to
    :math:`t_x`, relative to k = 1:

    .. math:: \log \frac{\Gamma(x)}{\Gamma(kx)} + (k - 1) \, x \log t_x.
    """
    x = rows.frequency
    if k == 1:
        return np.zeros_like(x)
    if rows.log_gaps is not None:
        return (k - 1.0) * rows.log_gaps - x * gammaln(k)
    bought = np.maximum(x, 1.0)
    last = np.log(np.where(x > 0, rows.recency, 1.0))
    return np.where(x > 0, gammaln(bought) - gammaln(k * bought) + (k - 1.0) * x * last, 0.0)
