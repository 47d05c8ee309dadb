"""Covariates of customers as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted, validate_data

from clvkit.features._view import Floats

__all__ = ["CovariateEncoder"]


class CovariateEncoder(TransformerMixin, BaseEstimator):
    """Turn columns of any kind into one float column each.

    Numbers and booleans are passed through, dates become days since 1970, and everything else
    (text, categories, objects) becomes the position of its text among the sorted ones seen in
    fit. Values that are missing or were not seen in fit are NaN. Trees can work with such codes;
    a linear model wants a ``OneHotEncoder``.

    Attributes
    ----------
    categories_ : dict of str to list of str
        Column name -> its values as text, in the order of their codes.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str objects
        Names of the columns; these are the names of the features, too.

    Raises
    ------
    TypeError
        By ``fit`` and ``transform``, when ``X`` is no DataFrame.

    See Also
    --------
    default_features : uses it for the columns beside the history.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.features import CovariateEncoder
    >>> X = pd.DataFrame({"age": [31, 47], "country": ["NL", "DE"]})
    >>> encoder = CovariateEncoder().fit(X)
    >>> encoder.transform(pd.DataFrame({"age": [50, None], "country": ["NL", "FR"]}))
    array([[50.,  1.],
           [nan, nan]])
    >>> encoder.transform([[50, "NL"]])
    Traceback (most recent call last):
        ...
    TypeError: covariates are taken by name: X must be a pandas DataFrame, got list.
    """

    _parameter_constraints: dict = {}

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: pd.DataFrame, y: Any = None):
        """Learn the values of the columns that are not numbers.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        self
        """
        _refuse_other_containers(X)
        validate_data(self, X, skip_check_array=True)
        texts = {name: _as_text(X[name]) for name in X.columns if not _is_numeric(X[name])}
        self.categories_ = {
            name: sorted(text[text.notna()].unique().tolist()) for name, text in texts.items()
        }
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return one float column for each column.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        _refuse_other_containers(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        encoded = np.empty(X.shape, order="F")
        for j, name in enumerate(X.columns):
            known = self.categories_.get(name)
            encoded[:, j] = _as_numbers(X[name]) if known is None else _codes(X[name], known)
        return encoded

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        return self.feature_names_in_


def _refuse_other_containers(X: Any) -> None:
    if not isinstance(X, pd.DataFrame):
        raise TypeError(
            f"covariates are taken by name: X must be a pandas DataFrame, got {type(X).__name__}."
        )


def _is_numeric(column: pd.Series) -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)


def _as_numbers(column: pd.Series) -> Floats:
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.tz_localize(None)
        return np.asarray((column - pd.Timestamp(0)) / pd.Timedelta(days=1), dtype=np.float64)
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _as_text(column: pd.Series) -> pd.Series:
    """Return the values as text; what is missing stays missing."""
    values = column.astype(object)
    return values.where(values.isna(), values.astype(str))


def _codes(column: pd.Series, categories: list[str]) -> Floats:
    known = pd.Index(categories, dtype=object)
    codes = known.get_indexer(pd.Index(_as_text(column), dtype=object)).astype(np.float64)
    codes[codes < 0] = np.nan
    return codes
