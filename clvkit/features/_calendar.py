"""Calendar weeks, months and quarters as running numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.history._granularity import MONDAY
from clvkit.utils._duration import ticks_per_day

__all__ = [
    "FREQUENCIES",
    "calendar_period",
    "days_in_months",
    "last_complete_day",
    "last_complete_period",
    "shift_years",
    "start_day",
]

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


def last_complete_day(moments: Ints, resolution: str) -> Ints:
    """Return the last day that has ended by each moment (which is known to its end)."""
    return (moments + 1) // ticks_per_day(resolution) - 1


def start_day(periods: Ints, freq: str) -> Ints:
    """Return the first day of each period, in days since 1970-01-01."""
    if freq == "W":
        return periods * 7 + MONDAY
    months = periods * (3 if freq == "Q" else 1)
    return months.astype("M8[M]").astype("M8[D]").astype(np.int64)


def shift_years(days: Ints, years: Ints | int) -> Ints:
    """Return the same day of another year; 29 February becomes the 28th where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.array(["2024-02-29", "2024-12-31"], dtype="M8[D]").astype(np.int64)
    >>> shift_years(days, -1).astype("M8[D]")
    array(['2023-02-28', '2023-12-31'], dtype='datetime64[D]')
    """
    months = calendar_period(days, "D", "M")
    target = months + 12 * years
    into = days - start_day(months, "M")
    return np.minimum(start_day(target, "M") + into, start_day(target + 1, "M") - 1)


def days_in_months(after: Ints, until: Ints) -> NDArray[np.int64]:
    """Count the days of each calendar month, January to December, in ``(after, until]``.

    Returns
    -------
    ndarray of int64 of shape (n_ranges, 12)

    Examples
    --------
    >>> import numpy as np
    >>> days = np.array(["2023-12-30", "2024-03-02"], dtype="M8[D]").astype(np.int64)
    >>> days_in_months(days[:1], days[1:])
    array([[31, 29,  2,  0,  0,  0,  0,  0,  0,  0,  0,  1]])
    """
    return _days_of_months_by(until) - _days_of_months_by(after)


def _days_of_months_by(days: Ints) -> NDArray[np.int64]:
    """Count the days of each calendar month from 1970 (negative before) to the end of a day."""
    year = calendar_period(days, "D", "M") // 12
    month = 12 * year[:, None] + np.arange(12)
    first, following = start_day(month, "M"), start_day(month + 1, "M")
    # Months of whole years are of one length each, but for a leap day in some Februaries.
    common = np.diff(start_day(np.arange(13), "M"))
    leap_days = start_day(12 * year, "M") - 365 * year
    earlier = year[:, None] * common
    earlier[:, 1] += leap_days
    return earlier + np.clip(days[:, None] + 1 - first, 0, following - first)


def _period_of_days(days: Ints, freq: str) -> Ints:
    if freq == "W":
        return (days - MONDAY) // 7
    months = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    return months // 3 if freq == "Q" else months
