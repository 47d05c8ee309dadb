"""The average of regressors that are each fitted on the histories themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin, _fit_context, clone
from sklearn.utils.metaestimators import _BaseComposition, available_if
from sklearn.utils.validation import check_is_fitted

from clvkit.history import latest_rows
from clvkit.utils._components import ask_components, has_components

__all__ = ["AverageRegressor"]


def _has_components(model: AverageRegressor) -> bool:
    return any(has_components(estimator) for _, estimator in model.estimators)


class AverageRegressor(RegressorMixin, _BaseComposition):
    """Predict the weighted mean of what several regressors predict.

    A purchase model and boosting err in different ways: the one knows the law of the process,
    the other what it leaves out. Their mean is often better than either. Use it for two or three
    models of different kinds; the mean of many alike is that of one.

    It does what :class:`sklearn.ensemble.VotingRegressor` does, and needs no labels where its
    regressors need none: it hands ``X``, and ``y`` where there is one, to each of them.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Names and regressors from histories to spend, such as a
        :class:`SnapshotRegressor` and a :class:`~clvkit.btyd.BTYDRegressor`.
    weights : list of float or None, default=None
        Weight of each, 0 or more; they are scaled to a sum of 1. None weighs all alike.
    equal_totals : bool, default=False
        Whether the regressors are first brought to one total over the customers of ``fit``, the
        weighted mean of theirs. One that is far too high or low overall then says no more than
        the others about who is worth how much; see
        :class:`~clvkit.calibration.TotalCalibration` for a total to trust.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted regressors.
    shares_ : ndarray of float64 of shape (n_estimators,)
        The weights, scaled to a sum of 1.
    factors_ : list of float
        What the predictions of each are multiplied by; 1 without ``equal_totals``.

    Raises
    ------
    ValueError
        At fit, if names are not unique, or if the weights are not one for each regressor, 0 or
        more, and above 0 in sum.

    See Also
    --------
    sklearn.ensemble.StackingRegressor : Learns how to combine, from labels.

    Examples
    --------
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.btyd import BTYDRegressor
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> from clvkit.model_selection import AverageRegressor
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> parts = [("rate", HistoricalRate(horizon="39W")), ("bg_nbd", BTYDRegressor(horizon="39W"))]
    >>> AverageRegressor(parts).fit(X).predict(X)[:3].round(2)
    array([52.12, 39.48,  6.82])
    >>> AverageRegressor(parts, weights=[1.0]).fit(X)
    Traceback (most recent call last):
        ...
    ValueError: weights has 1 values for 2 estimators...
    """

    _parameter_constraints: dict = {
        "estimators": [list],
        "weights": [list, None],
        "equal_totals": ["boolean"],
    }

    def __init__(
        self,
        estimators: list[tuple[str, Any]],
        weights: list[float] | None = None,
        *,
        equal_totals: bool = False,
    ) -> None:
        self.estimators = estimators
        self.weights = weights
        self.equal_totals = equal_totals

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the average and of its regressors."""
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> AverageRegressor:
        """Set parameters of the average, of a regressor (``name__parameter``), or a regressor."""
        self._set_params("estimators", **params)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> AverageRegressor:
        """Fit every regressor.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.
        y : array-like of shape (n_samples,), default=None
            Handed on as it is.

        Returns
        -------
        self
        """
        self._validate_names([name for name, _ in self.estimators])
        self.shares_ = self._shares()
        self.estimators_ = [clone(estimator).fit(X, y) for _, estimator in self.estimators]
        self.factors_ = [1.0] * len(self.estimators_)
        if self.equal_totals:
            self.factors_ = self._equal(latest_rows(X))
        return self

    def _equal(self, X: Any) -> list[float]:
        """Return factors that bring every total to the weighted mean; of a total of 0, none."""
        totals = np.array([float(np.sum(estimator.predict(X))) for estimator in self.estimators_])
        usable = totals > 0
        if not usable.any():
            return [1.0] * len(totals)
        shares = self._shares() * usable
        if not shares.any():
            shares = usable.astype(np.float64)
        mean = float(np.sum(shares * totals) / shares.sum())
        return np.where(usable, mean / np.where(usable, totals, 1.0), 1.0).tolist()

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the weighted mean of the predictions for each row.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        total = np.zeros(len(X))
        parts = zip(self.shares_, self.factors_, self.estimators_, strict=True)
        for share, factor, estimator in parts:
            total += share * factor * estimator.predict(X)
        return total

    @available_if(_has_components)
    def predict_components(self, X: Any) -> pd.DataFrame:
        """Return the components that those of the regressors tell which know them.

        They say how a customer is thought to behave, and are no factors of this prediction, which
        others have a part in: where one purchase model is averaged with boosting, they are that
        model's.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.

        Returns
        -------
        DataFrame of shape (n_samples, n_components)
            With the index of ``X``. Each column is the mean over the regressors that have it, by
            their weights; one of weight 0 has no say. ``expected_spend``, which is per purchase,
            is weighted by the expected purchases too where every one of its regressors expects
            some: times the expected purchases it is then the mean of what they predict.
        """
        check_is_fitted(self)
        parts = zip(self.shares_, self.factors_, self.estimators_, strict=True)
        told = [
            (share, _scaled(ask_components(estimator, X), factor))
            for share, factor, estimator in parts
            if share > 0 and has_components(estimator)
        ]
        columns = dict.fromkeys(name for _, table in told for name in table.columns)
        return pd.DataFrame({name: _mean_of(name, told) for name in columns}, index=X.index)

    def _shares(self) -> NDArray[np.float64]:
        """Return the weights, scaled to a sum of 1."""
        n_estimators = len(self.estimators)
        weights = np.ones(n_estimators) if self.weights is None else np.asarray(self.weights)
        if not len(weights) == n_estimators > 0:
            raise ValueError(
                f"weights has {len(weights)} values for {n_estimators} estimators: give one for "
                "each of them, and at least one estimator."
            )
        if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ValueError(
                f"weights={self.weights} must be 0 or more, finite, and above 0 in sum."
            )
        return weights / weights.sum()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _scaled(table: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Scale how often customers are expected to buy, as their spend is scaled."""
    if factor == 1.0 or "expected_purchases" not in table:
        return table
    return table.assign(expected_purchases=table["expected_purchases"] * factor)


def _mean_of(name: str, told: list[tuple[float, pd.DataFrame]]) -> NDArray[np.float64]:
    """Return the weighted mean of a component over the tables that have it."""
    having = [(share, table) for share, table in told if name in table]
    values = np.stack([table[name].to_numpy(np.float64) for _, table in having])
    weights = np.stack([np.full(len(table), share) for share, table in having])
    if name == "expected_spend" and all("expected_purchases" in table for _, table in having):
        purchases = [table["expected_purchases"].to_numpy(np.float64) for _, table in having]
        weighted = weights * np.stack(purchases)
        # Where nobody expects a purchase, all that is left is what one would be worth.
        weights = np.where(weighted.sum(axis=0) > 0, weighted, weights)
    return np.average(values, axis=0, weights=weights)
