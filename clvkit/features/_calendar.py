"""Calendar weeks, months and quarters as running numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.history._granularity import MONDAY
from clvkit.utils._duration import ticks_per_day

__all__ = ["FREQUENCIES", "calendar_period", "last_complete_period", "start_day"]

#: Weeks (from Monday), months, quarters.
FREQUENCIES = ("W", "M", "Q")

Ints = NDArray[np.int64]


def calendar_period(moments: Ints, resolution: str, freq: str) -> Ints:
    """Return the number of the week, month or quarter since 1970 that each moment lies in.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.array(["1970-02-01", "1998-03-31"], dtype="M8[D]").astype(np.int64)
    >>> calendar_period(days, "D", "M"), calendar_period(days, "D", "Q")
    (array([  1, 338]), array([  0, 112]))
    """
    days = moments // ticks_per_day(resolution)
    if not len(days):
        return days
    # The calendar is asked once a day of the range, not once an event.
    first = days.min()
    table = _period_of_days(np.arange(first, days.max() + 1), freq)
    return table[days - first]


def last_complete_period(moments: Ints, resolution: str, freq: str) -> Ints:
    """Return the last period that has ended by each moment (which is known to its end)."""
    return calendar_period(moments + 1, resolution, freq) - 1


def start_day(periods: Ints, freq: str) -> Ints:
    """Return the first day of each period, in days since 1970-01-01."""
    if freq == "W":
        return periods * 7 + MONDAY
    months = periods * (3 if freq == "Q" else 1)
    return months.astype("M8[M]").astype("M8[D]").astype(np.int64)


def _period_of_days(days: Ints, freq: str) -> Ints:
    if freq == "W":
        return (days - MONDAY) // 7
    months = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    return months // 3 if freq == "Q" else months
