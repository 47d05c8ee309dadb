"""When customers were acquired who are older than the log: a column beside the history."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import DateError, UnknownNameError

__all__ = ["NOT_KNOWN", "read_acquired"]

#: The day of a customer whose acquisition is not known; it is before no first payment.
NOT_KNOWN = int(np.iinfo(np.int64).max)


def read_acquired(X: pd.DataFrame, column: str) -> NDArray[np.int64]:
    """Return the day of acquisition of each row since 1970-01-01; ``NOT_KNOWN`` where missing.

    Raises
    ------
    UnknownNameError
        When there is no such column.
    DateError
        When it holds something else than dates.
    """
    if column not in getattr(X, "columns", ()):
        raise UnknownNameError(
            f"X has no column {column!r}, which acquired= names; its columns: "
            f"{list(map(str, getattr(X, 'columns', ())))}. Give the door a covariates table with "
            "the date on which each customer was acquired."
        )
    values = X[column]
    if pd.api.types.is_numeric_dtype(values.dtype) and values.notna().any():
        raise DateError(
            f"column {column!r} holds numbers, such as {values.dropna().iloc[0]}, and no dates. "
            "Write dates as '2011-12-31', or parse them first with pd.to_datetime."
        )
    try:
        dates = pd.to_datetime(values, format="ISO8601")
    except (TypeError, ValueError) as error:
        raise DateError(
            f"column {column!r} cannot be read as dates: {error}. Write dates as '2011-12-31', or "
            "parse them first with pd.to_datetime."
        ) from error
    if getattr(dates.dt, "tz", None) is not None:
        dates = dates.dt.tz_localize(None)
    missing = dates.isna().to_numpy()
    days = dates.to_numpy().astype("M8[D]").astype(np.int64)
    return np.where(missing, NOT_KNOWN, days)
