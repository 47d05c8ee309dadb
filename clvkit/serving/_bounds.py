"""The ends of the intervals as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["bounds"]


def bounds(
    interval: Any, predicted: NDArray[np.float64], index: pd.Index, coverage: float
) -> pd.DataFrame:
    """Return ``lower`` and ``upper`` of each prediction; NaN without an interval."""
    if interval is None:
        return pd.DataFrame(np.nan, index=index, columns=["lower", "upper"])
    lower, upper = interval.interval(predicted, coverage)
    return pd.DataFrame({"lower": lower, "upper": upper}, index=index)
