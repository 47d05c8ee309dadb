"""What the baselines share: nothing is learnt, and the horizon is the samples' unless given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.utils.validation import check_is_fitted

from clvkit.history import HistoryArray, get_histories, resolve_horizon


class RowwiseBaseline(RegressorMixin, BaseEstimator):
    """Base of baselines that are a formula of one customer's history. Rarely what you want."""

    _parameter_constraints: dict = {"horizon": [str, None]}

    def __init__(self, *, horizon: str | None = None) -> None:
        self.horizon = horizon

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> RowwiseBaseline:
        """Record the horizon; nothing else is learnt.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.
        y : ignored

        Returns
        -------
        self
        """
        self.horizon_ = str(resolve_horizon(self.horizon, get_histories(X)))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the spend of each row in the horizon.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        array = get_histories(X)
        duration = resolve_horizon(self.horizon_, array)
        resolution = array.dtype.resolution
        length = duration.after(array.cutoff_moments, resolution) - array.cutoff_moments
        return self._spend(array, length)

    def _spend(self, array: HistoryArray, length: NDArray[np.int64]) -> NDArray[np.float64]:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.requires_fit = True
        return tags
