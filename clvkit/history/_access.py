"""Getting the histories out of what a user hands to an estimator."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from clvkit.errors import HistoryTypeError
from clvkit.history._history import History
from clvkit.history._history_array import HistoryArray
from clvkit.history._sample_index import sample_index

__all__ = [
    "customers_of",
    "get_histories",
    "latest_positions",
    "latest_rows",
    "replace_histories",
]

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
        if isinstance(array, (ExtensionArray, np.ndarray)) and array.dtype.kind == "O":
            _refuse_mixed([value for value in array if isinstance(value, History)], len(array))
        raise HistoryTypeError(f"histories are needed, but X holds {kind}. {_REMEDY}")
    missing = int(array.isna().sum())
    if missing and not allow_missing:
        first = np.flatnonzero(array.isna())[0]
        raise HistoryTypeError(
            f"{missing} of {len(array)} histories are missing, the first one in row {first}: "
            "drop these rows, X[X['history'].notna()]."
        )
    return array


def _refuse_mixed(histories: list[History], n_rows: int) -> None:
    """Say why pandas made a column of objects of histories, if it did."""
    if not histories:
        return
    kinds = Counter((h.resolution, tuple(sorted(h.attributes))) for h in histories).most_common()
    held = ", ".join(
        f"{n} in units of {unit!r} with attributes {list(a)}" for (unit, a), n in kinds
    )
    raise HistoryTypeError(
        f"X holds {len(histories)} histories in {n_rows} rows as objects ({held}): pd.concat makes "
        "objects of histories of several granularities or attributes that were mixed. Make all of "
        "them with the same granularity= and attributes=, and join them anew. Those that are alike "
        "become a column again by X['history'].astype(other['history'].dtype)."
    )


def customers_of(X: pd.DataFrame) -> NDArray:
    """Return the customer of each row.

    From the index level ``customer_id``, the column of that name, or the first index level.
    """
    customers = _named_customers(X)
    return np.asarray(X.index.get_level_values(0) if customers is None else customers)


def latest_positions(X: Any) -> NDArray[np.intp]:
    """Return the position of each customer's row with the latest cutoff, ascending.

    The customer is told by the index level ``customer_id``, then by the column of that name.
    Where there is neither, rows of one log that start at the same event are one customer's.

    Parameters
    ----------
    X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
    """
    array = get_histories(X)
    customers = _named_customers(X)
    if customers is None:
        # A history without events starts where that of another customer may start.
        code, _ = pd.factorize(2 * array.begin + (array.n_events > 0))
    else:
        code, _ = pd.factorize(customers)
    order = np.lexsort((array.cutoff_moments, code))
    is_last = np.append(np.diff(code[order]) != 0, True)[: len(order)]
    return np.sort(order[is_last])


def latest_rows(X: Any) -> Any:
    """Return the row with the latest cutoff of each customer, in the order of ``X``.

    Parameters
    ----------
    X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
        See :func:`latest_positions` for what tells customers apart.

    Returns
    -------
    object of the type of ``X``
    """
    last = latest_positions(X)
    if len(last) == len(X):
        return X
    return X.iloc[last] if isinstance(X, (pd.DataFrame, pd.Series)) else X[last]


def replace_histories(X: pd.DataFrame, array: HistoryArray) -> pd.DataFrame:
    """Return ``X`` with other histories of the same customers, the index telling their cutoff."""
    if isinstance(X.index, pd.MultiIndex) and "customer_id" in X.index.names:
        level = list(X.index.names).index("customer_id")
        index = sample_index(X.index.levels[level], X.index.codes[level], array)
    else:
        code, customers = pd.factorize(customers_of(X))
        index = sample_index(pd.Index(customers), code, array)
    return X.assign(history=pd.Series(array, index=X.index)).set_axis(index, axis=0)


def _named_customers(X: Any) -> Any:
    """Return the values called ``customer_id``, in the index or in a column, or None."""
    if "customer_id" in getattr(getattr(X, "index", None), "names", ()):
        return X.index.get_level_values("customer_id")
    if isinstance(X, pd.DataFrame) and "customer_id" in X.columns:
        return X["customer_id"].array
    return None
