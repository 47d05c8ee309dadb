"""The table of values that a log is scored with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.history import get_histories
from clvkit.history._moments import format_moment
from clvkit.serving._segments import assign_segments

__all__ = ["value_table", "values_in_blocks"]

#: Customers that are scored at a time. What a customer gets does not hang on the block; what fits
#: into the cache of a processor is a fifth faster, and needs little memory.
_BLOCK = 2**15


def values_in_blocks(model: Any, X: pd.DataFrame, coverage: float) -> pd.DataFrame:
    """Return one row a customer for histories that a fitted model scores."""
    starts = range(0, len(X), _BLOCK)
    tables = [_values(model, X.iloc[start : start + _BLOCK], coverage) for start in starts]
    table = pd.concat(tables)
    table.attrs.update(tables[0].attrs)
    return table


def _values(model: Any, X: pd.DataFrame, coverage: float) -> pd.DataFrame:
    clv = model.predict(X)
    ends = model._bounds(X, clv, coverage)
    segments = assign_segments(clv, model.segment_edges_)
    return value_table(X, clv, ends, model.predict_components(X), segments)


def value_table(
    X: pd.DataFrame,
    clv: NDArray[np.float64],
    ends: pd.DataFrame,
    components: pd.DataFrame,
    segments: NDArray[np.int64],
) -> pd.DataFrame:
    """Return one row a customer; ``attrs["cutoff"]`` names the cutoff that all rows share."""
    parts = [ends, components[["expected_purchases", "probability_alive"]]]
    table = pd.concat(parts, axis=1).assign(segment=segments)
    table.insert(0, "clv", clv)
    table = table.set_axis(X.index.get_level_values("customer_id"), axis=0)
    array = get_histories(X)
    table.attrs["cutoff"] = format_moment(int(array.cutoff_moments[0]), array.dtype.resolution)
    return table
