"""What the LightGBM regressors share: parameters, the door for X, training, prediction."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from clvkit.boosting._categories import encode, learn_categories
from clvkit.errors import TargetError
from clvkit.utils._imports import try_import

__all__ = ["BaseLGBMRegressor", "TrainingData"]


class TrainingData(NamedTuple):
    """Checked rows of positive weight: float features, target, weights."""

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    weight: NDArray[np.float64]


class BaseLGBMRegressor(RegressorMixin, BaseEstimator):
    """Base of the boosting regressors; think twice before adding to it.

    A subclass names its parameters in its own ``__init__`` (scikit-learn reads them there) and
    in ``fit`` goes through ``_check_training``, one or more calls of ``_train`` with a LightGBM
    objective, and ``_check_X`` in ``predict``.
    """

    _parameter_constraints: dict = {
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "num_leaves": [Interval(Integral, 2, 131_072, closed="both")],
        "min_child_samples": [Interval(Integral, 1, None, closed="left")],
        "min_child_weight": [Interval(Real, 0, None, closed="neither")],
        "subsample": [Interval(Real, 0, 1, closed="right")],
        "colsample_bytree": [Interval(Real, 0, 1, closed="right")],
        "reg_alpha": [Interval(Real, 0, None, closed="left")],
        "reg_lambda": [Interval(Real, 0, None, closed="left")],
        "max_bin": [Interval(Integral, 2, 65_535, closed="both")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = True
        return tags

    def _check_training(self, X: Any, y: Any, sample_weight: Any) -> TrainingData:
        """Check the input of ``fit`` once, and remember columns and categories.

        Weights are scaled to a mean of 1, so that ``reg_lambda`` and ``min_child_weight`` keep
        their meaning whatever the unit of the weights.
        """
        self.categories_ = learn_categories(X)
        encoded = encode(X, self.categories_)
        X, y = validate_data(
            self,
            encoded,
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            y_numeric=True,
        )
        y = y.astype(np.float64, copy=False)
        if (negative := y < 0).any():
            raise TargetError(
                f"y holds {negative.sum()} negative values, such as {y[negative][0]:g}, and "
                f"{type(self).__name__} needs 0 or more. Make the samples with floor=0.0, which "
                "counts net refunds as no spend."
            )
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        used = weight > 0
        if not used.any():
            raise ValueError("sample_weight is 0 in every row: no sample is left to fit on.")
        return TrainingData(X[used], y[used], weight[used] / weight[used].mean())

    def _check_X(self, X: Any) -> NDArray[np.float64]:
        """Check the input of ``predict`` against what ``fit`` saw."""
        check_is_fitted(self)
        return validate_data(
            self,
            encode(X, self.categories_),
            reset=False,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
        )

    def _train(self, data: TrainingData, objective: dict[str, Any]) -> Any:
        """Train a booster on ``data`` for a LightGBM objective with its parameters."""
        lightgbm = _lightgbm()
        params = {**self._lightgbm_params(len(data.y)), **objective}
        rows = lightgbm.Dataset(
            data.X,
            label=data.y,
            weight=data.weight,
            categorical_feature=self._categorical_positions(),
            params=params,
        )
        return lightgbm.train(params, rows, num_boost_round=self.n_estimators)

    def _booster_predict(self, booster: Any, X: NDArray[np.float64]) -> NDArray[np.float64]:
        return booster.predict(X, num_threads=effective_n_jobs(self.n_jobs))

    def _importances(self, booster: Any) -> NDArray[np.float64]:
        """Return the share of the total gain that each feature brought; zeros without a split."""
        gain = booster.feature_importance("gain")
        return gain / max(gain.sum(), np.finfo(float).tiny)

    def _lightgbm_params(self, n_samples: int) -> dict[str, Any]:
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return {
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": _leaf_size(self.min_child_samples, n_samples),
            "min_sum_hessian_in_leaf": self.min_child_weight,
            "bagging_fraction": self.subsample,
            "bagging_freq": int(self.subsample < 1),
            "feature_fraction": self.colsample_bytree,
            "lambda_l1": self.reg_alpha,
            "lambda_l2": self.reg_lambda,
            "max_bin": self.max_bin,
            "min_data_in_bin": min(3, _leaf_size(self.min_child_samples, n_samples)),
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": effective_n_jobs(self.n_jobs),
            "verbosity": -1,
        }

    def _categorical_positions(self) -> list[int]:
        names = list(getattr(self, "feature_names_in_", []))
        return [names.index(column) for column in self.categories_]


def _leaf_size(min_child_samples: int, n_samples: int) -> int:
    """Return the least number of rows in a leaf, at most a twentieth of the rows.

    Defaults for thousands of customers would leave a model of a hundred without a single split.
    """
    return max(1, min(min_child_samples, n_samples // 20))


def _lightgbm() -> Any:
    return try_import(
        "lightgbm",
        install="pip install lightgbm; on Linux also its system library: apt-get install "
        "libgomp1 (Debian, Ubuntu) or dnf install libgomp (Fedora)",
        purpose="fit and predict with a boosting model",
    )
