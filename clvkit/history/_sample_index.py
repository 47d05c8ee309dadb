"""The index of samples: who, and as known when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clvkit.history._history import as_cutoffs
from clvkit.history._history_array import HistoryArray

__all__ = ["sample_index"]


def sample_index(customers: pd.Index, code: ArrayLike, array: HistoryArray) -> pd.MultiIndex:
    """Return the index (``customer_id``, ``cutoff``) of histories.

    It is put together from codes, for finding them again among millions of customers would take
    seconds.

    Parameters
    ----------
    customers : Index
        Without repetition.
    code : array-like of int of shape (n_rows,)
        Which of the customers each row is.
    array : HistoryArray of shape (n_rows,)
    """
    missing = array.isna()
    when, moments = pd.factorize(array.cutoff_moments[~missing], sort=True)
    cutoff = np.full(len(array), -1)
    cutoff[~missing] = when
    levels: list[Any] = [customers, as_cutoffs(moments, array.dtype.resolution)]
    codes: list[Any] = [code, cutoff]
    names = ["customer_id", "cutoff"]
    return pd.MultiIndex(levels, codes, names=names, verify_integrity=False)
