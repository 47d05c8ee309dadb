"""Histories as they were at past cutoffs, with what came after: features and labels in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.history._history_array import HistoryArray
from clvkit.history._targets import future_outcome
from clvkit.utils._duration import Duration

__all__ = ["Snapshots", "take_snapshots"]


class Snapshots(NamedTuple):
    """Rows of several cutoffs: the oldest cutoff first, customers in their given order.

    Attributes
    ----------
    rows : ndarray of int64 of shape (n_samples,)
        Which row of the given histories each sample is.
    histories : HistoryArray of shape (n_samples,)
    y : ndarray of float64 of shape (n_samples,)
    """

    rows: NDArray[np.int64]
    histories: HistoryArray
    y: NDArray[np.float64]


def take_snapshots(
    known: HistoryArray,
    cutoffs: Sequence[int],
    horizon: Duration,
    *,
    target: str = "spend",
    floor: float | None = 0.0,
) -> Snapshots:
    """Cut histories back to each cutoff and read what came in the horizon after it.

    A customer is a sample of every cutoff by which he was seen and whose horizon ends by his
    own cutoff: a history contains its own labels for every earlier cutoff.

    Parameters
    ----------
    known : HistoryArray of shape (n_customers,)
        The latest history of each customer.
    cutoffs : sequence of int
        Moments in the resolution of the histories.
    horizon : Duration
    target, floor
        See :func:`future_outcome`.
    """
    resolution = known.dtype.resolution
    settings = {"horizon": str(horizon), "target": target, "floor": str(floor)}
    dtype = known.dtype.replace(**settings)
    parts = []
    for cutoff in sorted(cutoffs):
        stop = int(horizon.after(cutoff, resolution))
        rows = np.flatnonzero(known.cutoff_moments >= stop)
        later = known[rows].cut_back(stop)
        past = later.cut_back(cutoff)
        seen = past.n_events > 0
        past, later = past[seen], later[seen]
        y = future_outcome(past, later, target=target, floor=floor)
        parts.append((rows[seen], past, y))
    if not parts:
        return Snapshots(np.empty(0, np.int64), known[:0].with_dtype(dtype), np.empty(0))
    origins, pasts, ys = zip(*parts, strict=True)
    histories = HistoryArray._concat_same_type(pasts)
    return Snapshots(np.concatenate(origins), histories.with_dtype(dtype), np.concatenate(ys))
