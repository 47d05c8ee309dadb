"""Getting the histories out of what a user hands to an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import HistoryTypeError
from clvkit.history._history_array import HistoryArray
from clvkit.history._sample_index import sample_index

__all__ = ["customers_of", "get_histories", "latest_rows", "replace_histories"]

_REMEDY = (
    "Make samples from a log by clvkit.latest_histories(log) or clvkit.make_samples(log, horizon)."
)


def get_histories(X: Any, *, allow_missing: bool = False) -> HistoryArray:
    """Return the history column of ``X``.

    Parameters
    ----------
    X : DataFrame, Series or HistoryArray
    allow_missing : bool, default=False

    Raises
    ------
    HistoryTypeError
        If there is none, if the column holds something else, or if histories are missing.
    """
    column = X
    if isinstance(X, pd.DataFrame):
        if "history" not in X.columns:
            raise HistoryTypeError(
                f"X has no column 'history' (its columns: {list(X.columns)[:8]}). {_REMEDY}"
            )
        column = X["history"]
    array = getattr(column, "array", column)
    if not isinstance(array, HistoryArray):
        kind = getattr(column, "dtype", type(column).__name__)
        raise HistoryTypeError(f"histories are needed, but X holds {kind}. {_REMEDY}")
    missing = int(array.isna().sum())
    if missing and not allow_missing:
        first = np.flatnonzero(array.isna())[0]
        raise HistoryTypeError(
            f"{missing} of {len(array)} histories are missing, the first one in row {first}: "
            "drop these rows, X[X['history'].notna()]."
        )
    return array


def customers_of(X: pd.DataFrame) -> NDArray:
    """Return the customer of each row, from the index level ``customer_id`` or the first one."""
    return np.asarray(X.index.get_level_values(_customer_level(X)))


def replace_histories(X: pd.DataFrame, array: HistoryArray) -> pd.DataFrame:
    """Return ``X`` with other histories of the same customers, the index telling their cutoff."""
    if isinstance(X.index, pd.MultiIndex):
        level = list(X.index.names).index("customer_id") if _customer_level(X) else 0
        index = sample_index(X.index.levels[level], X.index.codes[level], array)
    else:
        code, customers = pd.factorize(X.index)
        index = sample_index(customers, code, array)
    return X.assign(history=pd.Series(array, index=X.index)).set_axis(index, axis=0)


def _customer_level(X: pd.DataFrame) -> str | int:
    return "customer_id" if "customer_id" in X.index.names else 0


def latest_rows(X: pd.DataFrame) -> pd.DataFrame:
    """Return the row with the latest cutoff of each customer, in the order of ``X``."""
    cutoffs = get_histories(X).cutoff_moments
    customers = customers_of(X)
    order = np.lexsort((np.arange(len(X)), cutoffs))
    last = pd.Series(order).groupby(customers[order], sort=False).last().to_numpy()
    return X if len(last) == len(X) else X.iloc[np.sort(last)]
