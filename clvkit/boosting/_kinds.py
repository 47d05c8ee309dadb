"""Refusal of columns that are no numbers, before NumPy says so in words of its own.

Dates and durations are refused as well, though NumPy would cast some of them: a count of
nanoseconds since 1970 is no feature that anybody means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

__all__ = ["check_kinds", "check_other_kinds"]

_TEXT, _DATES, _CATEGORIES = "text", "dates or durations", "categories"


def check_kinds(X: pd.DataFrame) -> None:
    """Raise a ValueError where columns without a category dtype are no numbers."""
    kinds = {} if X.empty else {column: _kind(values) for column, values in X.items()}
    _refuse(kinds, lambda column: X[column].iloc[0], "X.astype")


def check_other_kinds(X: Any) -> None:
    """Raise a ValueError where columns of a Polars or Arrow table, or an array, are no numbers."""
    if isinstance(X, np.ndarray):
        if X.dtype.kind in "mM":
            raise ValueError(
                f"X is an array of {X.dtype}. Turn dates and durations into numbers first, such as "
                "days before the cutoff."
            )
        return
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame) and len(frame):
        kinds = {column: _kind_of_dtype(dtype) for column, dtype in frame.schema.items()}
        _refuse(kinds, lambda column: frame[column][0], "X.to_pandas().astype")


def _kind(values: pd.Series) -> str:
    types = pd.api.types
    if types.is_string_dtype(values):
        return _TEXT
    if types.is_numeric_dtype(values) or types.is_bool_dtype(values):
        return ""
    dtype = values.dtype
    if getattr(dtype, "kind", "") in "mM" or isinstance(dtype, pd.PeriodDtype):
        return _DATES
    try:
        np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return "values that are no numbers"
    return ""


def _kind_of_dtype(dtype: nw.dtypes.DType) -> str:
    if dtype.is_numeric() or dtype in (nw.Boolean, nw.Unknown):
        return ""
    if dtype in (nw.Categorical, nw.Enum):
        return _CATEGORIES
    if dtype.is_temporal():
        return _DATES
    return _TEXT if dtype == nw.String else f"values of type {dtype}"


def _refuse(kinds: Mapping[Any, str], example: Any, cast: str) -> None:
    odd = [column for column, kind in kinds.items() if kind]
    if not odd:
        return
    column, kind = odd[0], kinds[odd[0]]
    alike = [column for column in odd if kinds[column] == kind]
    if kind == _DATES:
        remedy = "Turn them into numbers, such as days before the cutoff."
    elif kind in (_TEXT, _CATEGORIES):
        remedy = (
            f"Make them categorical, {cast}({{{column!r}: 'category'}}), or encode them as numbers."
        )
    else:
        remedy = "Leave them out, or encode them as numbers."
    raise ValueError(
        f"{len(alike)} columns hold {kind}, such as {column!r} with {example(column)!r}. {remedy}"
    )
