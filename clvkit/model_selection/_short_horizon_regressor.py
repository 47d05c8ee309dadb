"""A regressor that learns from a shorter period than the one it predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from clvkit.history import get_histories, replace_histories, resolve_horizon
from clvkit.utils._duration import parse_duration

__all__ = ["ShortHorizonRegressor"]


class ShortHorizonRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Predict a long horizon at the rate that an estimator predicts for a shorter one.

    What learns from labels needs a past horizon whose spend is known, with history before it. A
    log that is too short for that may have room for a shorter one: who is worth more than whom in
    half a year is much the same as in a whole one.

    Use it where the log has no labels for the horizon. The rate of a shorter period is too high
    for customers who leave: bring the total to one that knows of that, by
    :class:`~clvkit.calibration.TotalCalibration`.

    Parameters
    ----------
    estimator : estimator
        A regressor from histories to spend with a ``horizon`` of its own, the shorter one, such as
        a :class:`SnapshotRegressor`.
    fitted_horizon : str
        The horizon that the estimator learns and predicts.
    horizon : str or None, default=None
        Length of the period to predict. None takes that of the samples.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    horizon_ : str
        The horizon in use.
    factor_ : float
        Length of the one horizon over that of the other.

    Raises
    ------
    HorizonError
        If no horizon is known, or if the samples were made with another one.

    See Also
    --------
    SnapshotRegressor : Makes labels out of past snapshots.

    Examples
    --------
    >>> import numpy as np
    >>> from clvkit.baselines import PopulationMean
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> from clvkit.model_selection import ShortHorizonRegressor, SnapshotRegressor
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> quarter = SnapshotRegressor(PopulationMean(), horizon="13W")
    >>> model = ShortHorizonRegressor(quarter, "13W", horizon="39W").fit(X)
    >>> bool(np.allclose(model.predict(X), 3 * quarter.fit(X).predict(X)))
    True
    >>> SnapshotRegressor(PopulationMean(), horizon="39W").fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.ShortLogError: the histories are too short for labels with a horizon of 39W: ...
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "fitted_horizon": [str],
        "horizon": [str, None],
    }

    def __init__(self, estimator: Any, fitted_horizon: str, *, horizon: str | None = None) -> None:
        self.estimator = estimator
        self.fitted_horizon = fitted_horizon
        self.horizon = horizon

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> ShortHorizonRegressor:
        """Fit the estimator on histories, whatever horizon they record.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.
        y : ignored
            The labels of ``X`` are of the other horizon.

        Returns
        -------
        self
        """
        horizon = resolve_horizon(self.horizon, get_histories(X))
        self.horizon_ = str(horizon)
        self.factor_ = float(horizon.days / parse_duration(self.fitted_horizon).days)
        self.estimator_ = clone(self.estimator).fit(self._handed_on(X))
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the expected spend of each row in the horizon after its cutoff.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        resolve_horizon(self.horizon_, get_histories(X))
        predicted = self.estimator_.predict(self._handed_on(X))
        return np.asarray(predicted, dtype=np.float64) * self.factor_

    @staticmethod
    def _handed_on(X: pd.DataFrame) -> pd.DataFrame:
        """Return the samples without the horizon that they record, which is another one."""
        array = get_histories(X)
        return replace_histories(X, array.with_dtype(array.dtype.replace(horizon=None)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags
