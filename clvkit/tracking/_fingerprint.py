"""A fingerprint of the data of a fit: enough to tell logs apart, nothing about customers."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from clvkit.history import HistoryArray, get_histories, history_columns
from clvkit.tracking._records import DatasetRecord

__all__ = ["fingerprint"]

#: MLflow takes 36 characters at most.
_LENGTH = 32


def fingerprint(X: Any) -> DatasetRecord:
    """Describe histories by their size, their span and a hash.

    Parameters
    ----------
    X : DataFrame with a ``history`` column, or HistoryArray
        Latest histories.

    Returns
    -------
    DatasetRecord
        The digest hashes times, amounts and cutoffs of all history columns in the order of the
        customers; names of customers and attributes are left out.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> from clvkit.tracking import fingerprint
    >>> record = fingerprint(latest_histories(load_cdnow()))
    >>> record.n_rows, record.n_customers, record.start, record.end
    (6919, 2357, '1997-01-01', '1998-06-30')
    """
    array = get_histories(X)
    flat = array.flat_events()
    digest = hashlib.sha256()
    _update(digest, array)
    for name in history_columns(X) if isinstance(X, pd.DataFrame) else ():
        if name != "history":
            digest.update(name.encode())
            _update(digest, get_histories(X, name, allow_missing=True))
    resolution = array.dtype.resolution
    span = np.array([flat.time.min(), array.cutoff_moments.max()]) if len(flat.time) else None
    start, end = ("", "") if span is None else (_date(moment, resolution) for moment in span)
    return DatasetRecord(len(flat.time), len(array), start, end, digest.hexdigest()[:_LENGTH])


def _update(digest: Any, array: HistoryArray) -> None:
    flat = array.flat_events()
    for column in (flat.offsets, array.cutoff_moments, flat.time):
        digest.update(np.ascontiguousarray(column, dtype=np.int64).tobytes())
    digest.update(np.ascontiguousarray(flat.amount + 0.0).tobytes())  # -0.0 is 0.0


def _date(moment: int, resolution: str) -> str:
    code = {"min": "m"}.get(resolution, resolution)
    return str(np.int64(moment).astype(f"M8[{code}]").astype("M8[D]"))
