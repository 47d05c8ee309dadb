r"""How far the level of all predictions may be off: learnt from few origins, and believed slowly.

With many customers chance averages out of a total, and what is left is the level that the model
missed in that period: a season, a trend, a crisis. Each origin shows one such miss, and there are
few of them. So the logarithm of actual over predicted total is taken to be

.. math:: r_k \sim N(0, \tau^2 + s_k^2)

with the known standard error :math:`s_k` of chance, and the future's miss :math:`N(0, \tau^2)`.
:math:`\tau` is 0 with prior probability 0.8 (the model's level is right: well-specified models are
found out by a single origin if it is not), and otherwise has a Rayleigh distribution, which leaves
out what cannot be told from 0; the posterior is a table over a grid. Where no origin tells, the
probability is one half. Windows that overlap say partly the same: the likelihood is raised to the
power of the time they cover over the sum of their lengths.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["SPREADS", "level_nodes", "spread_weights"]

Array = NDArray[np.float64]

#: Most likely standard deviation of the logarithm of the level, where it has one.
_SCALE = 0.2

#: Prior probability that the level is right: where origins can tell, and where none does.
_RIGHT, _RIGHT_UNSEEN = 0.8, 0.5

#: Points that stand for the normal distribution of each candidate.
_FINE = 256

#: Candidates for tau: right on, and up to four times the scale.
SPREADS: Array = np.r_[0.0, np.geomspace(0.01, 0.8, 32)]


def spread_weights(log_ratios: Array, errors: Array, share: float = 1.0) -> Array:
    """Return the posterior probability of each of :data:`SPREADS`.

    Parameters
    ----------
    log_ratios : ndarray of shape (n_origins,)
        Logarithm of the actual over the predicted total.
    errors : ndarray of shape (n_origins,)
        Standard error of each, by chance alone.
    share : float, default=1.0
        How much each origin counts, at most 1: less where their windows overlap.

    Examples
    --------
    >>> import numpy as np
    >>> weights = spread_weights(np.array([0.01, -0.02]), np.array([0.03, 0.03]))
    >>> bool(weights[0] > 0.8)
    True
    >>> weights = spread_weights(np.array([0.21, -0.16]), np.array([0.03, 0.03]))
    >>> float(round(SPREADS @ weights, 2))
    0.25
    """
    steps = np.gradient(SPREADS[1:])
    slab = SPREADS[1:] * np.exp(-0.5 * (SPREADS[1:] / _SCALE) ** 2) * steps
    right = _RIGHT if len(log_ratios) else _RIGHT_UNSEEN
    prior = np.append(right, (1.0 - right) * slab / slab.sum())
    variance = SPREADS[:, None] ** 2 + np.maximum(errors, 1e-6) ** 2
    fit = -0.5 * (np.log(variance) + log_ratios**2 / variance)
    log_posterior = np.log(prior) + share * fit.sum(axis=1)
    weights = np.exp(log_posterior - log_posterior.max())
    return weights / weights.sum()


def level_nodes(weights: Array, n_nodes: int, error: float = 0.0) -> Array:
    """Return equally likely factors of the level, in ascending order and symmetric on a log scale.

    Parameters
    ----------
    weights : ndarray
        Of :func:`spread_weights`.
    n_nodes : int
    error : float, default=0.0
        Standard error of the logarithm of a factor that is part of the predictions.
    """
    fine = ndtri((np.arange(_FINE) + 0.5) / _FINE)
    spread = np.sqrt(SPREADS**2 + error**2)
    values = (spread[:, None] * fine).ravel()
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.repeat(weights / _FINE, _FINE)[order])
    shares = (np.arange(n_nodes) + 0.5) / n_nodes
    half = np.interp(shares, reached, values[order])
    return np.exp(0.5 * (half - half[::-1]))
