"""Any regressor, made fit for spend: a heavy tail, never negative, the total kept."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

from clvkit.errors import TargetError

__all__ = ["SpendRegressor"]


class SpendRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Fit any regressor to spend: never negative, the total of the training samples kept.

    Put it around a regressor that minimises squared errors, or knows nothing of zeros and heavy
    tails. With ``log=True`` it fits ``log(1 + y / mean(y))``, so that a few large customers do
    not decide the fit of a linear model, a network or a support vector machine. Regressors made
    for spend, such as :class:`~clvkit.boosting.TweedieLGBMRegressor`, do not need it.

    The exponential of an expected logarithm is too small, so predictions are multiplied by the
    one factor that gives the training samples their total. It changes no ranking. Before that
    they are kept between ``least`` and the largest target of training, which holds linear models
    where they extrapolate: nobody is expected to spend nothing at all.

    Parameters
    ----------
    regressor : estimator
        Any regressor.
    log : bool, default=False
        Whether to fit the logarithm.
    least : float, default=0.05
        Least prediction, relative to the mean of the target.

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor, for the target relative to its mean.
    mean_ : float
        Mean of the target.
    largest_ : float
        Largest target, relative to the mean.
    scale_ : float
        What predictions relative to the mean are multiplied by.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where ``X`` had text as names.

    Raises
    ------
    TargetError
        At fit, if ``y`` holds negative values.

    See Also
    --------
    sklearn.compose.TransformedTargetRegressor : Transforms a target; the total is its own affair.

    References
    ----------
    Duan (1983), Smearing Estimate: A Nonparametric Retransformation Method, Journal of the
    American Statistical Association 78(383): why the exponential of a fitted logarithm is not
    the mean; one factor is its estimate for errors that do not depend on X.

    Examples
    --------
    >>> import numpy as np
    >>> from clvkit.model_selection import SpendRegressor
    >>> from sklearn.linear_model import Ridge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.gamma(2, size=(2000, 3))
    >>> spend = np.where(rng.random(2000) < 0.3, rng.gamma(1, 20 * X[:, 0]), 0)
    >>> model = SpendRegressor(Ridge(), log=True).fit(X, spend)
    >>> bool(np.isclose(model.predict(X).sum(), spend.sum())), bool(model.predict(X).min() >= 0)
    (True, True)
    >>> model.fit(X, spend - 50)
    Traceback (most recent call last):
        ...
    clvkit.errors.TargetError: y holds ... negative values, such as -50, and ... needs 0 or more...
    """

    _parameter_constraints: dict = {
        "regressor": [HasMethods(["fit", "predict"])],
        "log": ["boolean"],
        "least": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(self, regressor: Any, *, log: bool = False, least: float = 0.05) -> None:
        self.regressor = regressor
        self.log = log
        self.least = least

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SpendRegressor:
        """Fit the regressor, and the factor that keeps the total.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Spend in the horizon, 0 or more.
        sample_weight : array-like of shape (n_samples,), default=None
            For the regressor where it takes weights, and for the total.

        Returns
        -------
        self
        """
        X, y = validate_data(self, X, y, dtype=None, ensure_all_finite=False, y_numeric=True)
        y = y.astype(np.float64, copy=False)
        if (negative := y < 0).any():
            raise TargetError(
                f"y holds {negative.sum()} negative values, such as {y[negative][0]:g}, and "
                f"{type(self).__name__} needs 0 or more. Make the samples with floor=0.0, which "
                "counts net refunds as no spend."
            )
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        self.mean_ = float(np.average(y, weights=weight))
        relative = y / self.mean_ if self.mean_ > 0 else y
        self.largest_ = float(relative.max())
        weighted = sample_weight is not None and has_fit_parameter(self.regressor, "sample_weight")
        extra = {"sample_weight": weight} if weighted else {}
        target = np.log1p(relative) if self.log else relative
        self.regressor_ = clone(self.regressor).fit(X, target, **extra)
        fitted = float(np.average(self._relative(X), weights=weight))
        # Where nobody spends anything the mean is 0, and so is every prediction.
        self.scale_ = self.mean_ / fitted if fitted > 0 else self.mean_
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predict the expected spend.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=None, ensure_all_finite=False)
        return self.scale_ * self._relative(X)

    def _relative(self, X: Any) -> NDArray[np.float64]:
        """Return predictions relative to the mean, from the least to the largest target."""
        fitted = np.asarray(self.regressor_.predict(X), dtype=np.float64)
        if self.log:
            fitted = np.expm1(np.minimum(fitted, np.log1p(self.largest_)))
        return np.maximum(np.minimum(fitted, self.largest_), self.least)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        tags.input_tags.allow_nan = get_tags(self.regressor).input_tags.allow_nan
        return tags
