"""Predictions whose mean is right: what past origins say of the level, as far as it lasts."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.isotonic import isotonic_regression
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from clvkit.calibration._level_error import SPREADS, spread_weights
from clvkit.calibration._origins import total_ratio
from clvkit.calibration._past_windows import Window, find_horizon, fit_at, past_windows
from clvkit.calibration._shrinkage import shrunk_log_ratio
from clvkit.errors import CalibrationWarning
from clvkit.history import get_histories, least_history, resolve_horizon
from clvkit.utils._duration import parse_duration
from clvkit.utils._warnings import warn_user

__all__ = ["MeanCalibration"]

Array = NDArray[np.float64]

#: Standard deviation of the logarithm of a bias that lasts.
_SPREAD = 0.5

#: The isotonic curve runs through the means of at most so many groups, of at least so many rows.
_MOST_GROUPS, _LEAST_ROWS = 20, 100


def _has_components(model: MeanCalibration) -> bool:
    return hasattr(getattr(model, "estimator_", model.estimator), "predict_components")


class MeanCalibration(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    r"""Correct an estimator by what it missed in the mean at past origins.

    The histories are cut back to past origins; at each the estimator is fitted on what was known
    then and predicts what has come since. Nothing is learnt from rows that a model was fitted on,
    whose mean is right by construction.

    Use it for an estimator with a bias that lasts, such as boosting with a log link. What differs
    from period to period cannot be corrected by the past, and is left alone: for a season take
    :class:`SeasonCalibration`, which looks at the same weeks a year ago.

    Parameters
    ----------
    estimator : estimator
        A regressor that is fitted on histories alone.
    method : {"multiplicative", "isotonic"}, default="multiplicative"
        One factor for everybody; or a curve beside it that never falls, for an estimator that is
        wrong at some levels. The curve keeps the total of the factor, and the order of customers
        but for ties.
    horizon : str or None, default=None
        Length of the period to predict. None takes that of the samples, or of the estimator.
    n_origins : int, default=3
        At most so many origins, the latest ones that the log allows.
    step : str or None, default=None
        Distance between origins, by default half a horizon.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on all of ``X``.
    factor_ : float
        What predictions are multiplied by; 1 where nothing was learnt.
    ratios_ : ndarray of shape (n_origins,)
        Actual over predicted total at each origin.
    curve_ : ndarray of shape (2, n_points)
        Predictions, and what they are replaced by before the factor; empty unless isotonic.
    origins_ : list of str
        The origins, the latest first.
    horizon_ : str
        In use.

    Warns
    -----
    CalibrationWarning
        When the log is too short for one origin: predictions are left as they are.

    See Also
    --------
    ConformalInterval : Intervals from the same origins.

    Notes
    -----
    The log-ratios of the origins vary by chance, with standard errors :math:`s_k`, and from
    period to period, with a spread :math:`\tau` whose posterior mean square is taken (see
    :class:`LevelIntervals`). Their mean, weighted by :math:`1 / (s_k^2 + \tau^2)`, is shrunk
    towards 0 by its standard error, so that ratios which scatter around 1 change nothing.

    Examples
    --------
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.calibration import MeanCalibration
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1998-03-31")
    >>> model = MeanCalibration(HistoricalRate(horizon="13W")).fit(X)
    >>> model.ratios_.round(2), round(model.factor_, 2)
    (array([0.44, 0.38, 0.4 ]), 0.41)
    >>> MeanCalibration(HistoricalRate(), method="additive").fit(X)
    Traceback (most recent call last):
        ...
    sklearn.utils._param_validation.InvalidParameterError: The 'method' parameter of ...
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "method": [StrOptions({"multiplicative", "isotonic"})],
        "horizon": [str, None],
        "n_origins": [Interval(Integral, 1, None, closed="left")],
        "step": [str, None],
    }

    def __init__(
        self,
        estimator: Any,
        method: str = "multiplicative",
        *,
        horizon: str | None = None,
        n_origins: int = 3,
        step: str | None = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.horizon = horizon
        self.n_origins = n_origins
        self.step = step

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> MeanCalibration:
        """Fit the estimator, and learn from past origins what it misses in the mean.

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
        parts = _predict_past(self.estimator, past_windows(X, horizon, self.n_origins, step))
        self.origins_ = [window.origin for window, _ in parts]
        totals = [total_ratio(window.y, predicted) for window, predicted in parts]
        self.ratios_ = np.array([ratio for ratio, _ in totals])
        self.factor_, self.curve_ = 1.0, np.empty((2, 0))
        if parts:
            self.factor_ = _lasting(np.log(self.ratios_), np.array([error for _, error in totals]))
        else:
            warn_user(
                f"the mean is left as it is: no origin with a horizon of {horizon} has "
                f"{least_history(horizon).count} days before it, or anything spent after it.",
                CalibrationWarning,
            )
        if parts and self.method == "isotonic":
            predicted = np.concatenate(
                [r * p for r, (_, p) in zip(self.ratios_, parts, strict=True)]
            )
            self.curve_ = _curve(predicted, np.concatenate([window.y for window, _ in parts]))
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    def predict(self, X: pd.DataFrame) -> Array:
        """Return the corrected expected spend of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        plain = np.asarray(self.estimator_.predict(X), dtype=np.float64)
        return self._bend(self.factor_ * plain)

    @available_if(_has_components)
    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the prediction is made of, with the expected purchases corrected."""
        check_is_fitted(self)
        components = self.estimator_.predict_components(X)
        if "expected_purchases" not in components:
            return components
        plain = np.asarray(self.estimator_.predict(X), dtype=np.float64)
        corrected = self._bend(self.factor_ * plain)
        change = np.divide(corrected, plain, out=np.ones_like(plain), where=plain > 0.0)
        return components.assign(expected_purchases=components["expected_purchases"] * change)

    def _bend(self, predicted: Array) -> Array:
        """Move predictions along the curve; below and above it in proportion to its ends."""
        if not self.curve_.size:
            return predicted
        points, values = self.curve_
        inside = np.interp(predicted, points, values)
        below = predicted * (values[0] / points[0]) if points[0] > 0.0 else inside
        above = predicted * (values[-1] / points[-1]) if points[-1] > 0.0 else inside
        return np.where(
            predicted < points[0], below, np.where(predicted > points[-1], above, inside)
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _predict_past(estimator: Any, windows: list[Window]) -> list[tuple[Window, Array]]:
    """Predict every origin from what was known there, where anything can be compared."""
    parts = []
    for window in windows:
        fitted = fit_at(estimator, window)
        if fitted is None:
            continue
        predicted = np.asarray(fitted.predict(window.X), dtype=np.float64)
        if window.y.sum() > 0.0 and predicted.sum() > 0.0:
            parts.append((window, predicted))
    return parts


def _lasting(log_ratios: Array, errors: Array) -> float:
    """Return the factor that the origins agree on."""
    n = len(log_ratios)
    # About their mean they vary less than about 0, by one degree of freedom.
    scatter = (log_ratios - log_ratios.mean()) * np.sqrt(n / (n - 1)) if n > 1 else log_ratios
    weight = 1.0 / (errors**2 + spread_weights(scatter, errors) @ SPREADS**2)
    mean = float(weight @ log_ratios / weight.sum())
    return float(np.exp(shrunk_log_ratio(mean, float(weight.sum() ** -0.5), _SPREAD)))


def _curve(predicted: Array, y: Array) -> Array:
    """Return the means of y over groups of predictions, made never to fall."""
    order = np.argsort(predicted, kind="stable")
    n_groups = max(1, min(_MOST_GROUPS, len(order) // _LEAST_ROWS))
    parts = np.array_split(order, n_groups)
    points = np.array([predicted[part].mean() for part in parts])
    values = np.array([y[part].mean() for part in parts])
    sizes = np.array([len(part) for part in parts], dtype=np.float64)
    points, code = np.unique(points, return_inverse=True)
    weight = np.bincount(code, sizes)
    values = isotonic_regression(np.bincount(code, sizes * values) / weight, sample_weight=weight)
    return np.array([points, values])
