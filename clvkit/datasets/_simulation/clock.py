"""Season and growth as a change of time.

A Poisson process whose rate is multiplied by m(t) is one of constant rate on the clock
S(t) = integral of m from 0 to t. The multiplier is constant within a calendar month, so S is
piecewise linear and both S and its inverse are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clock", "make_clock"]

Array = NDArray[np.float64]


class Clock(NamedTuple):
    """Days since the start of a log, and what a clock of the season shows then.

    Attributes
    ----------
    days : ndarray of shape (n_months + 1,)
        Where a month, and with it a multiplier, begins; the last one ends there.
    shown : ndarray of shape (n_months + 1,)
        What the clock shows at these days.
    """

    days: Array
    shown: Array

    def at(self, days: Array | float) -> Array:
        """Return what the clock shows at some days."""
        return np.interp(np.asarray(days), self.days, self.shown)

    def when(self, shown: Array | float) -> Array:
        """Return the days at which the clock shows something."""
        return np.interp(np.asarray(shown), self.shown, self.days)

    def pieces(self, begin: float, end: float) -> Iterator[tuple[float, float, float]]:
        """Yield begin, end and multiplier of the months between two days."""
        inner = self.days[(self.days > begin) & (self.days < end)]
        edges = np.concatenate([[begin], inner, [end]])
        for left, right in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if right > left:
                yield left, right, float(self.at(right) - self.at(left)) / (right - left)


def make_clock(start: np.datetime64, n_days: int, months: Array, growth: float) -> Clock:
    """Return the clock of a log.

    Parameters
    ----------
    start : datetime64[D]
        First day of the log, day 0 of the clock.
    n_days : int
        Length of the log.
    months : ndarray of shape (12,)
        Multiplier of every calendar month, from January on.
    growth : float
        Share by which trade grows from a month to the same month of the next year.
    """
    end = start + n_days
    first = start.astype("datetime64[M]")
    starts = np.arange(first, end.astype("datetime64[M]") + 1)
    starts = starts[starts.astype("datetime64[D]") < end]
    edges = np.append(np.maximum(starts.astype("datetime64[D]"), start), end)
    days = (edges - start).astype(np.float64)
    since = (starts - first).astype(np.float64)
    multiplier = months[starts.astype(np.int64) % 12] * (1.0 + growth) ** (since / 12.0)
    return Clock(days, np.concatenate([[0.0], np.cumsum(multiplier * np.diff(days))]))
