"""Intervals of purchase models: for what is expected, and for what will be seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from clvkit.btyd._inference import check_coverage
from clvkit.btyd._purchase_vocabulary import PurchaseVocabulary
from clvkit.btyd._uncertainty import models_around
from clvkit.btyd._units import Horizon, horizon_per_row

__all__ = ["PurchaseIntervals"]

Array = NDArray[np.float64]

#: An expectation that is none, as that of an empty horizon.
_NOTHING = 1e-300
#: Counts to begin with; customers with more are taken up again with four times as many.
_COUNTS = 16
_MOST_COUNTS = 2**20
#: Probabilities at once, which bounds the memory.
_CELLS = 2**20


class PurchaseIntervals(PurchaseVocabulary):
    """Adds uncertainty to the public methods of purchase models."""

    def expected_purchases_interval(
        self, summary: Any, horizon: Horizon, coverage: float = 0.9
    ) -> Array:
        """Return intervals for the expected purchases of each customer.

        They say how far off the expectation may be because the parameters were estimated, and
        shrink as customers are added. What a customer will do varies much more: see
        :meth:`purchases_interval`.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        horizon : str, float or array-like of shape (n_customers,)
            As in :meth:`expected_purchases`.
        coverage : float, default=0.9
            Probability that the interval covers.

        Returns
        -------
        ndarray of shape (n_customers, 2)
            Lower and upper ends, symmetric on the log scale. They coincide for a model of
            :meth:`from_params`, whose parameters are known.

        Raises
        ------
        ArgumentError
            When ``coverage`` does not lie between 0 and 1.
        """
        reach = float(norm.ppf(0.5 + check_coverage(coverage) / 2.0))
        rows = self._rows(summary)
        models = models_around(self)
        total, square = np.zeros(len(rows.T)), np.zeros(len(rows.T))
        for model in models:
            expected = model.expected_purchases(summary, horizon)
            log_expected = np.log(np.maximum(expected, 0.5 * _NOTHING))
            total += log_expected
            square += log_expected**2
        mean = total / len(models)
        spread = reach * np.sqrt(np.maximum(square / len(models) - mean**2, 0.0))
        ends = np.exp(mean[:, None] + spread[:, None] * np.array([-1.0, 1.0]))
        return np.where(ends > _NOTHING, ends, 0.0)

    def purchases_interval(self, summary: Any, horizon: Horizon, coverage: float = 0.9) -> Array:
        """Return intervals for the number of purchases of each customer in the horizon.

        They hold what chance will do and what is not known of the parameters, exactly and
        without simulation: quantiles of the conditional distribution of the purchases, averaged
        over the uncertainty of the parameters.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        horizon : str, float or array-like of shape (n_customers,)
            As in :meth:`expected_purchases`.
        coverage : float, default=0.9
            Least probability that the number lies within; counts are whole, so it is more.

        Returns
        -------
        ndarray of float64 of shape (n_customers, 2)
            Least and largest number, with at most half of the rest beyond either.

        Raises
        ------
        ArgumentError
            When ``coverage`` does not lie between 0 and 1.
        """
        tail = 0.5 * (1.0 - check_coverage(coverage))
        out = np.empty((len(self._rows(summary).T), 2))
        # A sum of probabilities may miss a level by rounding alone.
        levels = np.array([tail, 1.0 - tail]) * (1.0 - 1e-12)
        for part, pmf in self.predictive_pmf(summary, horizon, beyond=tail):
            cdf = np.cumsum(pmf, axis=1)
            out[part] = (cdf[:, :, None] < levels).sum(axis=1)
        return out

    def predictive_pmf(
        self, summary: Any, horizon: Horizon, beyond: float
    ) -> Iterator[tuple[NDArray[np.intp], Array]]:
        """Yield the distribution of the purchases with the uncertainty of the parameters in it.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        horizon : str, float or array-like of shape (n_customers,)
            As in :meth:`expected_purchases`.
        beyond : float
            Largest probability that may be left out at the far end.

        Yields
        ------
        rows : ndarray of int
            Some customers, of about as many purchases; every customer comes once.
        pmf : ndarray of shape (n_rows, n_max + 1)
            Their probabilities of 0, 1, ... purchases.
        """
        rows = self._rows(summary)
        lengths = horizon_per_row(horizon, len(rows.T), self.time_unit)
        models = models_around(self)
        shifts = [model._read_shifts(summary) for model in models]
        left, n_max = np.arange(len(lengths)), _COUNTS
        while left.size:
            later = []
            size = max(1, _CELLS // (n_max + 1))
            for begin in range(0, len(left), size):
                part = left[begin : begin + size]
                pmf = np.zeros((len(part), n_max + 1))
                for model, moved in zip(models, shifts, strict=True):
                    some = rows.take(part)._replace(shifts=tuple(s[part] for s in moved))
                    pmf += model._pmf(some, lengths[part], n_max) / len(models)
                done = (pmf.sum(axis=1) >= 1.0 - beyond) | (n_max >= _MOST_COUNTS)
                if done.any():
                    yield part[done], pmf[done]
                later.append(part[~done])
            left, n_max = np.concatenate(later), 4 * n_max
