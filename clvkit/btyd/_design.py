"""Reading covariates from a summary into a matrix of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.btyd._summary import COLUMNS
from clvkit.errors import SummaryError, UnknownNameError

__all__ = [
    "columns_of",
    "covariate_names",
    "join_covariates",
    "learn_levels",
    "one_row",
    "read_design",
]

Array = NDArray[np.float64]
Levels = dict[str, list[str]]


def covariate_names(model: Any) -> list[str]:
    """Return the columns that a model reads beside its summary, of whatever process."""
    covariates = getattr(model, "covariates", None)
    if covariates is None:
        return []
    chosen = covariates.values() if isinstance(covariates, Mapping) else [covariates]
    return list(dict.fromkeys(name for names in chosen for name in names))


def join_covariates(summary: pd.DataFrame, X: pd.DataFrame, model: Any) -> pd.DataFrame:
    """Add the static covariates of a model to a summary of histories, and the model's unit.

    Raises
    ------
    UnknownNameError
        When X has no such column.
    """
    names = covariate_names(model)
    missing = [name for name in names if name not in getattr(X, "columns", ())]
    if missing:
        raise UnknownNameError(
            f"X has no column {missing[0]!r}, which {type(model).__name__} names as a covariate. "
            "Give the door a covariates table."
        )
    for name in names:
        summary[name] = X[name]
    summary.attrs["time_unit"] = model.time_unit
    return summary


def one_row(covariates: Any) -> Any:
    """Return a mapping of single values as a frame of one row; anything else as it is."""
    if not isinstance(covariates, Mapping):
        return covariates
    return pd.DataFrame({name: np.atleast_1d(value) for name, value in covariates.items()})


def learn_levels(summary: Any, names: list[str]) -> Levels:
    """Return the categories of each covariate in ascending order; none for numbers.

    Parameters
    ----------
    summary : DataFrame or array-like
        An array has covariates behind its four columns, as numbers, in the order of ``names``.
    names : list of str

    Returns
    -------
    dict of lists of str
    """
    levels: Levels = {}
    for name, values in _read(summary, names).items():
        numeric = pd.api.types.is_numeric_dtype(values.dtype)
        levels[name] = [] if numeric else sorted(set(values.astype(str)))
    return levels


def columns_of(levels: Levels) -> list[tuple[str, str]]:
    """Return (covariate, column of the design): one a category but the first, or itself."""
    return [
        (name, column)
        for name, known in levels.items()
        for column in ([f"{name}={level}" for level in known[1:]] if known else [name])
    ]


def read_design(summary: Any, levels: Levels) -> Array:
    """Return the covariates as a matrix with the columns of :func:`columns_of`.

    Raises
    ------
    UnknownNameError
        When a covariate is not there.
    SummaryError
        When a value is missing or infinite, or is no category that the model was fitted on.
    """
    read = _read(summary, list(levels))
    parts = [
        _indicators(name, values, levels[name]) if levels[name] else _numbers(name, values)[:, None]
        for name, values in read.items()
    ]
    return np.hstack(parts) if parts else np.zeros((len(summary), 0))


def _read(summary: Any, names: list[str]) -> dict[str, pd.Series]:
    if not names:
        return {}
    if hasattr(summary, "columns"):
        missing = [name for name in names if name not in summary.columns]
        if missing:
            raise UnknownNameError(
                f"The summary has no column {missing[0]!r}, which is named as a covariate; it has "
                f"{list(map(str, summary.columns))}. Join it to the summary, or leave it out of "
                "covariates."
            )
        columns = {name: pd.Series(summary[name]).reset_index(drop=True) for name in names}
    else:
        columns = _read_array(summary, names)
    for name, values in columns.items():
        _check_complete(name, values)
    return columns


def _read_array(summary: Any, names: list[str]) -> dict[str, pd.Series]:
    matrix = np.asarray(summary, dtype=float)
    first = len(COLUMNS)
    if matrix.ndim != 2 or matrix.shape[1] < first + len(names):
        raise SummaryError(
            f"An array must have the columns {', '.join((*COLUMNS, *names))} in this order, got "
            f"shape {matrix.shape}. Give a data frame to go by names instead."
        )
    return {name: pd.Series(matrix[:, first + j]) for j, name in enumerate(names)}


def _check_complete(name: str, values: pd.Series) -> None:
    missing = values.isna().to_numpy()
    if missing.any():
        raise SummaryError(
            f"The covariate {name!r} is missing in {missing.sum()} of {len(values)} rows, for "
            f"example row {int(np.flatnonzero(missing)[0])}. Fill it, with a category of its own "
            "or a number, or leave these customers out."
        )


def _numbers(name: str, values: pd.Series) -> Array:
    try:
        numbers = values.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise SummaryError(
            f"The covariate {name!r} was a number when the model was fitted: {error}."
        ) from error
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise SummaryError(f"The covariate {name!r} is infinite, for example in row {row}.")
    return numbers


def _indicators(name: str, values: pd.Series, known: list[str]) -> Array:
    text = values.astype(str).to_numpy(dtype=object)
    code = pd.Index(known, dtype=object).get_indexer(pd.Index(text, dtype=object))
    if (code < 0).any():
        row = int(np.flatnonzero(code < 0)[0])
        raise SummaryError(
            f"The covariate {name!r} has {(code < 0).sum()} of {len(code)} values that the model "
            f"was not fitted on, for example {text[row]!r} in row {row}; it knows {known}. "
            "Put rare categories together before fitting."
        )
    return (code[:, None] == np.arange(1, len(known))).astype(float)
