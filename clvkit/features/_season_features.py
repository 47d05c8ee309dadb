"""Where in the year a customer stands, and what the coming season was like a year ago."""

from __future__ import annotations

import calendar

import numpy as np
from numpy.typing import NDArray

from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._calendar import days_in_months, last_complete_day
from clvkit.features._daily_spend import DailySpend, learn_daily_spend
from clvkit.features._view import Floats, HistoryView, divide
from clvkit.history import HistoryArray, resolve_horizon
from clvkit.history._net_amount import net_amount
from clvkit.utils._duration import Duration, parse_duration, ticks_per_day
from clvkit.utils._ragged import ragged_searchsorted

__all__ = ["SeasonFeatures"]

Ints = NDArray[np.int64]

_YEAR = ("year_elapsed", "year_sin", "year_cos")
_MONTHS = tuple(f"horizon_in_{name.lower()}" for name in calendar.month_name[1:])
_SHARES = ("season_share", "log_season_share", "log_season_index")

#: Share of the year at the end of each day of it, in a common year and in a leap year. The sine
#: of a day is looked up, so that it is the same bits in any batch.
_ELAPSED = np.arange(367) / np.array([[365], [366]])
_SIN, _COS = np.sin(2 * np.pi * _ELAPSED), np.cos(2 * np.pi * _ELAPSED)


