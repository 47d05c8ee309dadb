"""Past periods inside of the histories: what was known at an origin, and what came."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from clvkit.errors import CalibrationWarning, ShortLogError, SummaryError
from clvkit.history import (
    get_histories,
    latest_rows,
    past_cutoffs,
    replace_histories,
    take_snapshots,
)
from clvkit.history._moments import format_moment
from clvkit.utils._duration import Duration
from clvkit.utils._warnings import silenced

__all__ = ["Window", "find_horizon", "fit_at", "past_windows"]


class Window(NamedTuple):
    """One origin: the histories as they were then, and the spend in the horizon after it."""

    origin: str
    X: pd.DataFrame
    y: NDArray[np.float64]


def past_windows(X: pd.DataFrame, horizon: Duration, n: int, step: Duration) -> list[Window]:
    """Return windows that are over by the latest cutoff, the latest first; as many as fit."""
    latest = latest_rows(X)
    known = get_histories(latest)
    times = known.flat_events().time
    if not len(times):
        return []
    resolution = known.dtype.resolution
    end = int(known.cutoff_moments.max())
    cutoffs = past_cutoffs(int(times.min()), end, horizon, step=step, n=n, resolution=resolution)
    windows = []
    for cutoff in cutoffs:
        past = take_snapshots(known, [cutoff], horizon)
        rows = replace_histories(latest.iloc[past.rows], past.histories)
        windows.append(Window(format_moment(cutoff, resolution), rows, past.y))
    return windows


def fit_at(estimator: Any, window: Window) -> Any:
    """Return a clone fitted on what was known at the origin; None where that is too little."""
    try:
        with silenced(CalibrationWarning):
            return clone(estimator).fit(window.X)
    except (ShortLogError, SummaryError):
        return None


def find_horizon(estimator: Any) -> str | None:
    """Return the horizon of an estimator, or the one that its parts agree on."""
    own = getattr(estimator, "horizon", None)
    if isinstance(own, str) or not hasattr(estimator, "get_params"):
        return own
    deep = estimator.get_params(deep=True).items()
    found = {v for k, v in deep if k.endswith("__horizon") and isinstance(v, str)}
    return found.pop() if len(found) == 1 else None
