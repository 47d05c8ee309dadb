"""Categorical columns of a frame as codes, by the categories that ``fit`` saw.

Categories are remembered by column name and by value, not by the codes that a frame happens to
use: the same country has the same code whatever other countries a later frame knows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.boosting._kinds import check_kinds, check_other_kinds

__all__ = ["Categories", "encode", "learn_categories"]

#: Column name -> categories, in the order of their codes.
Categories = dict[str, list[Any]]


def learn_categories(X: Any) -> Categories:
    """Return the categories of the columns of dtype ``category``; none for other containers.

    Raises
    ------
    TypeError
        When categories are neither text, numbers nor booleans, such as intervals, or columns
        with categories have no text as name.
    ValueError
        When two columns with categories have one name.
    """
    if not isinstance(X, pd.DataFrame):
        return {}
    columns = _categorical_columns(X)
    for column in columns:
        if not isinstance(column, str):
            raise TypeError(
                f"The categorical column {column!r} has no text as name, and categories are "
                "remembered by name. Rename it first: X.columns = X.columns.astype(str)."
            )
        if (count := list(X.columns).count(column)) > 1:
            raise ValueError(f"{count} columns are named {column!r}. Give each its own name.")
    return {column: _categories_of(X[column]) for column in columns}


def encode(X: Any, categories: Categories) -> Any:
    """Return ``X`` with categories as float codes; NaN for missing and unseen ones.

    Raises
    ------
    TypeError
        When ``X`` is no DataFrame although categories were learnt from one.
    ValueError
        When a column holds text, dates or anything else that is no number, or is categorical now
        and was not when the model was fitted.
    """
    if not isinstance(X, pd.DataFrame):
        if categories:
            raise TypeError(
                f"X must be a pandas DataFrame, got {type(X).__name__}: the columns "
                f"{sorted(categories)} were categorical when the model was fitted, and codes "
                "without names would be guesses."
            )
        check_other_kinds(X)
        return X
    _check_columns(X, categories)
    present = [column for column in categories if column in X.columns]
    return X.assign(**{column: _codes(X[column], categories[column]) for column in present})


def _categorical_columns(X: pd.DataFrame) -> list[Any]:
    return [column for column, dtype in X.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]


def _categories_of(column: pd.Series) -> list[Any]:
    values = column.cat.categories.to_numpy().tolist()
    odd = [value for value in values if not isinstance(value, (str, bool, int, float))]
    if odd:
        raise TypeError(
            f"Column {column.name!r} has {len(odd)} categories that are neither text nor "
            f"numbers, such as {odd[0]!r}. Rename them first: "
            f"X[{column.name!r}].cat.rename_categories(str)."
        )
    return values


def _check_columns(X: pd.DataFrame, categories: Categories) -> None:
    new = [column for column in _categorical_columns(X) if column not in categories]
    if new:
        raise ValueError(
            f"{len(new)} columns are categorical that were not when the model was fitted, such "
            f"as {new[0]!r}. Give the columns the dtypes that they had then."
        )
    check_kinds(X.drop(columns=list(categories), errors="ignore"))


def _codes(column: pd.Series, categories: list[Any]) -> NDArray[np.float64]:
    """Return positions in ``categories``; works by value, so any dtype of the column will do."""
    values = column.astype("category").cat
    # One place more, for the code -1 of a missing value.
    known = np.append(pd.Index(categories).get_indexer(values.categories), -1)
    codes = known[values.codes.to_numpy()].astype(float)
    return np.where(codes < 0, np.nan, codes)