class SeasonFeatures(BaseHistoryTransformer):
    """Where the cutoff stands in the year, which months come next, and what they brought last year.

    Use it where the log covers more than a year and sales have a season, such as Christmas. It
    says nothing that differs between rows of one cutoff, but for ``season_share``; a model can
    learn from the rest only if it is fitted on several cutoffs.

    ========================= ===== ============================================================
    feature                   unit  definition
    ========================= ===== ============================================================
    year_elapsed              share of the calendar year at the end of the cutoff's day
    year_sin                  ratio sine of that share of a full turn
    year_cos                  ratio cosine of it
    horizon_in_january        share of the horizon's days that lie in a January
    horizon_in_february       share likewise
    horizon_in_march          share likewise
    horizon_in_april          share likewise
    horizon_in_may            share likewise
    horizon_in_june           share likewise
    horizon_in_july           share likewise
    horizon_in_august         share likewise
    horizon_in_september      share likewise
    horizon_in_october        share likewise
    horizon_in_november       share likewise
    horizon_in_december       share likewise
    season_share              share of the customer's net spend in the year to the cutoff that
                                    fell into its season
    log_season_share          share the same of all customers' net spend
    log_season_index          ratio log_season_share to what it were if all days were alike
    ========================= ===== ============================================================

    The *season* of a year is as long as the horizon and starts on the day of the year after the
    cutoff: at the cutoff 30 November and with a horizon of 31 days it is last year's December. A
    horizon longer than a year has all of the year for its season.

    None of the features is ever missing, for a column without any value is refused by some
    regressors, and few logs are much longer than a year. Where the log does not reach back a year
    before the cutoff, which is told by the first event in fit, or has no net spend above 0 in it,
    all days count as alike: ``log_season_index`` is 1. There, and for a customer who came after
    the season or whose own year has no net spend above 0, ``season_share`` is that of all.

    **Horizon.** It is that of the samples given to fit, or the parameter. With neither there are
    the first three features only. Histories that record another horizon are refused.

    **No future.** What all customers spent is learnt by day, each customer counting once by his
    latest row. A row is shown the days up to its cutoff, or up to the last cutoff of fit where the
    row is later; then the year is the last known one, and its season starts on the same day.
    Where customers are observed to different cutoffs, a day's total is scaled from those who are
    observed on it to all who were acquired by then.

    Parameters
    ----------
    horizon : str or None, default=None
        Length of the period to predict, such as ``"13W"``; None takes the one that the samples
        were made with, if they were made with any.

    Attributes
    ----------
    horizon_ : str or None
        The horizon in use.
    first_day_ : int
        Day of the first event, since 1970-01-01, but no more than fifty years before the last
        cutoff of fit.
    daily_spend_ : ndarray of shape (n_days,)
        Net amount of all customers on each day, from ``first_day_`` to the last cutoff of fit.
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``, the column that is read; any others are ignored.

    Raises
    ------
    HorizonError
        By ``fit`` and ``transform``, when the samples were made with another horizon.
    DurationError
        By ``fit``, when ``horizon`` cannot be read, or is no whole number of the moments.

    See Also
    --------
    WindowFeatures : spend in the same window a year ago, and in the latest ones.
    default_features : this and the other groups in one transformer.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import SeasonFeatures
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1998-03-31")
    >>> season = SeasonFeatures(horizon="6W").set_output(transform="pandas").fit_transform(X)
    >>> season[["year_elapsed", "season_share", "log_season_index"]].head(2).round(3)
                            year_elapsed  season_share  log_season_index
    customer_id cutoff
    1           1998-03-31         0.247          0.00               1.3
    2           1998-03-31         0.247          0.15               1.3
    >>> SeasonFeatures().fit(X).get_feature_names_out()
    array(['year_elapsed', 'year_sin', 'year_cos'], dtype=object)
    >>> SeasonFeatures(horizon="3m").fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.DurationError: horizon='3m' could mean minutes or months: ...
    """

    _parameter_constraints: dict = {"horizon": [str, None]}

    def __init__(self, *, horizon: str | None = None):
        self.horizon = horizon

    def _feature_names(self) -> list[str]:
        return [*_YEAR] if self.horizon_ is None else [*_YEAR, *_MONTHS, *_SHARES]

    def _learn(self, latest: HistoryArray, cutoffs: Ints) -> None:
        known = self.horizon is not None or latest.dtype.horizon is not None
        horizon = resolve_horizon(self.horizon, latest) if known else None
        if horizon is not None:
            horizon.after(cutoffs, latest.dtype.resolution)  # or say that it cannot be counted
        self.horizon_ = None if horizon is None else str(horizon)
        self.first_day_, self.daily_spend_ = learn_daily_spend(latest, int(cutoffs[-1]))

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        cutoffs, row = _distinct(view.histories.cutoff_moments)
        resolution = view.histories.dtype.resolution
        shared = _time_of_year(cutoffs // ticks_per_day(resolution))
        if self.horizon_ is None:
            return {name: values[row] for name, values in shared.items()}
        horizon = resolve_horizon(self.horizon_, view.histories)
        shared |= _months_ahead(cutoffs, horizon, resolution)
        shared |= self._shares_of_all(last_complete_day(cutoffs, resolution), horizon)
        features = {name: values[row] for name, values in shared.items()}
        own = self._own_share(view, cutoffs, row, horizon)
        return features | {
            "season_share": np.where(np.isnan(own), features["log_season_share"], own)
        }

    @property
    def _daily(self) -> DailySpend:
        return DailySpend(self.first_day_, self.daily_spend_)

    def _shares_of_all(self, day: Ints, horizon: Duration) -> dict[str, Floats]:
        share, even = self._daily.share_of_season(day, horizon)
        return {"log_season_share": share, "log_season_index": share / even}

    def _own_share(self, view: HistoryView, cutoffs: Ints, row: Ints, horizon: Duration) -> Floats:
        """Return the season's share of the customer's own year; NaN where there is none."""
        resolution = view.histories.dtype.resolution
        opens = parse_duration("1Y").before(cutoffs, resolution)
        closes = np.minimum(horizon.after(opens, resolution), cutoffs)
        offsets, time, amount = view.events

        def position_after(moments: Ints) -> Ints:
            target = moments[0] if len(moments) == 1 else moments[row]
            return ragged_searchsorted(time, offsets[:-1], offsets[1:], target)

        begin, end = position_after(opens), position_after(closes)
        year = net_amount(amount, begin, offsets[1:])
        share = divide(net_amount(amount, begin, end), year)
        known = self._daily.reaches_back(last_complete_day(opens, resolution))
        there = view.histories.first_moments <= closes[row]
        return np.where(known[row] & there, share, np.nan)


def _time_of_year(day: Ints) -> dict[str, Floats]:
    year = day.astype("M8[D]").astype("M8[Y]")
    first, following = (y.astype("M8[D]").astype(np.int64) for y in (year, year + 1))
    cell = following - first - 365, day + 1 - first
    return dict(zip(_YEAR, (_ELAPSED[cell], _SIN[cell], _COS[cell]), strict=True))


def _months_ahead(cutoffs: Ints, horizon: Duration, resolution: str) -> dict[str, Floats]:
    """Return how much of the days that the horizon touches lies in each calendar month."""
    last = horizon.after(cutoffs, resolution) // ticks_per_day(resolution)
    days = days_in_months(last_complete_day(cutoffs, resolution), last)
    share = days / days.sum(axis=1, keepdims=True)
    return dict(zip(_MONTHS, share.T, strict=True))


def _distinct(values: Ints) -> tuple[Ints, Ints]:
    """Return the distinct values, and which of them each value is."""
    if len(values) and (values == values[0]).all():
        return values[:1], np.zeros(len(values), dtype=np.int64)
    distinct, which = np.unique(values, return_inverse=True)
    return distinct, which
