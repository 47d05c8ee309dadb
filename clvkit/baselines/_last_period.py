"""The spend of the last horizon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.baselines._base import RowwiseBaseline
from clvkit.history import HistoryArray
from clvkit.utils._ragged import ragged_searchsorted

__all__ = ["LastPeriod"]


class LastPeriod(RowwiseBaseline):
    """Predict that each customer spends what he spent in the last period of the same length.

    What many firms do. It is blind to everybody who happened not to buy in that period.

    Parameters
    ----------
    horizon : str or None, default=None
        Length of the period to predict, and of the one looked at. None takes the one that the
        samples were made with.

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
    HistoricalRate : The spend rate of the whole life.

    Examples
    --------
    >>> from clvkit.baselines import LastPeriod
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1998-03-31")
    >>> LastPeriod(horizon="26W").fit(X).predict(X).round(2)[:3]
    array([26.48,  0.  ,  0.  ])
    >>> LastPeriod(horizon="half a year").fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.DurationError: horizon='half a year' cannot be read as a duration. ...
    """

    def _spend(self, array: HistoryArray, length: NDArray[np.int64]) -> NDArray[np.float64]:
        since = array.cutoff_moments - length
        begin = ragged_searchsorted(array.store.time, array._begin, array._end, since)
        return np.maximum(array.net_amount(begin, array._end), 0.0)
