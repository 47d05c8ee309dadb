r"""The zero-inflated lognormal law: its likelihood for boosting, its mean and its quantiles.

With z = 1 for y > 0, the negative log-likelihood of a row in (a, m, s), where
P(y > 0) = 1 / (1 + exp(-a)) and log y ~ N(m, exp(s)^2) for y > 0, is, up to a constant of y,

    log(1 + exp(a)) - z a + z (s + r^2 / 2),    r = (log y - m) / exp(s)

with the derivatives (p - z, -z r / exp(s), z (1 - r^2)). Boosting takes Newton steps with the
diagonal of the expected second derivatives given z, (p (1 - p), z / exp(2 s), 2 z), which unlike
the observed ones are never negative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

__all__ = ["LOG_SIGMA_RANGE", "gradients", "law_of", "loss", "quantile"]

FloatArray = NDArray[np.float64]

#: Bounds of s, for log spend that has a standard deviation of 1 over all buyers: residuals from a
#: fiftieth to twenty times as wide. Beyond, the likelihood rewards a leaf of equal amounts without
#: end.
LOG_SIGMA_RANGE = (-4.0, 3.0)

#: Least second derivative, so that no leaf divides by zero where a probability is 0 or 1.
_LEAST_HESSIAN = 1e-16


def law_of(raw: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return P(y > 0), m and exp(s) from the three raw outputs, an array of shape (n, 3)."""
    return expit(raw[:, 0]), raw[:, 1], np.exp(np.clip(raw[:, 2], *LOG_SIGMA_RANGE))


def gradients(
    log_spend: FloatArray, spends: NDArray[np.bool_], weight: FloatArray
) -> Callable[[FloatArray, Any], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return a LightGBM objective: raw outputs to gradients and Hessians of shape (n, 3).

    Parameters
    ----------
    log_spend : ndarray of shape (n_samples,)
        Logarithms; whatever is finite where nothing was spent.
    spends : ndarray of bool of shape (n_samples,)
        Whether anything was spent.
    weight : ndarray of shape (n_samples,)
        Weights; LightGBM leaves them to the objective.
    """
    rows = np.flatnonzero(spends)
    of_spenders = log_spend[rows], weight[rows]
    # LightGBM reads columns one after the other, in single precision: nothing is copied.
    gradient = np.zeros((len(spends), 3), dtype=np.float32, order="F")
    hessian = np.full_like(gradient, _LEAST_HESSIAN)

    def objective(raw: FloatArray, _: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        target, of_row = of_spenders
        p = expit(raw[:, 0])
        gradient[:, 0] = weight * (p - spends)
        hessian[:, 0] = np.maximum(weight * p * (1 - p), _LEAST_HESSIAN)
        precision = np.exp(-np.clip(raw[rows, 2], *LOG_SIGMA_RANGE))
        residual = (target - raw[rows, 1]) * precision
        gradient[rows, 1] = -of_row * residual * precision
        hessian[rows, 1] = of_row * precision**2
        gradient[rows, 2] = of_row * (1 - residual**2)
        hessian[rows, 2] = 2 * of_row
        return gradient, hessian

    return objective


def loss(
    log_spend: FloatArray, spends: NDArray[np.bool_], weight: FloatArray
) -> Callable[[FloatArray, Any], tuple[str, float, bool]]:
    """Return a LightGBM metric: the mean negative log-likelihood, less is better."""

    def metric(raw: FloatArray, _: Any) -> tuple[str, float, bool]:
        s = np.clip(raw[:, 2], *LOG_SIGMA_RANGE)
        residual = (log_spend - raw[:, 1]) * np.exp(-s)
        row = np.logaddexp(0, raw[:, 0]) + spends * (s + residual**2 / 2 - raw[:, 0])
        return "ziln", float(np.average(row, weights=weight)), False

    return metric


def quantile(p: FloatArray, mu: FloatArray, sigma: FloatArray, levels: FloatArray) -> FloatArray:
    """Return quantiles of shape (n_samples, n_levels).

    The distribution function is ``1 - p + p Phi((log y - mu) / sigma)`` for y > 0 and ``1 - p`` at
    0, so that a level up to ``1 - p`` has the quantile 0.
    """
    above = (levels - 1)[None, :] + p[:, None]
    inside = above > 0
    share = np.divide(above, p[:, None], out=np.full(above.shape, 0.5), where=inside)
    return np.where(inside, np.exp(mu[:, None] + sigma[:, None] * ndtri(share)), 0.0)
