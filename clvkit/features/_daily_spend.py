"""What all customers together spent on each day, and the share of a year that a season had.

A day's total is made of events of that day alone. So a row is given sums of days up to its
cutoff, and no copy of the table a cutoff is needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.features._calendar import last_complete_day, shift_years
from clvkit.features._view import Floats, blocks_of_rows, divide
from clvkit.history import HistoryArray
from clvkit.history._net_amount import RESIDUE, net_amount
from clvkit.utils._duration import Duration, ticks_per_day

__all__ = ["DailySpend", "learn_daily_spend"]

Ints = NDArray[np.int64]

#: Fifty years. One placeholder date, 0001-01-01, shall not lengthen the table by millennia.
_MAX_DAYS = 18_263


class DailySpend(NamedTuple):
    """Net amount of all customers a day.

    Attributes
    ----------
    first_day : int
        Day of the first event, since 1970-01-01; one after the last day where there is none.
    spend : ndarray of shape (n_days,)
        From the first day to the last one that is known.
    """

    first_day: int
    spend: Floats

    @property
    def last_day(self) -> int:
        """The last day that is known."""
        return self.first_day + len(self.spend) - 1

    def reaches_back(self, day: Ints) -> NDArray[np.bool_]:
        """Whether the day after each given one is known."""
        return self.first_day <= day + 1

    def total(self, after: Ints, until: Ints) -> Floats:
        """Return the net amount in ``(after, until]``."""
        begin, end = (np.clip(d + 1 - self.first_day, 0, len(self.spend)) for d in (after, until))
        return net_amount(self.spend, begin, np.maximum(begin, end))

    def share_of_season(self, day: Ints, horizon: Duration) -> tuple[Floats, Floats]:
        """Return the share of the last year's spend that fell on the days that come next.

        Parameters
        ----------
        day : ndarray of int64 of shape (n_cutoffs,)
            Last complete day of each cutoff.
        horizon : Duration

        Returns
        -------
        share : ndarray of shape (n_cutoffs,)
            ``even`` where the year is not known, or has no net spend above 0.
        even : ndarray of shape (n_cutoffs,)
            The share if all days of the year were alike.
        """
        known = np.minimum(day, self.last_day)
        opens = shift_years(known, -1)
        start = _same_day_in_year_to(known, day)
        stop = np.minimum(_ends(horizon, start), start + known - opens)
        # A row later than what is known: where the year ends, it goes on from its beginning.
        rest = np.maximum(stop - known, 0)
        spend = self.total(start, np.minimum(stop, known)) + self.total(opens, opens + rest)
        year = self.total(opens, known)
        even = (stop - start) / (known - opens)
        return np.where(self.reaches_back(opens) & (year > 0), divide(spend, year), even), even


def learn_daily_spend(latest: HistoryArray, last_cutoff: int) -> DailySpend:
    """Add up each day's events of one history a customer.

    Where some customers are observed less long than others, a day's total is scaled up to all
    customers acquired by that day from those still observed on it.
    """
    resolution = latest.dtype.resolution
    latest = latest[latest.n_events > 0]
    last_day = int(last_complete_day(np.array([last_cutoff]), resolution)[0])
    born = latest.first_moments // ticks_per_day(resolution)
    until = last_complete_day(latest.cutoff_moments, resolution)
    first_day = max(int(born.min(initial=last_day + 1)), last_day + 1 - _MAX_DAYS)
    n_days = last_day + 1 - first_day
    spend = _add_events(latest, until, first_day, n_days)
    acquired = _count_by(born - first_day, n_days)
    observed = acquired - _count_by(until + 1 - first_day, n_days)
    return DailySpend(first_day, spend * np.nan_to_num(divide(acquired, observed)))


def _add_events(latest: HistoryArray, until: Ints, first_day: int, n_days: int) -> Floats:
    net, gross = np.zeros(n_days), np.zeros(n_days)
    for rows in blocks_of_rows(latest):
        offsets, time, amount = latest[rows].flat_events()
        day = time // ticks_per_day(latest.dtype.resolution)
        seen = (day <= np.repeat(until[rows], np.diff(offsets))) & (day >= first_day)
        cell, amount = day[seen] - first_day, amount[seen]
        net += np.bincount(cell, weights=amount, minlength=n_days)
        gross += np.bincount(cell, weights=np.abs(amount), minlength=n_days)
    net[np.abs(net) <= RESIDUE * gross] = 0.0
    return net


def _count_by(day: Ints, n_days: int) -> Floats:
    """Return how many of the days are not later than each of the table's."""
    counts = np.bincount(np.clip(day, 0, n_days), minlength=n_days + 1)
    return np.cumsum(counts[:n_days]).astype(np.float64)


def _same_day_in_year_to(known: Ints, day: Ints) -> Ints:
    """Return the latest day before ``known`` that is whole years before ``day``."""
    year = np.array([known, day]).astype("M8[D]").astype("M8[Y]").astype(np.int64)
    n_years = np.maximum(year[1] - year[0], 1)
    n_years += shift_years(day, -n_years) >= known
    return shift_years(day, -n_years)


def _ends(horizon: Duration, day: Ints) -> Ints:
    """Return the last day of the horizon after each day; a part of a day counts as one."""
    if horizon.is_calendar:
        return horizon.after(day)
    return day + int(np.ceil(horizon.days))
