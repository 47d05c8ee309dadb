"""Getting the histories out of what a user hands to an estimator."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from clvkit.errors import HistoryTypeError
from clvkit.history._dtype import HistoryDtype
from clvkit.history._history import History
from clvkit.history._history_array import HistoryArray
from clvkit.history._sample_index import sample_index

__all__ = [
    "check_same_cutoffs",
    "customers_of",
    "get_histories",
    "history_columns",
    "latest_by_customer",
    "latest_positions",
    "latest_rows",
    "replace_histories",
]


def get_histories(X: Any, column: str = "history", *, allow_missing: bool = False) -> HistoryArray:
    """Return a history column of ``X``.

    Parameters
    ----------
    X : DataFrame, Series or HistoryArray
    column : str, default="history"
        Which column of a DataFrame: ``"history"`` holds the transactions, others hold the events
        of further logs by their names.
    allow_missing : bool, default=False

    Raises
    ------
    HistoryTypeError
        If there is none, if the column holds something else, if histories are missing, or if
        another column than ``"history"`` knows of other cutoffs than that one.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import get_histories, latest_histories
    >>> X = latest_histories(load_cdnow())
    >>> get_histories(X)[0]
    History(4 events 1997-01-01..1997-12-12, at 1998-06-30)
    >>> get_histories(X, "visits")
    Traceback (most recent call last):
        ...
    clvkit.errors.HistoryTypeError: X has no column 'visits' (its columns: ['history']). Make ...
    """
    values = X
    if isinstance(X, pd.DataFrame):
        _check_column(X, column)
        values = X[column]
    array = getattr(values, "array", values)
    if not isinstance(array, HistoryArray):
        kind = getattr(values, "dtype", type(values).__name__)
        if isinstance(array, (ExtensionArray, np.ndarray)) and array.dtype.kind == "O":
            _refuse_mixed([value for value in array if isinstance(value, History)], len(array))
        raise HistoryTypeError(f"histories are needed, but X holds {kind}. {_remedy(column)}")
    missing = int(array.isna().sum())
    if missing and not allow_missing:
        first = np.flatnonzero(array.isna())[0]
        raise HistoryTypeError(
            f"{missing} of {len(array)} histories are missing, the first one in row {first}: "
            f"drop these rows, X[X[{column!r}].notna()]."
        )
    if column != "history" and isinstance(X, pd.DataFrame):
        _check_cutoffs_of(X, column, array)
    return array


def history_columns(X: pd.DataFrame) -> list[str]:
    """Return the names of the columns that hold histories, in their order.

    Parameters
    ----------
    X : DataFrame

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import history_columns, latest_histories
    >>> history_columns(latest_histories(load_cdnow()).assign(country="US"))
    ['history']
    """
    return X.columns[[isinstance(dtype, HistoryDtype) for dtype in X.dtypes]].tolist()


def _check_column(X: pd.DataFrame, column: str) -> None:
    n_found = int((X.columns == column).sum())
    if n_found == 1:
        return
    if n_found:
        raise HistoryTypeError(
            f"X has {n_found} columns called {column!r}. Keep one of them: "
            "X.loc[:, ~X.columns.duplicated()]."
        )
    raise HistoryTypeError(
        f"X has no column {column!r} (its columns: {list(X.columns)[:8]}). {_remedy(column)}"
    )


def _remedy(column: str) -> str:
    logs = "log" if column == "history" else f"{{'transactions': log, {column!r}: ...}}"
    return (
        f"Make samples from a log by clvkit.latest_histories({logs}) or "
        f"clvkit.make_samples({logs}, horizon)."
    )


def check_same_cutoffs(X: pd.DataFrame) -> None:
    """Check that every history column knows of the same cutoffs as ``history``.

    Raises
    ------
    HistoryTypeError
        If one does not: it may know what came after the cutoff of its row.
    """
    for name in history_columns(X):
        if name != "history":
            _check_cutoffs_of(X, name, X[name].array)


def _check_cutoffs_of(X: pd.DataFrame, column: str, array: Any) -> None:
    """Refuse other events that are known to another moment than the transactions: a leak."""
    own = X["history"].array if "history" in X.columns else None
    if not isinstance(own, HistoryArray):
        return
    other = (array.cutoff_moments != own.cutoff_moments) & ~array.isna() & ~own.isna()
    if array.dtype.resolution != own.dtype.resolution or other.any():
        first = int(np.argmax(other))
        raise HistoryTypeError(
            f"column {column!r} has another cutoff than column 'history' in {int(other.sum())} of "
            f"{len(X)} rows, such as {array.cutoffs[first]} and {own.cutoffs[first]} in row "
            f"{first}. Cut both back with clvkit.history.replace_histories(X, histories)."
        )


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


def latest_by_customer(X: Any) -> NDArray[np.intp]:
    """Return the positions of :func:`latest_positions`, in the order of the customers.

    So what is learnt from these rows does not depend on how the rows of ``X`` are ordered. Rows
    that do not tell the customer are in the order of their events.

    Parameters
    ----------
    X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
    """
    positions = latest_positions(X)
    customers = _named_customers(X)
    own = get_histories(X).begin if customers is None else np.asarray(customers)
    key = pd.Index(own[positions])
    if key.is_monotonic_increasing:
        return positions
    code, _ = pd.factorize(key, sort=True)
    return positions[np.argsort(code, kind="stable")]


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
    """Return ``X`` with other histories of the same customers, the index telling their cutoff.

    Every other history column of ``X`` is cut back to the same cutoffs, so that none of them
    knows what the histories do not.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, ...)
    array : HistoryArray of shape (n_samples,)

    Raises
    ------
    CutoffError
        If another history column ends before these cutoffs.
    HistoryTypeError
        If another history column counts in another granularity.
    """
    if isinstance(X.index, pd.MultiIndex) and "customer_id" in X.index.names:
        level = list(X.index.names).index("customer_id")
        index = sample_index(X.index.levels[level], X.index.codes[level], array)
    else:
        code, customers = pd.factorize(customers_of(X))
        index = sample_index(pd.Index(customers), code, array)
    columns = {"history": array}
    for name in history_columns(X):
        if name != "history":
            columns[name] = _cut_like(X[name].array, array, name)
    series = {name: pd.Series(values, index=X.index) for name, values in columns.items()}
    return X.assign(**series).set_axis(index, axis=0)


def _cut_like(other: Any, array: HistoryArray, name: str) -> HistoryArray:
    if other.dtype.resolution != array.dtype.resolution:
        raise HistoryTypeError(
            f"column {name!r} holds histories of granularity {other.dtype.granularity!r}, column "
            f"'history' of {array.dtype.granularity!r}. Make both with the same granularity=."
        )
    return other.cut_back(array.cutoff_moments)


def _named_customers(X: Any) -> Any:
    """Return the values called ``customer_id``, in the index or in a column, or None."""
    if "customer_id" in getattr(getattr(X, "index", None), "names", ()):
        return X.index.get_level_values("customer_id")
    if isinstance(X, pd.DataFrame) and "customer_id" in X.columns:
        return X["customer_id"].array
    return None
