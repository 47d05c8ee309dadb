"""Saying which column of a pandas table cannot be read, for Arrow does not tell."""

from __future__ import annotations

from collections import Counter
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvkit.errors import AmountError, DateError, LogError

__all__ = ["check_nesting", "explain_unread"]

_REMEDIES = {
    "date": "pd.to_datetime(log['{0}'])",
    "amount": "pd.to_numeric(log['{0}'])",
    "text": "log['{0}'].astype(str)",
}
_ERRORS: dict[str, type[LogError]] = {"date": DateError, "amount": AmountError}

#: What JSON and Parquet make of lists and records.
_CONTAINERS = (list, tuple, dict, np.ndarray)


def check_nesting(table: pd.DataFrame, columns: list[str], name: str) -> None:
    """Refuse columns of lists within lists, and do so before Polars sees them.

    It follows each level by a call of its own, and some hundred levels, as a request to a server
    can hold, end the process.

    Raises
    ------
    LogError
    """
    for column in columns:
        if table[column].dtype != object:
            continue
        values = table[column].tolist()
        if not any(issubclass(kind, _CONTAINERS) for kind in set(map(type, values))):
            continue
        n_nested = sum(map(_is_nested, values))
        if n_nested:
            raise LogError(
                f"column '{column}' of {name} holds lists or records within others in {n_nested:,} "
                f"of {len(values):,} rows. Give one number, text or date in each row."
            )


def _is_nested(value: Any) -> bool:
    """Tell whether a list or record holds another one; its own depth does not matter."""
    parts = value.values() if isinstance(value, dict) else value
    return isinstance(value, _CONTAINERS) and any(isinstance(part, _CONTAINERS) for part in parts)


def explain_unread(
    table: Any, columns: list[str], roles: dict[str, str], error: Exception, name: str
) -> LogError:
    """Return the error to raise for a table that an engine could not read.

    Parameters
    ----------
    table : table
    columns : list of str
        The columns that were read.
    roles : dict of str to str
        Parameter name -> column name.
    error : Exception
        What the engine raised.
    name : str
        What the table is, for the message.
    """
    column = _first_unread(table, columns) if nw.dependencies.is_pandas_dataframe(table) else None
    if column is None:
        return LogError(
            f"{name} could not be read: {error}. Make each of its columns {columns} one type."
        )
    values = table[column].dropna()
    role = next((role for role, other in roles.items() if other == column), "")
    kind = role if role in _ERRORS else _kind_of(values, role)
    return _ERRORS.get(role, LogError)(
        f"column '{column}' of {name} cannot be read: {_describe(values)}. Make it one type, for "
        f"example log['{column}'] = {_REMEDIES[kind].format(column)}."
    )


def _first_unread(table: pd.DataFrame, columns: list[str]) -> str | None:
    for column in columns:
        try:
            nw.from_native(table[[column]]).to_polars()
        except MemoryError:
            raise
        except Exception:  # whatever Arrow raises: it is the reason to look
            return column
    return None


def _describe(values: pd.Series) -> str:
    """Say how many values are of which types, with an example of the rarest one."""
    types = values.map(lambda value: type(value).__name__)
    counts = Counter(types.tolist()).most_common()
    if len(counts) == 1:
        of, n = counts[0]
        largest = values.max() if of == "int" else values.iloc[0]
        why = ", which are too large for integers of 64 bits" if of == "int" else ""
        return f"it holds {n} values of type {of}, such as {largest!r}{why}"
    mixed = ", ".join(f"{n} {of}" for of, n in counts)
    return f"it mixes types ({mixed}), such as {values[types == counts[-1][0]].iloc[0]!r}"


def _kind_of(values: pd.Series, role: str) -> str:
    """Return what a column is that is neither the date nor the amount of the log."""
    if role == "customer_id":
        return "text"
    types = set(values.map(type))
    if any(hasattr(of, "year") for of in types):
        return "date"
    return "amount" if all(hasattr(of, "__float__") for of in types) else "text"
