"""Durations such as ``"90D"``, ``"26W"``, ``"12M"`` or ``"1Y"``, and arithmetic with them.

pandas reads ``"3m"`` as minutes and rejects ``"12M"``, so the parser is our own. Moments are
int64 counts of a *resolution* (days by default) since 1970-01-01, the integers behind
``datetime64``; nothing here touches a time zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.errors import DurationError

__all__ = ["RESOLUTIONS", "Duration", "parse_duration", "ticks_per_day"]

#: Resolutions in which moments are stored -> (NumPy code, seconds).
RESOLUTIONS: dict[str, tuple[str, int]] = {
    "D": ("D", 86_400),
    "h": ("h", 3_600),
    "min": ("m", 60),
    "s": ("s", 1),
}

_SECONDS = {"s": 1, "min": 60, "h": 3_600, "D": 86_400, "W": 604_800}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_ALIASES = {"d": "D", "w": "W", "H": "h", "q": "Q", "y": "Y"}
_PATTERN = re.compile(r"\s*(\d+)\s*([A-Za-z]+)\s*")

#: A thousand years: longer durations lead beyond the years that dates have, and are mistyped.
_MOST_DAYS = 365_243

#: A mean Gregorian month, for where a calendar duration must become a plain number.
_DAYS_PER_MONTH = 365.2425 / 12


@dataclass(frozen=True)
class Duration:
    """A whole number of units of time; make one with :func:`parse_duration`.

    Parameters
    ----------
    count : int
        How many units, at least 1.
    unit : str
        ``"s"``, ``"min"``, ``"h"``, ``"D"``, ``"W"`` (of fixed length) or ``"M"``, ``"Q"``,
        ``"Y"`` (calendar months, quarters, years).
    """

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    @property
    def is_calendar(self) -> bool:
        """Whether the length depends on where in the calendar it starts."""
        return self.unit in _MONTHS

    @property
    def days(self) -> float:
        """Length in days; for a calendar duration that of an average one."""
        if self.is_calendar:
            return self.count * _MONTHS[self.unit] * _DAYS_PER_MONTH
        return self.count * _SECONDS[self.unit] / 86_400

    def ticks(self, resolution: str = "D") -> int:
        """Return the length of a fixed duration in units of ``resolution``.

        Raises
        ------
        DurationError
            For a calendar duration, or one that is no whole number of those units.
        """
        if self.is_calendar:
            raise DurationError(
                f"'{self}' has no fixed length: give it in days or weeks, such as "
                f"'{round(self.days)}D'."
            )
        seconds = RESOLUTIONS[resolution][1]
        whole, rest = divmod(self.count * _SECONDS[self.unit], seconds)
        if rest:
            raise DurationError(
                f"'{self}' is no whole number of '{resolution}', the granularity of the "
                "histories. Make them with a finer granularity (such as granularity='h'), or "
                "give a longer duration."
            )
        return whole

    def after(self, moments: ArrayLike, resolution: str = "D") -> NDArray[np.int64]:
        """Return the moments one duration later.

        A day that the target month does not have becomes its last day, as in
        ``pandas.DateOffset``: 31 January and one month is 28 or 29 February.
        """
        return self._shift(np.asarray(moments, dtype=np.int64), resolution, +1)

    def before(self, moments: ArrayLike, resolution: str = "D") -> NDArray[np.int64]:
        """Return the moments one duration earlier (with the same rule at the month's end)."""
        return self._shift(np.asarray(moments, dtype=np.int64), resolution, -1)

    def latest_start(self, end: int, resolution: str = "D") -> int:
        """Return the latest moment from which the duration ends by ``end``.

        For a calendar duration this is not :meth:`before`: one month before 28 February
        is 28 January, but the month from 31 January ends by then as well.
        """
        start = int(self.before(end, resolution))
        if self.is_calendar:
            day = ticks_per_day(resolution)
            later = start + day * np.arange(4)
            start = int(later[self.after(later, resolution) <= end].max())
        return start

    def part(self, divisor: int) -> Duration:
        """Return about one ``divisor``-th of the duration, in whole months, days or its own unit.

        It is never finer than what a resolution that holds the duration can hold.

        Examples
        --------
        >>> str(parse_duration("12M").part(4)), str(parse_duration("13W").part(4))
        ('3M', '22D')
        """
        if self.is_calendar:
            months, rest = divmod(self.count * _MONTHS[self.unit], divisor)
            if not rest:
                return Duration(months, "M")
            return Duration(max(1, int(self.days / divisor)), "D")
        count, unit = (self.count * 7, "D") if self.unit == "W" else (self.count, self.unit)
        return Duration(max(1, count // divisor), unit)

    def times(self, factor: int) -> Duration:
        """Return a duration ``factor`` times as long."""
        return Duration(self.count * factor, self.unit)

    def in_units(self, unit: Duration) -> float:
        """Return the length as a number of ``unit`` (calendar durations by average length)."""
        if self.is_calendar and unit.is_calendar:
            return self.count * _MONTHS[self.unit] / (unit.count * _MONTHS[unit.unit])
        return self.days / unit.days

    def _shift(self, moments: NDArray[np.int64], resolution: str, sign: int) -> NDArray[np.int64]:
        if not self.is_calendar:
            return moments + sign * self.ticks(resolution)
        day = ticks_per_day(resolution)
        days, time_of_day = np.divmod(moments, day)
        dates = days.astype("datetime64[D]")
        months = dates.astype("datetime64[M]")
        day_of_month = dates - months.astype("datetime64[D]")
        target = months + sign * self.count * _MONTHS[self.unit]
        last = (target + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
        shifted = np.minimum(target.astype("datetime64[D]") + day_of_month, last)
        return shifted.astype(np.int64) * day + time_of_day


def ticks_per_day(resolution: str) -> int:
    """Return how many units of the resolution a day has."""
    return 86_400 // RESOLUTIONS[resolution][1]


def parse_duration(text: object, *, name: str = "horizon") -> Duration:
    """Read a duration such as ``"90D"``, ``"26W"``, ``"12M"``, ``"2Q"`` or ``"1Y"``.

    Parameters
    ----------
    text : str or Duration
        A whole number and a unit: ``min``, ``h`` hours, ``D`` days, ``W`` weeks, ``M``
        calendar months, ``Q`` calendar quarters, ``Y`` calendar years.
    name : str, default="horizon"
        Name of the parameter, for the message.

    Returns
    -------
    Duration

    Raises
    ------
    DurationError
        When it cannot be read, or is longer than a thousand years. ``"3m"`` is refused, for it
        could mean minutes or months.

    Examples
    --------
    >>> parse_duration("26W").days
    182.0
    >>> parse_duration("3m")
    Traceback (most recent call last):
        ...
    clvkit.errors.DurationError: horizon='3m' could mean minutes or months: write '3M' for ...
    """
    if isinstance(text, Duration):
        return text
    remedy = (
        "Write a whole number and a unit: 'D' days, 'W' weeks, 'M' months, 'Q' quarters, "
        "'Y' years ('h', 'min' and 's' too), such as '90D', '26W', '12M' or '1Y'."
    )
    if not isinstance(text, str):
        raise DurationError(f"{name} must be a string, got {text!r}. {remedy}")
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise DurationError(f"{name}={text!r} cannot be read as a duration. {remedy}")
    # A count of so many digits is too long in every unit, and too large to compute with.
    digits = match[1].lstrip("0")[:19] or "0"
    count, unit = int(digits), _ALIASES.get(match[2], match[2])
    if unit == "m":
        raise DurationError(
            f"{name}={text!r} could mean minutes or months: write '{count}M' for months or "
            f"'{count}min' for minutes."
        )
    if unit not in _SECONDS and unit not in _MONTHS:
        raise DurationError(f"{name}={text!r} has the unknown unit {match[2]!r}. {remedy}")
    if count < 1:
        raise DurationError(f"{name}={text!r} must be longer than nothing. {remedy}")
    duration = Duration(count, unit)
    if duration.days > _MOST_DAYS:
        raise DurationError(f"{name}={text!r:.40} is longer than a thousand years. {remedy}")
    return duration
