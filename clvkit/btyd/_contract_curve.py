"""Retention and survival over the life of a contract, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from clvkit.btyd._inference import check_coverage
from clvkit.utils._axes import axes_or_new

__all__ = ["ContractCurve", "Spread", "interval_of_share", "spread_of"]

Array = NDArray[np.float64]

#: Below this share of its diagonal the information of a direction is nothing.
_NOTHING = 1e-9
#: A log-odds that moves by more when such a direction does, by a factor of e, is unknown.
_MATTERS = 0.02


@dataclass(frozen=True)
class ContractCurve:
    """Result of ``survival_curve`` and ``retention_curve`` of the contractual models.

    Attributes
    ----------
    quantity : {"survival", "retention"}
    period : ndarray of shape (n_periods,)
        Number of the renewal, counted from now.
    estimate, lower, upper : ndarray of shape (n_periods,)
        The interval is NaN where the model was not fitted to data.
    coverage : float
        Of the interval, at each period by itself.
    """

    quantity: str
    period: NDArray[np.int64]
    estimate: Array
    lower: Array
    upper: Array
    coverage: float

    def frame(self) -> pd.DataFrame:
        """Return the table.

        Returns
        -------
        DataFrame of shape (n_periods, 3)
            Indexed by ``period``: the estimate under the name of the quantity, ``lower`` and
            ``upper``.
        """
        columns = {self.quantity: self.estimate, "lower": self.lower, "upper": self.upper}
        return pd.DataFrame(columns, index=pd.Index(self.period, name="period"))

    def plot(self, ax: Any = None, **line_kwargs: Any) -> Any:
        """Draw the curve, with its interval as a band where there is one.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw on, such as those of another curve; a new figure by default.
        **line_kwargs : dict
            Passed to matplotlib's ``plot`` for the curve: ``label`` is for the legend.

        Returns
        -------
        matplotlib Axes
        """
        ax = axes_or_new(ax)
        (line,) = ax.plot(self.period, self.estimate, **{"marker": ".", **line_kwargs})
        if np.isfinite(self.lower).any():
            color, label = line.get_color(), f"{self.coverage:.0%} interval"
            ax.fill_between(
                self.period, self.lower, self.upper, color=color, alpha=0.2, lw=0, label=label
            )
            ax.legend(frameon=False)
        elif "label" in line_kwargs:
            ax.legend(frameon=False)
        ax.set(xlabel="Renewal, from now", ylabel=self.quantity.capitalize())
        ax.set_ylim(0.0, 1.02)
        ax.yaxis.set_major_formatter("{x:.0%}")
        return ax


class Spread(NamedTuple):
    """How far estimates may be off.

    ``covariance`` of shape (k, k) as far as the data tell; ``unknown`` of shape (k, m) has the
    directions of which they tell nothing.
    """

    covariance: Array
    unknown: Array


def spread_of(information: Array) -> Spread:
    """Invert an information matrix, apart from the directions without information.

    Where parameters ran to a boundary together, what remains of them, such as the mean chance,
    is known still: directions are left out, not parameters.
    """
    size = np.sqrt(np.maximum(np.diag(information), 0.0))
    size = np.where(size > 0.0, size, 1.0)
    values, axes = np.linalg.eigh(information / np.outer(size, size))
    known = values > _NOTHING
    axes = axes / size[:, None]
    covariance = (axes[:, known] / values[known]) @ axes[:, known].T
    unknown = axes[:, ~known]
    return Spread(covariance, unknown / np.linalg.norm(unknown, axis=0))


def interval_of_share(
    log_share: Array, slopes: Array, spread: Spread | None, coverage: float
) -> tuple[Array, Array]:
    r"""Return an interval for a share by the delta method on the logit scale.

    There an estimate is nearer to normal than as it is, and the interval stays between 0 and 1.
    With :math:`d = \log q` the slope of :math:`\log\frac{q}{1-q}` is :math:`d' / (1 - e^d)`.

    Parameters
    ----------
    log_share : ndarray of shape (n,)
    slopes : ndarray of shape (k, n)
        Of ``log_share`` in what was estimated.
    spread : Spread or None
        None where nothing was estimated.
    coverage : float

    Returns
    -------
    lower, upper : ndarrays of shape (n,)
        0 and 1 where the share hangs on what the data tell nothing of; NaN without a spread.
    """
    reach = float(norm.ppf(0.5 + check_coverage(coverage) / 2.0))
    if spread is None:
        nothing = np.full_like(log_share, np.nan)
        return nothing, nothing
    share, lost = np.exp(log_share), -np.expm1(log_share)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = slopes / lost
        error = np.sqrt(np.einsum("kn,kl,ln->n", slopes, spread.covariance, slopes))
        open_ = (np.abs(spread.unknown.T @ slopes) > _MATTERS).any(axis=0)
        center = logit(share)
        low, high = expit(center - reach * error), expit(center + reach * error)
    open_ |= ~np.isfinite(error)
    return np.where(open_, 0.0, low), np.where(open_, 1.0, high)
