"""Cutoffs and ends as the user writes them, and as they are stored."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import CutoffError
from clvkit.history._dates import names_a_day
from clvkit.history._granularity import Granularity
from clvkit.history._history import format_cutoff
from clvkit.utils._duration import RESOLUTIONS, ticks_per_day

__all__ = ["as_moments", "format_moment", "parse_cutoff", "parse_cutoffs"]

#: Units of NumPy's dates that name no single day: datetime64("1998-03") is a first of March.
_COARSE = ("Y", "M", "W")


def as_moments(dates: NDArray[Any], resolution: str) -> NDArray[np.int64]:
    """Return ``datetime64`` values as moments, rounded down to the resolution."""
    return dates.astype(f"datetime64[{RESOLUTIONS[resolution][0]}]").astype(np.int64)


def format_moment(moment: int, resolution: str) -> str:
    """Return a stored moment as text: a date, with a time of day if the resolution has one."""
    return str(np.int64(moment).astype(f"M8[{RESOLUTIONS[resolution][0]}]"))


def parse_cutoffs(cutoff: Any, granularity: Granularity) -> NDArray[np.int64]:
    """Read one cutoff or an array of them as moments; each different value is read once."""
    if np.ndim(cutoff) == 0:
        return np.asarray(parse_cutoff(cutoff, granularity))
    if isinstance(cutoff, (list, tuple, np.ndarray)):
        cutoff = _as_given(cutoff)
    code, unique = pd.factorize(pd.Index(cutoff))
    if (code < 0).any():
        raise CutoffError(f"{(code < 0).sum()} of {len(code)} cutoffs are missing. Leave them out.")
    return np.array([parse_cutoff(value, granularity) for value in unique], dtype=np.int64)[code]


def _as_given(cutoffs: Any) -> Any:
    """Return cutoffs as pandas would take them, unless it would make days of months."""
    coarse = any(map(_is_coarse, cutoffs))
    return pd.Index(list(cutoffs), dtype=object) if coarse else cutoffs


def _is_coarse(cutoff: Any) -> bool:
    return isinstance(cutoff, np.datetime64) and np.datetime_data(cutoff.dtype)[0] in _COARSE


def parse_cutoff(cutoff: Any, granularity: Granularity, *, name: str = "cutoff") -> int:
    """Read a cutoff: a day, which means its end; or a moment where the granularity is finer.

    Parameters
    ----------
    cutoff : str, date, datetime, Timestamp or datetime64
    granularity : Granularity
    name : str, default="cutoff"
        Name of the parameter, for the message.

    Returns
    -------
    int
        The last stored moment that is known. A midnight is the last moment of its day; another
        time is its period, known to its end, of which it must be the label or the last second.

    Raises
    ------
    CutoffError
        When it cannot be read, has a time zone, or a time that is no whole period.
    """
    stamp = _read(cutoff, name)
    if stamp.tzinfo is not None:
        raise CutoffError(
            f"{name}={cutoff!r} has a time zone, but histories keep the wall-clock time of the "
            f"log. Give the local time without a zone: '{stamp.tz_localize(None)}'."
        )
    moment = int(as_moments(np.array(stamp, dtype="M8[s]"), granularity.resolution))
    day_length = ticks_per_day(granularity.resolution)
    if stamp == stamp.normalize():
        return moment + day_length - 1
    if not _is_whole_period(stamp, granularity.resolution):
        raise CutoffError(_no_whole_period(cutoff, stamp, moment, granularity, name))
    return moment


def _is_whole_period(stamp: pd.Timestamp, resolution: str) -> bool:
    """Whether a time is the label of a period or lies in its last second (1 ms of a second)."""
    seconds = RESOLUTIONS[resolution][1]
    into = (stamp - stamp.normalize()) // pd.Timedelta(1, "us") % (seconds * 1_000_000)
    tail = 1_000_000 if seconds > 1 else 1_000
    is_label = into == 0 and seconds < RESOLUTIONS["D"][1]
    return is_label or into >= seconds * 1_000_000 - tail


def _no_whole_period(
    cutoff: Any, stamp: pd.Timestamp, moment: int, granularity: Granularity, name: str
) -> str:
    if granularity.resolution == "D":
        return (
            f"{name}={str(cutoff)!r} has a time of day, but the granularity is "
            f"{granularity.name!r}, where a cutoff means the end of its day. Give the day, "
            f"'{stamp.date()}', or make the histories with granularity='h'."
        )
    with_it, without = (format_cutoff(m, granularity.resolution) for m in (moment, moment - 1))
    return (
        f"{name}={str(cutoff)!r} lies within a period of granularity={granularity.name!r}, whose "
        f"later events would count as known. Give its last second, '{with_it}', that of the "
        f"period before, '{without}', or make the histories with a finer granularity."
    )


def _read(cutoff: Any, name: str) -> pd.Timestamp:
    remedy = f"Give a day such as {name}='1998-03-31'."
    if not isinstance(cutoff, (str, datetime.date, np.datetime64)):
        raise CutoffError(f"{name}={cutoff!r} is no date. {remedy}")
    try:
        is_text = isinstance(cutoff, str)
        stamp = pd.to_datetime(cutoff, format="ISO8601") if is_text else pd.Timestamp(cutoff)
    except (ValueError, TypeError):
        raise CutoffError(f"{name}={cutoff!r} cannot be read as a date. {remedy}") from None
    if _is_coarse(cutoff) or (isinstance(cutoff, str) and not names_a_day(cutoff)):
        raise CutoffError(f"{name}={cutoff!r} names no single day. {remedy}")
    if stamp is pd.NaT:
        raise CutoffError(f"{name} is missing (NaT). {remedy}")
    return stamp
