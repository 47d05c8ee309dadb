"""How many events a log that is read in parts has at each moment."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import DataWarning
from clvkit.history._events import read_events
from clvkit.serving._batches.partition import Partitioner
from clvkit.utils._warnings import silenced

__all__ = ["count_events"]


def count_events(
    partitioner: Partitioner, limit: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the moments of the events up to ``limit`` in ascending order, and their numbers.

    It takes another pass, and is asked of logs only that cover more than thirty years.
    """
    events: Counter[int] = Counter()
    columns, resolution = partitioner.columns, partitioner.resolution
    for part in range(partitioner.n_partitions):
        lines = partitioner.read(part)
        if not len(lines):
            continue
        with silenced(DataWarning):
            read = read_events(lines, columns, resolution, refunds=partitioner.refunds)
        time = read["time"].to_numpy()
        time = time if limit is None else time[time <= limit]
        moments, counts = np.unique(time, return_counts=True)
        events.update(dict(zip(moments.tolist(), counts.tolist(), strict=True)))
    known = sorted(events)
    counted = [events[moment] for moment in known]
    return np.array(known, dtype=np.int64), np.array(counted, dtype=np.int64)
