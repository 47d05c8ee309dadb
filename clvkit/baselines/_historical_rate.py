"""The past spend rate carried forward."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.baselines._base import RowwiseBaseline
from clvkit.history import HistoryArray, find_purchases

__all__ = ["HistoricalRate"]


class HistoricalRate(RowwiseBaseline):
    """Predict that each customer goes on spending at the rate of his life so far.

    The spend of the whole history, divided by its length and multiplied by the horizon. It knows
    nothing of customers who have gone, so its totals are far too high on cohorts that age; yet
    it ranks customers surprisingly well, and a model has to beat it.

    A customer younger than a horizon is taken to have been watched for a whole one: a single
    order on the last day would otherwise be extrapolated to an order every day.

    Parameters
    ----------
    horizon : str or None, default=None
        Length of the period to predict, such as ``"13W"``. None takes the one that the samples
        were made with.

    Attributes
    ----------
    horizon_ : str
        The horizon in use.

    Raises
    ------
    HorizonError
        At fit and predict, if no horizon is known or the samples were made with another one.

    See Also
    --------
    LastPeriod : The spend of the last horizon only.

    Examples
    --------
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1998-03-31")
    >>> HistoricalRate(horizon="13W").fit(X).predict(X).round(2)[:3]
    array([20.1 , 15.02,  1.36])
    >>> HistoricalRate().fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.HorizonError: no horizon is known: ...
    """

    def _spend(self, array: HistoryArray, length: NDArray[np.int64]) -> NDArray[np.float64]:
        purchases = find_purchases(array)
        age = purchases.age * purchases.granularity.length + 1  # the first day counts
        spend = np.maximum(array.net_amount(array._begin, array._end), 0.0)
        return spend * length / np.maximum(age, length)
