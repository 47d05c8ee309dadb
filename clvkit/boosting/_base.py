"""What the LightGBM regressors share: parameters, the door for X, training, prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from clvkit.boosting._categories import encode, learn_categories
from clvkit.boosting._held_out import held_out_mask, held_out_share
from clvkit.boosting._monotone import constraint_list
from clvkit.boosting._training_data import Objective, TrainingData
from clvkit.errors import ArgumentError, TargetError
from clvkit.utils._deadline import check_deadline
from clvkit.utils._imports import try_import

__all__ = [
    "TREE_CONSTRAINTS",
    "BaseLGBMRegressor",
    "index_of",
    "log_of",
]

FloatArray = NDArray[np.float64]

#: How the trees grow, with what is allowed; a model of several parts may set these for each.
TREE_CONSTRAINTS: dict[str, list[Any]] = {
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
}


class BaseLGBMRegressor(RegressorMixin, BaseEstimator):
    """Base of the boosting regressors; think twice before adding to it.

    A subclass names its parameters in its own ``__init__``, where scikit-learn reads them and a
    user looks them up, and says in ``_fit`` how checked rows become boosters (by one or more calls
    of ``_train`` with an objective), in ``_predict`` how those predict, and in ``_boosters`` which
    they are.
    """

    _parameter_constraints: dict = {
        **TREE_CONSTRAINTS,
        "early_stopping_rounds": [None, Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "importance_type": [StrOptions({"gain", "split"})],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_rows: ArrayLike | None = None,
    ) -> Self:
        """Fit the trees.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Numeric features; NaN is allowed and treated as a value of its own. In a pandas
            DataFrame columns of dtype ``category`` are split by sets of categories.
        y : array-like of shape (n_samples,)
            Spend in the horizon, 0 or more. Where nobody spends, zeros are predicted.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; only their ratios matter, and rows of weight 0 are left out. They weigh the
            loss and not the number of samples in a leaf: a weight of 2 is near but not equal to
            a repeated row.
        validation_rows : array-like of bool of shape (n_samples,), or of int, default=None
            Mask or positions of the rows that early stopping is judged on; they grow no tree.

        Returns
        -------
        self

        Raises
        ------
        TargetError
            When ``y`` holds negative values.
        ArgumentError
            When ``validation_rows``, or a parameter about features or levels, cannot be used.
        UnknownNameError
            When a parameter names a feature that ``X`` does not have, or a setting that there is
            not.
        NotInstalledError
            When LightGBM or its system library ``libgomp`` is missing.
        """
        self._fit(self._check_training(X, y, sample_weight, validation_rows))
        return self

    def predict(self, X: Any) -> FloatArray:
        """Predict the spend: its expectation, or the quantile that a quantile model is for.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The columns of ``fit`` in the same order. Categories that ``fit`` did not see count
            as missing.

        Returns
        -------
        spend : ndarray of shape (n_samples,)
            In the unit of the target.
        """
        return self._predict(self._check_X(X))

    @property
    def feature_importances_(self) -> FloatArray:
        """Share of the total gain, or of the splits, that each feature brought."""
        check_is_fitted(self)
        return self._importances(self._boosters())

    def _fit(self, data: TrainingData) -> None:
        raise NotImplementedError

    def _predict(self, X: FloatArray) -> FloatArray:
        raise NotImplementedError

    def _boosters(self) -> list[Any]:
        raise NotImplementedError

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = True
        return tags

    def _check_training(
        self, X: Any, y: Any, sample_weight: Any, validation_rows: ArrayLike | None
    ) -> TrainingData:
        """Check the input of ``fit`` once, and remember columns and categories.

        Weights are scaled to a mean of 1, so that ``reg_lambda`` and ``min_child_weight`` keep
        their meaning whatever the unit of the weights.
        """
        self.categories_ = learn_categories(X)
        values, y = validate_data(
            self,
            encode(X, self.categories_),
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
        weight = _check_sample_weight(
            sample_weight, values, dtype=np.float64, ensure_non_negative=True
        )
        used = weight > 0
        if not used.any():
            raise ValueError("sample_weight is 0 in every row: no sample is left to fit on.")
        held_out = self._held_out(X, len(y), validation_rows)
        return TrainingData(values, y, weight / weight[used].mean(), held_out).take(used)

    def _held_out(
        self, X: Any, n_samples: int, validation_rows: ArrayLike | None
    ) -> NDArray[np.bool_]:
        if self.early_stopping_rounds is None:
            if validation_rows is not None:
                raise ArgumentError(
                    "validation_rows are for early stopping, and early_stopping_rounds is None. "
                    "Set it, such as early_stopping_rounds=20, or leave validation_rows out."
                )
            return np.zeros(n_samples, dtype=bool)
        if validation_rows is not None:
            return held_out_mask(validation_rows, n_samples)
        random_state = check_random_state(self.random_state)
        return held_out_share(X, n_samples, self.validation_fraction, random_state)

    def _check_X(self, X: Any) -> FloatArray:
        """Check the input of ``predict`` against what ``fit`` saw."""
        check_is_fitted(self)
        return validate_data(
            self,
            encode(X, self.categories_),
            reset=False,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
        )

    def _train(
        self,
        data: TrainingData,
        objective: Objective,
        overrides: Mapping[str, Any] | None = None,
    ) -> Any:
        """Train a booster; it ends at the best tree for the held-out rows where there are any."""
        lightgbm = _lightgbm()
        fit, check = data.take(~data.held_out), data.take(data.held_out)
        params = {**self._lightgbm_params(len(fit.y), overrides or {}), **objective.params}

        n_trees = params.pop("num_iterations")
        rows = lightgbm.Dataset(
            **_columns(fit, objective),
            categorical_feature=self._categorical_positions(),
            params=params,
        )
        if objective.gradients is not None:
            params = {**params, "objective": objective.gradients(fit), "metric": "None"}
            if not _splittable(rows, self.n_features_in_):
                # LightGBM fails with an objective of the caller's then. One of its own that has
                # as many outputs ends at once, with trees that add nothing to the start.
                params["objective"] = "multiclass"
                rows.set_label(np.zeros_like(fit.y))
        if not len(check.y):
            return lightgbm.train(params, rows, n_trees, callbacks=[_stop_when_out_of_time])
        return lightgbm.train(
            params,
            rows,
            n_trees,
            valid_sets=[rows.create_valid(**_columns(check, objective))],
            feval=None if objective.loss is None else objective.loss(check),
            callbacks=[
                _stop_when_out_of_time,
                lightgbm.early_stopping(self.early_stopping_rounds, verbose=False),
            ],
        )

    def _booster_predict(self, booster: Any, X: FloatArray, **options: Any) -> FloatArray:
        return booster.predict(X, num_threads=effective_n_jobs(self.n_jobs), **options)

    def _importances(self, boosters: Sequence[Any]) -> FloatArray:
        """Return each feature's share of the gain or of the splits, in the mean of the boosters.

        A booster without a split has no say; zeros where none has one.
        """
        tiny = np.finfo(float).tiny
        parts = [booster.feature_importance(self.importance_type) for booster in boosters]
        total = np.sum([part / max(part.sum(), tiny) for part in parts], axis=0)
        return total / max(total.sum(), tiny)

    def _contributions(
        self,
        booster: Any,
        X: Any,
        *,
        output: int = 0,
        factor: float = 1.0,
        shift: float = 0.0,
    ) -> pd.DataFrame:
        """Return TreeSHAP of one raw output as a frame; ``factor * output + shift`` is split up."""
        table = self._booster_predict(booster, self._check_X(X), pred_contrib=True)
        columns = [*map(str, self._feature_names()), "base_value"]
        width = len(columns)
        table = factor * table[:, output * width : (output + 1) * width]
        table[:, -1] += shift
        return pd.DataFrame(table, columns=columns, index=index_of(X))

    def _feature_names(self) -> Sequence[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{i}" for i in range(self.n_features_in_)] if names is None else list(names)

    def _lightgbm_params(self, n_samples: int, overrides: Mapping[str, Any]) -> dict[str, Any]:
        trees = {name: getattr(self, name) for name in TREE_CONSTRAINTS} | dict(overrides)
        leaf = _leaf_size(trees["min_child_samples"], n_samples)
        params = {
            "num_iterations": trees["n_estimators"],
            "learning_rate": trees["learning_rate"],
            "num_leaves": trees["num_leaves"],
            "min_data_in_leaf": leaf,
            "min_sum_hessian_in_leaf": trees["min_child_weight"],
            "bagging_fraction": trees["subsample"],
            "bagging_freq": int(trees["subsample"] < 1),
            "feature_fraction": trees["colsample_bytree"],
            "lambda_l1": trees["reg_alpha"],
            "lambda_l2": trees["reg_lambda"],
            "max_bin": trees["max_bin"],
            "min_data_in_bin": min(3, leaf),
            "seed": check_random_state(self.random_state).randint(np.iinfo(np.int32).max),
            "deterministic": True,
            # Each histogram is summed by one thread, in the order of the rows: no sum depends
            # on the number of threads.
            "force_col_wise": True,
            "num_threads": effective_n_jobs(self.n_jobs),
            "verbosity": -1,
        }
        return params | self._monotone_params()

    def _monotone_params(self) -> dict[str, Any]:
        names = getattr(self, "feature_names_in_", None)
        constraints = constraint_list(
            getattr(self, "monotone_constraints", None),
            None if names is None else list(names),
            self.n_features_in_,
            list(self.categories_),
        )
        return {} if constraints is None else {"monotone_constraints": constraints}

    def _categorical_positions(self) -> list[int]:
        names = list(getattr(self, "feature_names_in_", []))
        return [names.index(column) for column in self.categories_]


def _stop_when_out_of_time(round_of_boosting: Any) -> None:
    """Give up between two trees where a search has no more time for this fit."""
    check_deadline()


def index_of(X: Any) -> pd.Index | None:
    """Return the index of a pandas frame; None for other containers."""
    return X.index if isinstance(X, pd.DataFrame) else None


def log_of(scale: float) -> float:
    """Return the logarithm of a factor; minus infinity, without a warning, of 0."""
    return float(np.log(scale)) if scale > 0 else -np.inf


def _columns(data: TrainingData, objective: Objective) -> dict[str, Any]:
    """Return rows as the arguments of a LightGBM data set."""
    start = data.start
    if objective.start is not None:
        start = np.tile(objective.start, (len(data.y), 1))
    return {
        "data": data.X,
        "label": data.y,
        "weight": data.weight,
        "init_score": start,
    }


def _splittable(rows: Any, n_features: int) -> bool:
    """Tell whether LightGBM found two bins in any of the features."""
    rows.construct()
    return any(rows.feature_num_bin(feature) > 1 for feature in range(n_features))


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
