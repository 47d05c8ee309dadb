"""The same value for everybody."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

__all__ = ["PopulationMean"]


class PopulationMean(RegressorMixin, BaseEstimator):
    """Predict the mean of y for everybody.

    The floor of every comparison: a model that is no better has learnt nothing about
    customers. Unlike the other baselines it is trained on labels, so it stands inside a
    :class:`clvkit.model_selection.SnapshotRegressor` where it is fitted on histories.

    Attributes
    ----------
    mean_ : float
        Mean of y in the rows given to fit.

    See Also
    --------
    sklearn.dummy.DummyRegressor : The same for any table of numbers.

    Examples
    --------
    >>> from clvkit.baselines import PopulationMean
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import make_samples
    >>> X, y = make_samples(load_cdnow(), "13W", cutoffs="1998-03-31")
    >>> PopulationMean().fit(X, y).predict(X).round(2)[:2]
    array([7.63, 7.63])
    >>> PopulationMean().fit(X, y * float("nan"))
    Traceback (most recent call last):
        ...
    ValueError: Input y contains NaN...
    """

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> PopulationMean:
        """Learn the mean of y.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, ...)
            Only its length is used.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self
        """
        values = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        check_consistent_length(X, values)
        weight = _check_sample_weight(sample_weight, values)
        self.mean_ = float(np.average(values, weights=weight))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the mean for every row of ``X``, an array of shape (n_samples,)."""
        check_is_fitted(self)
        return np.full(len(X), self.mean_)
