"""A customer beside those who came at the same time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import StrOptions

from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._calendar import (
    FREQUENCIES,
    calendar_period,
    last_complete_day,
    last_complete_period,
    start_day,
)
from clvkit.features._cohort_table import learn_cohorts, nearest_known
from clvkit.features._view import Floats, HistoryView, divide
from clvkit.history import HistoryArray
from clvkit.history._net_amount import RESIDUE
from clvkit.utils._duration import ticks_per_day

__all__ = ["CohortFeatures"]

Ints = NDArray[np.int64]

_NAMES = (
    "cohort",
    "cohort_age",
    "cohort_size",
    "cohort_retention",
    "cohort_purchases",
    "cohort_spend",
    "cohort_period_spend",
    "purchases_vs_cohort",
    "spend_vs_cohort",
)


class CohortFeatures(BaseHistoryTransformer):
    """What a customer's acquisition cohort had done by his age, and he himself beside it.

    Use it where customers of different months differ, or where most are so new that their own
    history says little. It has nothing to say about a log whose customers all came at once.

    A cohort is everybody whose first event (purchase or refund) fell into the same calendar
    week, month or quarter. Its figures are about completed periods.

    =================== ========= ==============================================================
    feature             unit      definition
    =================== ========= ==============================================================
    cohort              periods   number of the period of acquisition, counted from 1970
    cohort_age          periods   completed periods, that of acquisition included
    cohort_size         customers members by the cutoff
    cohort_retention    share     members who bought in the last completed period
    cohort_purchases    purchases per member, to the end of the last completed period
    cohort_spend        money     net amount per member, to the end of the last completed period
    cohort_period_spend money     net amount per member in the last completed period
    purchases_vs_cohort ratio     the customer's purchases to cohort_purchases
    spend_vs_cohort     ratio     the customer's net spend to cohort_spend; NaN where that is
                                  not above 0
    =================== ========= ==============================================================

    **No future.** What is learnt from the rows given to fit is kept by calendar period, and a
    row is shown only periods that ended by its cutoff and by the last cutoff of fit. Each
    customer counts once, by his latest row. Where the cohort had not reached the customer's age
    by then, because the cohort is new or the row is later than the fit, the nearest earlier
    cohort that had reached it stands in; where none had, the nearest known cohort at the
    greatest age known of it. NaN remains only for cutoffs before anyone completed a period.

    A history without events counts as acquired at its cutoff.

    Parameters
    ----------
    freq : {"W", "M", "Q"}, default="M"
        Weeks (from Monday), months or quarters of the calendar.

    Attributes
    ----------
    cohorts_ : ndarray of int64 of shape (n_cohorts,)
        Numbers of the cohorts that occur, ascending: the rows of the tables. Their columns end at
        an age of fifty years.
    last_period_ : int
        Last period that had ended by the last cutoff of fit.
    last_cutoff_ : int
        Last cutoff of fit, as a moment.
    members_ : ndarray of shape (n_cohorts, n_ages)
        Members of each cohort observed to the end of each age, in completed periods.
    retention_, purchases_, spend_, period_spend_ : ndarray of shape (n_cohorts, n_ages)
        Figures per member; purchases and spend are cumulative. NaN where there are no members.
    nearest_ : ndarray of int64 of shape (n_cohorts, n_ages)
        Row of the nearest cohort, itself or earlier, with members at that age; -1 for none.
    first_day_ : int
        Day of the first acquisition, since 1970-01-01.
    acquired_ : ndarray of shape (n_days,)
        Number of customers acquired to the end of each day from ``first_day_`` on.
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``, the column that is read; any others are ignored.

    Raises
    ------
    InvalidParameterError
        By ``fit``, for another ``freq``.

    See Also
    --------
    TenureFeatures : age and stage by the customer's own cadence.
    default_features : this and the other groups in one transformer.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import CohortFeatures
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> cohorts = CohortFeatures().set_output(transform="pandas").fit_transform(X)
    >>> cohorts[["cohort", "cohort_size", "cohort_retention", "spend_vs_cohort"]].head(2).round(3)
                            cohort  cohort_size  cohort_retention  spend_vs_cohort
    customer_id cutoff
    1           1997-09-30   324.0        781.0             0.067            0.984
    2           1997-09-30   324.0        781.0             0.067            0.998
    >>> CohortFeatures(freq="day").fit(X)
    Traceback (most recent call last):
        ...
    sklearn.utils._param_validation.InvalidParameterError: The 'freq' parameter of ...
    """

    _parameter_constraints: dict = {"freq": [StrOptions(set(FREQUENCIES))]}

    def __init__(self, *, freq: str = "M"):
        self.freq = freq

    def _feature_names(self) -> list[str]:
        return list(_NAMES)

    def _learn(self, latest: HistoryArray, cutoffs: Ints) -> None:
        resolution = latest.dtype.resolution
        table = learn_cohorts(latest, self.freq)
        self.cohorts_ = table.cohorts
        self.last_cutoff_ = int(cutoffs[-1])
        self.last_period_ = int(last_complete_period(cutoffs[-1:], resolution, self.freq)[0])
        self.members_ = table.members
        members = np.where(table.members > 0, table.members, np.nan)
        self.retention_ = table.active / members
        self.purchases_ = np.cumsum(table.purchases / members, axis=1)
        spend, gross = table.spend / members, table.gross / members
        self.period_spend_ = _settled(spend, gross)
        self.spend_ = _settled(np.cumsum(spend, axis=1), np.cumsum(gross, axis=1))
        self.nearest_ = nearest_known(table.members)
        days = latest.first_moments[latest.n_events > 0] // ticks_per_day(resolution)
        self.first_day_ = int(days.min()) if len(days) else 0
        self.acquired_ = np.cumsum(np.bincount(days - self.first_day_)).astype(np.float64)

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        histories, resolution = view.histories, view.histories.dtype.resolution
        cohort = calendar_period(histories.first_moments, resolution, self.freq)
        ended = last_complete_period(histories.cutoff_moments, resolution, self.freq)
        known = np.minimum(ended, self.last_period_)
        cells = self._find_cells(cohort, np.maximum(ended - cohort, 0), known)
        purchases, spend = _look_up(self.purchases_, cells), _look_up(self.spend_, cells)
        return {
            "cohort": cohort,
            "cohort_age": np.maximum(ended - cohort + 1, 0),
            "cohort_size": self._size(cohort, histories, known),
            "cohort_retention": _look_up(self.retention_, cells),
            "cohort_purchases": purchases,
            "cohort_spend": spend,
            "cohort_period_spend": _look_up(self.period_spend_, cells),
            "purchases_vs_cohort": divide(view.n_purchases, purchases),
            "spend_vs_cohort": divide(view.total_spend, spend),
        }

    def _find_cells(self, cohort: Ints, age: Ints, known: Ints) -> tuple[Ints, Ints]:
        """Return row and column of the tables for each row of X; row -1 where nothing is known.

        A cell may be seen if its period, cohort + age, is at most ``known``.
        """
        row = self._nearest_row(np.minimum(cohort, known - age), age)
        # Nobody had been that old: the nearest cohort of all, at the greatest age known of it.
        other = self._any_row(cohort, known)
        depth = np.append((self.members_ > 0).sum(axis=1), 0)[other]
        oldest = np.minimum(known - np.append(self.cohorts_, 0)[other], depth - 1)
        found = row >= 0
        return np.where(found, row, other), np.where(found, age, oldest)

    def _nearest_row(self, cohort: Ints, age: Ints) -> Ints:
        """Return the row of the nearest cohort, up to the given one, that reached that age."""
        n_ages = self.nearest_.shape[1]
        row = np.searchsorted(self.cohorts_, cohort, side="right") - 1
        inside = np.flatnonzero((row >= 0) & (age < n_ages))
        nearest = np.full(len(row), -1, dtype=np.int64)
        nearest[inside] = self.nearest_[row[inside], age[inside]]
        return nearest

    def _any_row(self, cohort: Ints, known: Ints) -> Ints:
        """Return the row of the nearest cohort that completed its first period by ``known``."""
        first = self.cohorts_[0] if len(self.cohorts_) else 0
        reference = np.minimum(np.maximum(cohort, first), known)
        return self._nearest_row(reference, np.zeros_like(reference))

    def _size(self, cohort: Ints, histories: HistoryArray, known: Ints) -> Floats:
        """Count members by the cutoff; a cohort that fit did not see so far has a neighbour's."""
        resolution = histories.dtype.resolution
        day = np.minimum(
            last_complete_day(histories.cutoff_moments, resolution),
            start_day(cohort + 1, self.freq) - 1,
        )
        last_day = int(last_complete_day(np.array([self.last_cutoff_]), resolution)[0])
        before = self._acquired_by(start_day(cohort, self.freq) - 1)
        size = self._acquired_by(np.minimum(day, last_day)) - before
        others = _look_up(self.members_, (self._any_row(cohort, known), np.zeros_like(cohort)))
        replaced = ((day > last_day) | (size == 0)) & ~np.isnan(others)
        return np.where(replaced, others, size)

    def _acquired_by(self, day: Ints) -> Floats:
        position = np.clip(day - self.first_day_, -1, len(self.acquired_) - 1)
        return np.append(self.acquired_, 0.0)[position]  # -1, before the first day: nobody


def _settled(spend: Floats, gross: Floats) -> Floats:
    """Return net amounts where those that are but rounding, after full refunds, are 0."""
    return np.where(np.abs(spend) <= RESIDUE * gross, 0.0, spend)


def _look_up(table: Floats, cells: tuple[Ints, Ints]) -> Floats:
    row, column = cells
    value = np.full(len(row), np.nan)
    known = np.flatnonzero(row >= 0)
    value[known] = table[row[known], column[known]]
    return value
