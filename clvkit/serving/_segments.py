"""Deciles of value, by edges that were learnt once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_SEGMENTS", "assign_segments", "learn_edges"]

N_SEGMENTS = 10

#: Predictions this close, relative to them and to the edges, are one value: the last bits of a
#: sum may differ between a row alone and the same row in a batch, and must not move it.
_SAME = 1e-9


def learn_edges(predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nine values between the tenths of the predictions."""
    tenths = np.arange(1, N_SEGMENTS) / N_SEGMENTS
    # The mean of two neighbours where a tenth ends between them: no prediction lies on an edge,
    # except where many are equal.
    return np.quantile(predicted, tenths, method="averaged_inverted_cdf")


def assign_segments(
    predicted: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return 1 for the tenth of least value to 10 for that of the highest.

    A value that spans several tenths, because many customers share it, is put in the middle of
    them.
    """
    slack = _SAME * (np.abs(predicted) + np.abs(edges).mean())
    lowest = np.searchsorted(edges, predicted - slack, side="left")
    highest = np.searchsorted(edges, predicted + slack, side="right")
    return 1 + (lowest + highest) // 2
