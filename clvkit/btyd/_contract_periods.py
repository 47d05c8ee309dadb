"""Arithmetic with contract periods, which may be calendar months, on days since 1970-01-01."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import ShortLogError
from clvkit.utils._duration import Duration, parse_duration

__all__ = ["advance", "infer_period", "periods_between"]

Days = NDArray[np.int64]

#: Usual periods; of two that explain the payments alike the first is taken.
_USUAL = ("1M", "1Y", "3M", "6M", "2M", "7D", "14D", "28D", "30D", "4M", "2Y")
#: A payment that is off by half a period tells nothing of the period.
_UNRELATED = 0.5
#: The mean deviation, as a share of the period, above which payments have no period.
_IRREGULAR = 0.2
#: Periods whose deviations differ by less cannot be told apart by gaps.
_CLOSE = 0.07
_MOST = 100_000


def advance(days: Days, period: Duration, count: NDArray[np.int64] | int = 1) -> Days:
    """Return the days ``count`` periods later; a day that a month lacks becomes its last."""
    if not period.is_calendar:
        return days + period.ticks("D") * np.asarray(count, dtype=np.int64)
    months = _months(period) * np.asarray(count, dtype=np.int64)
    month = days.astype("M8[D]").astype("M8[M]")
    target = month + months
    first = target.astype("M8[D]").astype(np.int64)
    length = (target + 1).astype("M8[D]").astype(np.int64) - first
    return first + np.minimum(days - month.astype("M8[D]").astype(np.int64), length - 1)


def periods_between(start: Days, end: Days, period: Duration) -> Days:
    """Return how many periods lie between two days, rounded to the nearest whole number."""
    if not period.is_calendar:
        return np.rint((end - start) / period.ticks("D")).astype(np.int64)
    guess = np.floor((end - start) / period.days).astype(np.int64)
    # The nearest of the three multiples around; a calendar period differs from its mean by days.
    around = np.stack([guess - 1, guess, guess + 1, guess + 2])
    off = np.abs(np.stack([advance(start, period, k) for k in around]) - end)
    return np.take_along_axis(around, off.argmin(axis=0)[None], axis=0)[0]


def infer_period(before: Days, after: Days, first: Days, last: Days) -> str:
    """Return the period that explains the times between payments best.

    Gaps between payments tell a month from a week. Thirty days and a month, of which late payments
    make one like the other, differ over the whole time from a customer's first payment to
    the last.

    Parameters
    ----------
    before, after : ndarrays of int64 of shape (n_gaps,)
        Days of payments that follow each other, of the same customer.
    first, last : ndarrays of int64 of shape (n_customers,)
        Days of the first and the last payment of each customer.

    Returns
    -------
    str
        A usual period such as ``"1M"``, or the median gap in days where that is nearer.

    Raises
    ------
    ShortLogError
        When nobody has paid twice, or the gaps have no period in common.
    """
    remedy = "Say how long a contract period is, such as period='1M'."
    if not len(before):
        raise ShortLogError(f"nobody has paid twice, so the log tells no contract period. {remedy}")
    before, after = _some(before), _some(after)
    median = int(np.median(after - before))
    candidates = [*_USUAL, *([f"{median}D"] if median else [])]
    periods = [parse_duration(text) for text in candidates]
    off = np.array([_off(after - advance(before, period), period) for period in periods])
    best = int(off.argmin())
    if off[best] > _IRREGULAR:
        raise ShortLogError(
            f"payments come at no regular interval: {candidates[best]!r} explains them best, and "
            f"they are off by {off[best]:.0%} of it on average. {remedy} For purchases at "
            "irregular times take BTYDRegressor."
        )
    close = np.flatnonzero(off <= off[best] + _CLOSE)
    first, last = _some(first), _some(last)
    spans = [_off_in_all(first, last, periods[one]) for one in close]
    return candidates[close[int(np.argmin(np.round(spans, 6)))]]


def _some(values: Days) -> Days:
    n = len(values)
    return values[np.linspace(0, n - 1, min(n, _MOST)).astype(np.intp)]


def _off(late: Days, period: Duration) -> float:
    return float(np.minimum(np.abs(late) / period.days, _UNRELATED).mean())


def _off_in_all(first: Days, last: Days, period: Duration) -> float:
    count = periods_between(first, last, period)
    return _off(last - advance(first, period, count), period)


def _months(period: Duration) -> int:
    return period.count * {"M": 1, "Q": 3, "Y": 12}[period.unit]
