"""Covariates of customers as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted, validate_data

from clvkit.errors import ArgumentError
from clvkit.features._view import Floats
from clvkit.history import history_columns

__all__ = ["CovariateEncoder"]

#: What pandas calls objects that are numbers.
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")


class CovariateEncoder(TransformerMixin, BaseEstimator):
    """Turn columns of any kind into one float column each.

    Numbers (decimals, too) and booleans are passed through, dates become days since 1970 and
    durations days, and everything else (text, categories, mixed objects) becomes the position of
    its text among the sorted ones seen in fit, where 1 and 1.0 are the same. Values that are
    missing or were not seen in fit are NaN. Trees can work with such codes; a linear model wants
    a ``OneHotEncoder``. Columns of histories are no covariates and are left out.

    Attributes
    ----------
    categories_ : dict of str to list of str
        Column name -> its values as text, in the order of their codes.
    columns_ : list of str
        The columns that are encoded: all but those of histories.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str objects
        Names of the columns.

    Raises
    ------
    TypeError
        By ``fit`` and ``transform``, when ``X`` is no DataFrame.
    ArgumentError
        By both, when columns of ``X`` have the same name.

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
        _check_container(X)
        validate_data(self, X, skip_check_array=True)
        histories = history_columns(X)
        self.columns_ = [name for name in X.columns if name not in histories]
        texts = {name: _as_text(X[name]) for name in self.columns_ if _as_numbers(X[name]) is None}
        self.categories_ = {
            name: sorted(text[text.notna()].unique().tolist()) for name, text in texts.items()
        }
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return one float column for each column that holds no histories.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_features_out)
        """
        check_is_fitted(self)
        _check_container(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        encoded = np.empty((len(X), len(self.columns_)), order="F")
        for j, name in enumerate(self.columns_):
            known = self.categories_.get(name)
            encoded[:, j] = _read_numbers(X[name]) if known is None else _codes(X[name], known)
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
        return np.array(self.columns_, dtype=object)


def _check_container(X: Any) -> None:
    if not isinstance(X, pd.DataFrame):
        raise TypeError(
            f"covariates are taken by name: X must be a pandas DataFrame, got {type(X).__name__}."
        )
    repeated = X.columns[X.columns.duplicated()].unique().tolist()
    if repeated:
        raise ArgumentError(
            f"X has several columns of the same name: {repeated}. Rename them, or keep the first "
            "of each: X.loc[:, ~X.columns.duplicated()]."
        )


def _as_numbers(column: pd.Series) -> Floats | None:
    """Return numbers, dates and durations as floats, and None for what is none of them."""
    types = pd.api.types
    if types.is_datetime64_any_dtype(column):
        return _days(column.dt.tz_localize(None) - pd.Timestamp(0))
    if types.is_timedelta64_dtype(column):
        return _days(column)
    if types.is_numeric_dtype(column):
        return pd.to_numeric(column).to_numpy(np.float64, na_value=np.nan)
    if types.is_object_dtype(column):
        return _objects_as_numbers(column)
    return None


def _objects_as_numbers(column: pd.Series) -> Floats | None:
    """Read objects that are all numbers, all dates or all durations."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in _NUMBERS:
        return column.where(column.notna(), np.nan).to_numpy(np.float64)
    if kind in ("date", "datetime"):
        dates = pd.to_datetime(column, errors="coerce")
        return _days(dates.dt.tz_localize(None) - pd.Timestamp(0))
    if kind in ("timedelta", "timedelta64"):
        return _days(pd.to_timedelta(column))
    return None


def _read_numbers(column: pd.Series) -> Floats:
    """Return numbers, reading them from text if need be; anything else is NaN."""
    values = _as_numbers(column)
    if values is None:
        numbers = pd.to_numeric(column.astype(object), errors="coerce")
        values = numbers.to_numpy(np.float64, na_value=np.nan)
    return values


def _days(spans: Any) -> Floats:
    return np.asarray(spans / pd.Timedelta(days=1), dtype=np.float64)


def _as_text(column: pd.Series) -> pd.Series:
    """Return the values as text; what is missing stays missing."""
    types = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype) or types.is_numeric_dtype(column):
        codes, values = pd.factorize(column)
        texts = np.array([*map(_text_of, values), None], dtype=object)
        return pd.Series(texts[codes], index=column.index, dtype=object)
    objects: Any = column.astype(object)
    return objects.where(objects.isna(), objects.astype(str))


def _text_of(value: Any) -> str:
    """Return a value as text, 1.0 like 1: pandas makes floats of integers where one is missing."""
    is_whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
    return str(int(value)) if is_whole else str(value)


def _codes(column: pd.Series, categories: list[str]) -> Floats:
    known = pd.Index(categories, dtype=object)
    codes = known.get_indexer(pd.Index(_as_text(column), dtype=object)).astype(np.float64)
    codes[codes < 0] = np.nan
    return codes
