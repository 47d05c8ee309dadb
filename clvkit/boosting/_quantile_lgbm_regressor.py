"""Gradient boosting of quantiles of the spend."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from clvkit.boosting._base import BaseLGBMRegressor, index_of
from clvkit.boosting._quantiles import check_levels, interpolate
from clvkit.boosting._training_data import Objective, TrainingData
from clvkit.errors import ArgumentError

__all__ = ["QuantileLGBMRegressor"]


class QuantileLGBMRegressor(BaseLGBMRegressor):
    """Gradient boosted trees for quantiles of the spend, without any law for it.

    One ensemble of trees for each level, by the pinball loss. Quantiles never cross: they are
    sorted for each customer.

    Use it for ranges: what a customer will hardly exceed, or surely spends. **What it predicts is
    no expected value.** Where more than half of the customers spend nothing the median is 0 for
    most, so that ``predict`` neither ranks customers by value nor sums to a total; the other
    boosting regressors do.

    Parameters
    ----------
    quantile : float, default=0.5
        Level of the quantile that ``predict`` returns.
    quantiles : array-like of float, default=(0.1, 0.5, 0.9)
        Further levels that ``predict_quantiles`` returns; ``quantile`` is trained anyway.
    n_estimators : int, default=100
        Number of trees for each level.
    learning_rate : float, default=0.05
        Shrinkage of each tree.
    num_leaves : int, default=5
        Most leaves of a tree.
    min_child_samples : int, default=50
        Least number of samples in a leaf; lowered to a twentieth of the samples where there are
        few.
    min_child_weight : float, default=1e-3
        Least sum of second derivatives in a leaf.
    subsample : float, default=1.0
        Share of the samples drawn anew for each tree.
    colsample_bytree : float, default=1.0
        Share of the features drawn anew for each tree.
    reg_alpha : float, default=0.0
        L1 penalty on the values of leaves.
    reg_lambda : float, default=10.0
        L2 penalty on the values of leaves.
    max_bin : int, default=255
        Most bins of a feature.
    early_stopping_rounds : int or None, default=None
        Stop after so many trees that did not lower the loss of the held-out rows, for each level,
        and keep the trees up to the best; None trains ``n_estimators`` trees on all rows.
    validation_fraction : float, default=0.1
        Share of the customers held out for early stopping where ``fit`` is not told which rows;
        all rows of a customer together where ``X`` is a frame with a level ``customer_id`` in its
        index. See the Notes of :class:`TweedieLGBMRegressor`.
    importance_type : {"gain", "split"}, default="gain"
        What ``feature_importances_`` are shares of: the total gain, or the number of splits.
    n_jobs : int or None, default=1
        Threads; None is 1 (unless in a ``joblib.parallel_config`` context) and -1 all cores.
        1 is fastest below about 100,000 samples and inside a parallel search.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws of ``subsample``, ``colsample_bytree`` and the held-out customers. A seed
        gives the same model for any ``n_jobs``.

    Attributes
    ----------
    levels_ : ndarray of shape (n_levels,)
        All levels, in ascending order.
    boosters_ : list of lightgbm.Booster
        The trees of each of ``levels_``, for a target with a mean of 1.
    scale_ : float
        What the boosters' predictions are multiplied by: the mean of the target.
    categories_ : dict of str to list
        Categories of each categorical column.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Share of the gain or of the splits, in the mean of the levels.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where ``X`` had text as names. ``predict`` refuses other columns or another
        order.

    See Also
    --------
    ZILNLGBMRegressor : Quantiles of any level in closed form, from a law.
    clvkit.calibration.ConformalInterval : Intervals whose coverage is checked on other customers.

    Notes
    -----
    Sorting is the rearrangement of [2]_, which never raises the sum of the pinball losses. There
    is no ``monotone_constraints``: LightGBM refuses them with this loss, for it moves the values of
    leaves to sample quantiles after the tree has grown.

    References
    ----------
    .. [1] R. Koenker, G. Bassett, "Regression quantiles", *Econometrica* 46 (1978) 33-50.
    .. [2] V. Chernozhukov, I. Fernandez-Val, A. Galichon, "Quantile and probability curves without
       crossing", *Econometrica* 78 (2010) 1093-1125.

    Examples
    --------
    >>> import numpy as np
    >>> from clvkit.boosting import QuantileLGBMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((3000, 1))
    >>> spend = np.where(rng.random(3000) < 0.6, rng.gamma(2, 10 * X[:, 0]), 0)
    >>> model = QuantileLGBMRegressor(quantiles=[0.75, 0.9]).fit(X, spend)
    >>> model.levels_
    array([0.5 , 0.75, 0.9 ])
    >>> share = np.mean(spend <= model.predict_quantiles(X)[0.9])
    >>> bool(abs(share - 0.9) < 0.02)
    True
    >>> model.predict_quantiles(X, 0.99)
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: q holds 0.99, outside the levels that were fitted, 0.5 to 0.9. ...
    """

    _parameter_constraints: dict = {
        **BaseLGBMRegressor._parameter_constraints,
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "quantiles": ["array-like"],
    }

    def __init__(
        self,
        *,
        quantile: float = 0.5,
        quantiles: ArrayLike = (0.1, 0.5, 0.9),
        n_estimators: int = 100,
        learning_rate: float = 0.05,
        num_leaves: int = 5,
        min_child_samples: int = 50,
        min_child_weight: float = 1e-3,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        reg_alpha: float = 0.0,
        reg_lambda: float = 10.0,
        max_bin: int = 255,
        early_stopping_rounds: int | None = None,
        validation_fraction: float = 0.1,
        importance_type: str = "gain",
        n_jobs: int | None = 1,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.quantile = quantile
        self.quantiles = quantiles
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.max_bin = max_bin
        self.early_stopping_rounds = early_stopping_rounds
        self.validation_fraction = validation_fraction
        self.importance_type = importance_type
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _fit(self, data: TrainingData) -> None:
        levels = check_levels(self.quantiles, "quantiles")
        self.levels_ = np.unique(np.append(levels, self.quantile))
        self.scale_ = data.mean(data.y)
        relative = data._replace(y=data.y / self.scale_) if self.scale_ > 0 else data
        self.boosters_ = [
            self._train(relative, Objective({"objective": "quantile", "alpha": level}))
            for level in self.levels_.tolist()
        ]

    def _predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        quantiles = self._sorted_quantiles(X)
        return quantiles[:, np.searchsorted(self.levels_, self.quantile)].copy()

    def predict_quantiles(self, X: Any, q: ArrayLike | None = None) -> pd.DataFrame:
        """Predict quantiles of the spend.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The columns of ``fit`` in the same order.
        q : float or array-like of shape (n_levels,), default=None
            Levels; between those that were fitted the quantiles are interpolated. None is all
            that were fitted.

        Returns
        -------
        quantiles : DataFrame of shape (n_samples, n_levels)
            The levels are the column names; values never fall from a level to a higher one.

        Raises
        ------
        ArgumentError
            When a level is outside those that were fitted.
        """
        check_is_fitted(self)
        levels = self.levels_ if q is None else check_levels(q)
        outside = (levels < self.levels_[0]) | (levels > self.levels_[-1])
        if outside.any():
            raise ArgumentError(
                f"q holds {levels[outside][0]:g}, outside the levels that were fitted, "
                f"{self.levels_[0]:g} to {self.levels_[-1]:g}. Add it to quantiles and fit again."
            )
        fitted = self._sorted_quantiles(self._check_X(X))
        quantiles = interpolate(levels, self.levels_, fitted)
        return pd.DataFrame(quantiles, columns=levels.tolist(), index=index_of(X))

    def predict_contributions(self, X: Any) -> pd.DataFrame:
        """Split the quantile of the level ``quantile`` into what the features add (TreeSHAP).

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The columns of ``fit`` in the same order.

        Returns
        -------
        contributions : DataFrame of shape (n_samples, n_features + 1)
            One column for each feature and ``base_value``, in the unit of the target. The sum of a
            row is ``predict(X)`` but for sorting and the bound at 0.
        """
        check_is_fitted(self)
        booster = self.boosters_[int(np.searchsorted(self.levels_, self.quantile))]
        return self._contributions(booster, X, factor=self.scale_)

    def _boosters(self) -> list[Any]:
        return self.boosters_

    def _sorted_quantiles(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        raw = np.column_stack([self._booster_predict(booster, X) for booster in self.boosters_])
        return self.scale_ * np.sort(np.maximum(raw, 0.0), axis=1)
