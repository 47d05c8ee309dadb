"""Intervals around any estimator, learnt at past origins of the histories it is fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from clvkit.calibration._coverage import check_coverage
from clvkit.calibration._level_intervals import LevelIntervals
from clvkit.calibration._past_windows import Window, find_horizon, fit_at, past_windows
from clvkit.calibration._season_calibration import find_season
from clvkit.calibration._served_intervals import quantile_frame, served_interval, served_total
from clvkit.calibration._spend_shape import (
    SpendDistribution,
    learn_spend_shape,
    predicted_distribution,
)
from clvkit.errors import ShortLogError
from clvkit.history import get_histories, latest_rows, least_history, resolve_horizon
from clvkit.utils._duration import parse_duration

__all__ = ["ConformalInterval"]


def _has_components(model: ConformalInterval) -> bool:
    return hasattr(getattr(model, "estimator_", model.estimator), "predict_components")


class ConformalInterval(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Give an estimator intervals that hold the truth as often as asked for.

    The histories are cut back to past origins; at each the estimator is fitted on what was known
    then and predicts what has come since. How far off it was, by level of the prediction, makes
    the intervals (:class:`LevelIntervals`). No row is compared with a prediction of a model that
    was fitted on it. Purchase models tell a distribution for each customer, which is used and
    corrected in the same way.

    Use it around the estimator that will be served, calibrations included. It fits the estimator
    once more for each origin. Where out-of-fold predictions are there already, give them to
    :class:`LevelIntervals` instead.

    Parameters
    ----------
    estimator : estimator
        A regressor that is fitted on histories alone: :class:`~clvkit.btyd.BTYDRegressor`,
        a :class:`~clvkit.model_selection.SnapshotRegressor`, a :class:`SeasonCalibration` ...
    coverage : float, default=0.9
        Share of truths that intervals shall hold.
    horizon : str or None, default=None
        Length of the period to predict. None takes that of the samples, or of the estimator.
    n_origins : int, default=3
        At most so many origins, the latest ones that the log allows.
    step : str or None, default=None
        Distance between origins, by default half a horizon.
    n_groups : int, default=10
        Groups by level; see :class:`LevelIntervals`.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on all of ``X``.
    intervals_ : LevelIntervals
        What the origins taught.
    shape_ : SpendShape or None
        The distribution that the estimator predicts, where it tells one.
    level_error_ : float
        Standard error of the logarithm of the season's factor in the predictions; 0 without.
    origins_ : list of str
        The origins, the latest first.
    horizon_ : str
        In use.

    Raises
    ------
    ShortLogError
        At fit, if the log is too short for one origin.
    HorizonError
        If no horizon is known, or if the samples were made with another one.

    See Also
    --------
    LevelIntervals : From predictions in place of an estimator.

    Notes
    -----
    Where the estimator corrects for a season now, but had no year-ago window at an origin, that
    origin's errors are used at the level that came, and its level says nothing of levels to come.

    Examples
    --------
    >>> from clvkit.btyd import BTYDRegressor
    >>> from clvkit.calibration import ConformalInterval
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1998-01-31")
    >>> model = ConformalInterval(BTYDRegressor(horizon="13W")).fit(X)
    >>> model.origins_
    ['1997-11-01', '1997-09-18', '1997-08-05']
    >>> list(model.predict_interval(X).columns)
    ['lower', 'upper']
    >>> model.total_interval(X).round(-4)
             total    lower    upper
    group
    all    20000.0  10000.0  30000.0
    >>> ConformalInterval(BTYDRegressor(horizon="1Y")).fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.ShortLogError: the histories are too short for an origin with a horizon of 1Y...
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "horizon": [str, None],
        "n_origins": [Interval(Integral, 1, None, closed="left")],
        "step": [str, None],
        "n_groups": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        coverage: float = 0.9,
        *,
        horizon: str | None = None,
        n_origins: int = 3,
        step: str | None = None,
        n_groups: int = 10,
    ) -> None:
        self.estimator = estimator
        self.coverage = coverage
        self.horizon = horizon
        self.n_origins = n_origins
        self.step = step
        self.n_groups = n_groups

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> ConformalInterval:
        """Fit the estimator, and learn its errors at the origins.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``; of several rows of a customer the latest one counts for
            the origins.
        y : ignored
            The histories contain what came. It is handed to the estimator.

        Returns
        -------
        self
        """
        own = self.horizon if self.horizon is not None else find_horizon(self.estimator)
        horizon = resolve_horizon(own, get_histories(X))
        step = horizon.part(4).times(2) if self.step is None else parse_duration(self.step)
        self.horizon_ = str(horizon)
        windows = past_windows(X, horizon, self.n_origins, step)
        self.estimator_ = clone(self.estimator).fit(X, y)
        season = find_season(self.estimator_)
        self.level_error_ = 0.0 if season is None else season.factor_error_
        self.shape_ = learn_spend_shape(self.estimator_, latest_rows(X))
        overlap = max(0.0, 1.0 - step.days / horizon.days)
        parts = _predict_past(self, windows)
        if not parts:
            raise ShortLogError(
                f"the histories are too short for an origin with a horizon of {horizon}: this "
                f"takes the horizon and {least_history(horizon).count} days before it, and a "
                "horizon more for estimators that learn from labels. Give a shorter horizon."
            )
        self.origins_ = [part.origin for part in parts]
        told = {key: np.concatenate([part.rows[key] for part in parts]) for key in parts[0].rows}
        found = [part.distribution for part in parts if part.distribution is not None]
        distributions = found if len(found) == len(parts) else None
        intervals = LevelIntervals(n_groups=self.n_groups)
        self.intervals_ = intervals.fit(**told, overlap=overlap, distributions=distributions)
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the expected spend of each row, as the estimator does.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict(X), dtype=np.float64)

    def predict_interval(self, X: pd.DataFrame, coverage: float | None = None) -> pd.DataFrame:
        """Return the interval around each prediction.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.
        coverage : float or None, default=None
            In (0, 1); by default that of the estimator.

        Returns
        -------
        DataFrame of shape (n_samples, 2)
            ``lower`` and ``upper`` with the index of ``X``, the prediction between them.
        """
        wanted = check_coverage(self.coverage if coverage is None else coverage)
        predicted = self.predict(X)
        return served_interval(self.intervals_, self.estimator_, self.shape_, X, predicted, wanted)

    def predict_quantiles(self, X: pd.DataFrame, quantiles: Sequence[float]) -> pd.DataFrame:
        """Return quantiles of what each customer may spend.

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
        """
        predicted = self.predict(X)
        return quantile_frame(
            self.intervals_, self.estimator_, self.shape_, X, predicted, quantiles
        )

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
            In (0, 1); by default that of the estimator.

        Returns
        -------
        DataFrame of shape (n_groups, 3)
            ``total`` (the sum of the predictions), ``lower`` and ``upper``, indexed by ``group``.
        """
        wanted = check_coverage(self.coverage if coverage is None else coverage)
        predicted = self.predict(X)
        return served_total(self.intervals_, X, predicted, groups, wanted, self.level_error_)

    @available_if(_has_components)
    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the prediction is made of, as the estimator does."""
        check_is_fitted(self)
        return self.estimator_.predict_components(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


class _Part(NamedTuple):
    """What an origin tells: arrays for :meth:`LevelIntervals.fit`, and the distribution."""

    origin: str
    rows: dict[str, NDArray[Any]]
    distribution: SpendDistribution | None


def _predict_past(model: ConformalInterval, windows: list[Window]) -> list[_Part]:
    """Predict every origin from what was known there."""
    now = find_season(model.estimator_)
    parts = []
    for number, window in enumerate(windows):
        fitted = fit_at(model.estimator, window)
        if fitted is None:
            continue
        predicted = np.asarray(fitted.predict(window.X), dtype=np.float64)
        then = find_season(fitted)
        alike = (then is None or then.reason_ == "") == (now is None or now.reason_ == "")
        n = len(window.y)
        rows = {
            "y_true": window.y,
            "y_pred": predicted,
            "origin": np.full(n, number),
            "tells_level": np.full(n, alike),
            "level_error": np.full(n, 0.0 if then is None else then.factor_error_),
        }
        distribution = None
        if model.shape_ is not None:
            distribution = predicted_distribution(fitted, window.X, predicted)
        parts.append(_Part(window.origin, rows, distribution))
    return parts
