"""The table of values that a log is scored with."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.history import get_histories
from clvkit.history._moments import format_moment

__all__ = ["value_table"]


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
