"""How much of a ratio is more than chance."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

__all__ = ["shrinkage_error", "shrunk_log_ratio"]

#: Standard deviation of the logarithm of a season's or a group's effect, where there is one.
_SPREAD = 0.3


def shrunk_log_ratio(log_ratio: float, standard_error: float, spread: float = _SPREAD) -> float:
    r"""Return the posterior mean of a log-ratio that may as well be 0.

    The prior is 0 with probability one half and :math:`N(0, \tau^2)` otherwise; the likelihood
    is :math:`N(\cdot, s^2)`. With :math:`v = \tau^2 + s^2` the log-odds of an effect are
    :math:`\frac{\ell^2}{2} (s^{-2} - v^{-1}) - \frac12 \log(v / s^2)`, and given one the mean is
    :math:`\ell \tau^2 / v`.

    Parameters
    ----------
    log_ratio : float
    standard_error : float
    spread : float, default=0.3
        Standard deviation of the log-ratio, where there is an effect.

    Returns
    -------
    float

    Examples
    --------
    >>> [round(shrunk_log_ratio(x, 0.05), 3) for x in (0.05, 0.1, 0.2, 0.4)]
    [0.01, 0.052, 0.194, 0.389]
    """
    chance, mean, _ = _posterior(log_ratio, standard_error, spread)
    return chance * mean


def shrinkage_error(log_ratio: float, standard_error: float, spread: float = _SPREAD) -> float:
    """Return the posterior standard deviation that goes with :func:`shrunk_log_ratio`.

    Examples
    --------
    >>> [round(shrinkage_error(x, 0.05), 3) for x in (0.05, 0.1, 0.2, 0.4)]
    [0.03, 0.06, 0.05, 0.049]
    """
    chance, mean, variance = _posterior(log_ratio, standard_error, spread)
    return float(np.sqrt(chance * variance + chance * (1.0 - chance) * mean**2))


def _posterior(
    log_ratio: float, standard_error: float, spread: float
) -> tuple[float, float, float]:
    """Return the probability of an effect, and the mean and variance of one."""
    if standard_error == 0.0:
        return 1.0, float(log_ratio), 0.0
    variance = spread**2 + standard_error**2
    ratio = variance / standard_error**2
    log_odds = 0.5 * log_ratio**2 * (standard_error**-2 - 1.0 / variance) - 0.5 * np.log(ratio)
    kept = spread**2 / variance
    return float(expit(log_odds)), float(log_ratio * kept), float(standard_error**2 * kept)
