"""Which past cutoffs a log allows."""

from __future__ import annotations

from clvkit.utils._duration import Duration

__all__ = ["least_history", "past_cutoffs"]


def least_history(horizon: Duration) -> Duration:
    """Return the least history that a cutoff should leave: half a horizon, at least 28 days."""
    return Duration(max(28, int(horizon.days / 2)), "D")


def past_cutoffs(
    start: int,
    end: int,
    horizon: Duration,
    *,
    step: Duration,
    n: int | None = None,
    resolution: str = "D",
) -> list[int]:
    """Return cutoffs whose horizon ends by ``end``, the latest first.

    Parameters
    ----------
    start, end : int
        First event and end of observation, as moments.
    horizon : Duration
        Each cutoff's horizon ends by ``end``.
    step : Duration
        Distance between them.
    n : int or None, default=None
        At most so many; None is as many as leave the least history after ``start``.
        Distances are counted from the latest cutoff, so that steps of months from the end of
        a month keep to the ends of months.
    resolution : str, default="D"

    Returns
    -------
    list of int
        Empty where the log is too short for one.
    """
    least = int(least_history(horizon).after(start, resolution))
    latest = cutoff = horizon.latest_start(end, resolution)
    cutoffs: list[int] = []
    while cutoff >= least and (n is None or len(cutoffs) < n):
        cutoffs.append(cutoff)
        so_far = Duration(step.count * len(cutoffs), step.unit)
        cutoff = int(so_far.before(latest, resolution))
    return cutoffs
