"""Who is worth how much from one model, and how much all are worth from another."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from clvkit.btyd import BTYDRegressor
from clvkit.calibration._season_calibration import SeasonCalibration
from clvkit.errors import BoundaryWarning, IndependenceWarning, ShortLogError, SummaryError
from clvkit.history import get_histories, latest_rows, resolve_horizon
from clvkit.utils._components import ask_components, has_components

__all__ = ["TotalCalibration"]

Array = NDArray[np.float64]


def _has_components(model: TotalCalibration) -> bool:
    return has_components(getattr(model, "estimator_", model.estimator))


class TotalCalibration(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Scale an estimator's predictions to the total that another one predicts.

    Boosting that learns from past windows knows well who will be worth more than whom, and takes
    the level of those windows for that of the next, though they lie in other seasons. A purchase
    model with the season of the year before knows the level better. This takes the order and the
    shares of customers from the one, and the total of the customers of ``fit`` from the other.

    Use it around anything trained on past windows where trade moves with the calendar. Where the
    estimator knows the level better than the purchase model (contracts, survey data), leave it.

    Parameters
    ----------
    estimator : estimator
        A regressor from histories to spend.
    total : estimator or None, default=None
        The regressor whose total counts. None takes the BG/NBD with Gamma-Gamma spend, with the
        season of the year before where the log has one:
        ``SeasonCalibration(BTYDRegressor(horizon=horizon), on_missing="ignore")``. What it warns
        of its parameters is not shown, for only its total is wanted.
    horizon : str or None, default=None
        Length of the period to predict, for the default of ``total``. None takes that of the
        samples, or of the estimator.

    Attributes
    ----------
    estimator_, total_ : estimators
        Fitted. ``total_`` is None where it could not be fitted; predictions are then left as they
        are.
    factor_ : float
        What predictions are multiplied by: the one total over the other, of each customer's
        latest row at ``fit``.
    reason_ : str
        Why nothing is corrected; empty where it is.

    Raises
    ------
    HorizonError
        If no horizon is known where one is needed.

    Warns
    -----
    CalibrationWarning
        When the total knows a season and rows of another cutoff are predicted.

    See Also
    --------
    SeasonCalibration : Corrects an estimator's total by its own error a year ago.

    Notes
    -----
    The factor is learnt once, at ``fit``: a row's prediction never depends on which other rows
    are predicted with it.

    In trials at fifteen past cutoffs of five real logs the totals of boosting were off by a factor
    of 1.20 in the geometric mean, those of the BG/NBD with a season by 1.11; the Tweedie deviance
    explained rose from .449 to .459.

    Examples
    --------
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.calibration import TotalCalibration
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> rate = HistoricalRate(horizon="39W").fit(X)  # takes no account of who has left
    >>> level = TotalCalibration(HistoricalRate(horizon="39W")).fit(X)
    >>> round(level.factor_, 2), [int(model.predict(X).sum()) for model in (rate, level)]
    (0.35, [173115, 59931])
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "total": [HasMethods(["fit", "predict"]), None],
        "horizon": [str, None],
    }

    def __init__(self, estimator: Any, total: Any = None, *, horizon: str | None = None) -> None:
        self.estimator = estimator
        self.total = total
        self.horizon = horizon

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> TotalCalibration:
        """Fit both regressors, and compare their totals.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``. Of several rows of a customer the latest one counts for
            the totals.
        y : array-like of shape (n_samples,), default=None
            Handed on as it is.

        Returns
        -------
        self
        """
        latest = latest_rows(X)
        total = self._total(X)
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.factor_, self.total_, self.reason_ = 1.0, None, ""
        try:
            fitted = _fit_quietly(total, latest)
            wanted = float(np.sum(fitted.predict(latest)))
        except (ShortLogError, SummaryError) as error:
            self.reason_ = f"{type(total).__name__} cannot be fitted: {error}"
            return self
        self.total_ = fitted
        own = float(np.sum(self.estimator_.predict(latest)))
        if not (wanted > 0 and own > 0):
            self.reason_ = f"the totals are {wanted:g} and {own:g}: there is nothing to scale."
            return self
        self.factor_ = wanted / own
        return self

    def predict(self, X: pd.DataFrame) -> Array:
        """Return the scaled expected spend of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        if isinstance(self.total_, SeasonCalibration):
            self.total_.check_cutoffs(X)
        return np.asarray(self.estimator_.predict(X), dtype=np.float64) * self.factor_

    @available_if(_has_components)
    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the prediction is made of, with the expected purchases scaled.

        What a purchase is worth and the probabilities are those of the estimator.
        """
        check_is_fitted(self)
        components = ask_components(self.estimator_, X)
        if "expected_purchases" in components:
            scaled = components["expected_purchases"] * self.factor_
            components = components.assign(expected_purchases=scaled)
        return components

    def _total(self, X: pd.DataFrame) -> Any:
        if self.total is not None:
            return self.total
        own = getattr(self.estimator, "horizon", None)
        horizon = resolve_horizon(
            self.horizon if self.horizon is not None else own, get_histories(X)
        )
        return SeasonCalibration(BTYDRegressor(horizon=str(horizon)), on_missing="ignore")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _fit_quietly(estimator: Any, X: pd.DataFrame) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        warnings.simplefilter("ignore", IndependenceWarning)
        return clone(estimator).fit(X)
