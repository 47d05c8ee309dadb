"""What a served model says of how far it may be off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.calibration import ConformalInterval
from clvkit.calibration._coverage import check_coverage
from clvkit.calibration._season_calibration import find_season
from clvkit.calibration._served_intervals import quantile_frame, served_interval, served_total
from clvkit.calibration._spend_shape import SpendShape, learn_spend_shape
from clvkit.errors import ArgumentError, NoComponentsError

__all__ = ["ServedIntervals", "shape_for"]

Array = NDArray[np.float64]


class ServedIntervals:
    """Adds intervals to a model with ``estimator_``, ``interval``, ``shape_`` and ``coverage``."""

    if TYPE_CHECKING:  # what the model has
        estimator_: Any
        interval: Any
        shape_: SpendShape | None
        coverage: float

        def predict(self, X: pd.DataFrame) -> Array: ...

        def _check_samples(self, X: pd.DataFrame) -> pd.DataFrame: ...

    def predict_interval(self, X: pd.DataFrame, coverage: float | None = None) -> pd.DataFrame:
        """Return the interval around each prediction.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.
        coverage : float or None, default=None
            In (0, 1); by default that of the model.

        Returns
        -------
        DataFrame of shape (n_samples, 2)
            ``lower`` and ``upper`` with the index of ``X``, the prediction between them; NaN
            where the model was made without an interval.
        """
        wanted = check_coverage(self.coverage if coverage is None else coverage)
        X = self._check_samples(X)
        return self._bounds(X, self.predict(X), wanted)

    def predict_quantiles(self, X: pd.DataFrame, quantiles: Sequence[float]) -> pd.DataFrame:
        """Return quantiles of what each customer may spend in the horizon.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.
        quantiles : sequence of float
            Levels in (0, 1).

        Returns
        -------
        DataFrame of shape (n_samples, n_quantiles)
            With the index of ``X`` and the levels as columns.

        Raises
        ------
        NoComponentsError
            If the model was made without an interval.
        """
        X = self._check_samples(X)
        intervals, estimator, shape = self._learnt("quantiles")
        return quantile_frame(intervals, estimator, shape, X, self.predict(X), quantiles)

    def total_interval(
        self, X: pd.DataFrame, groups: Any = None, coverage: float | None = None
    ) -> pd.DataFrame:
        """Return intervals for sums: of everybody, or of segments and cohorts.

        The intervals of customers cannot be added: chance averages out, and what everybody has in
        common does not.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``, one row a customer.
        groups : str, array-like of shape (n_samples,) or None, default=None
            A column of ``X``, or the group of each row. None is one sum, ``"all"``.
        coverage : float or None, default=None
            In (0, 1); by default that of the model.

        Returns
        -------
        DataFrame of shape (n_groups, 3)
            ``total`` (the sum of the predictions), ``lower`` and ``upper``, indexed by ``group``.

        Raises
        ------
        NoComponentsError
            If the model was made without an interval.
        """
        wanted = check_coverage(self.coverage if coverage is None else coverage)
        samples = self._check_samples(X)
        intervals, estimator, _ = self._learnt("intervals of totals")
        season = find_season(estimator)
        error = 0.0 if season is None else season.factor_error_
        return served_total(intervals, X, self.predict(samples), groups, wanted, error)

    def _bounds(self, X: pd.DataFrame, predicted: Array, coverage: float) -> pd.DataFrame:
        """Return ``lower`` and ``upper`` of each prediction; NaN without an interval."""
        if self._has_intervals():
            intervals, estimator, shape = self._learnt("intervals")
            return served_interval(intervals, estimator, shape, X, predicted, coverage)
        return pd.DataFrame(np.nan, index=X.index, columns=["lower", "upper"])

    def _has_intervals(self) -> bool:
        return self.interval is not None or isinstance(self.estimator_, ConformalInterval)

    def _learnt(self, what: str) -> tuple[Any, Any, SpendShape | None]:
        """Return the intervals, the estimator that they are around, and its distribution."""
        if not self._has_intervals():
            raise NoComponentsError(
                f"the model was made without an interval, so there are no {what}. Give "
                "CLVModel(interval=LevelIntervals) fitted on out-of-fold predictions, or put a "
                "ConformalInterval around the estimator."
            )
        if self.interval is not None:
            return self.interval, self.estimator_, self.shape_
        own = self.estimator_
        return own.intervals_, own.estimator_, own.shape_


def shape_for(interval: Any, estimator: Any, X: pd.DataFrame) -> SpendShape | None:
    """Return the distribution that a fitted estimator predicts, where the interval needs it."""
    if not getattr(interval, "distributional_", False):
        return None
    shape = learn_spend_shape(estimator, X)
    if shape is None:
        raise ArgumentError(
            "the interval was learnt from predicted distributions, and the estimator "
            f"{type(estimator).__name__} tells none. Fit it without distributions=."
        )
    return shape
