"""Expected against actual purchases: over time, and by customers' number of purchases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.btyd._design import covariate_names
from clvkit.btyd._summary import read_rows, read_weights
from clvkit.errors import ArgumentError, UnknownNameError
from clvkit.history import find_purchases, get_histories
from clvkit.utils._axes import axes_or_new
from clvkit.utils._duration import RESOLUTIONS, parse_duration

__all__ = ["FrequencyHistogram", "PurchaseTracking", "frequency_histogram", "track_purchases"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PurchaseTracking:
    """Result of :func:`track_purchases`.

    Attributes
    ----------
    date : ndarray of datetime64 of shape (n_periods,)
        Last day of each period.
    actual, expected : ndarray of shape (n_periods,)
        Repeat purchases in each period.
    cutoff : numpy.datetime64 or None
        End of the period that the model was fitted on, where it was given.
    """

    date: NDArray[np.datetime64]
    actual: Array
    expected: Array
    cutoff: np.datetime64 | None = None

    def frame(self) -> pd.DataFrame:
        """Return the table.

        Returns
        -------
        DataFrame of shape (n_periods, 4 or 5)
            Indexed by ``date``: ``actual`` and ``expected`` repeat purchases, both also as
            ``cumulative_actual`` and ``cumulative_expected``; with a cutoff also ``holdout``,
            whether the period ends after it.
        """
        table = pd.DataFrame(
            {
                "actual": self.actual,
                "expected": self.expected,
                "cumulative_actual": np.cumsum(self.actual),
                "cumulative_expected": np.cumsum(self.expected),
            },
            index=pd.DatetimeIndex(self.date, name="date"),
        )
        if self.cutoff is not None:
            table["holdout"] = table.index > pd.Timestamp(self.cutoff)
        return table

    def plot(self, ax: Any = None, *, cumulative: bool = False) -> Any:
        """Draw actual and expected purchases over time, and the cutoff where it is known.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw on; a new figure by default.
        cumulative : bool, default=False
            Whether to add the purchases up from the first period on.

        Returns
        -------
        matplotlib Axes
        """
        ax, table = axes_or_new(ax), self.frame()
        before = "cumulative_" if cumulative else ""
        ax.plot(table.index, table[f"{before}actual"], color="#64748b", lw=1.2, label="Actual")
        ax.plot(table.index, table[f"{before}expected"], color="#c2410c", lw=1.6, label="Expected")
        if self.cutoff is not None:
            ax.axvline(self.cutoff, color="black", lw=0.8, ls=":", label="Cutoff")
        ax.set(ylabel=f"{'Cumulative repeat' if cumulative else 'Repeat'} purchases")
        ax.set_ylim(bottom=0.0)
        ax.tick_params(axis="x", rotation=30)
        ax.legend(frameon=False)
        return ax


def track_purchases(
    model: Any, X: Any, *, period: str = "7D", cutoff: Any = None
) -> PurchaseTracking:
    """Compare repeat purchases of all customers over time with what a model expects.

    The expectation is that of newcomers: it starts at each customer's first purchase and knows
    nothing of what he bought later, as in the tracking plots of the literature. A model that
    fits follows the actual curve, season apart, before and after the cutoff. Ages at the end of
    a day are those that T has there (BTYD's tracking plots count a day more).

    Parameters
    ----------
    model : fitted purchase model
        Covariates are read from the columns of ``X`` beside the history.
    X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
        The customers to track, to the end of what is known of them: give ``latest_histories`` of
        the whole log, also where the model was fitted at an earlier cutoff. Each customer once.
    period : str, default="7D"
        Length of a step, in days, weeks or another fixed unit.
    cutoff : date-like, optional
        End of the data that the model was fitted on, to mark what came after.

    Returns
    -------
    PurchaseTracking
        With :meth:`~PurchaseTracking.frame` and :meth:`~PurchaseTracking.plot`.

    Raises
    ------
    ArgumentError
        When the histories end at several cutoffs.
    UnknownNameError
        When ``X`` lacks a covariate of the model.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science
    24(2), figure 3.

    Examples
    --------
    >>> from clvkit.btyd import BetaGeoNBD, track_purchases
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories, rfm_summary
    >>> log = load_cdnow()
    >>> model = BetaGeoNBD().fit(rfm_summary(latest_histories(log, "1997-09-30")))
    >>> tracking = track_purchases(model, latest_histories(log), cutoff="1997-09-30")
    >>> tracking.frame()[["cumulative_actual", "cumulative_expected", "holdout"]].iloc[[38, 77]]
                cumulative_actual  cumulative_expected  holdout
    date
    1997-09-30             2457.0          2493.956...     False
    1998-06-30             4339.0          4160.609...      True
    """
    array = get_histories(X)
    cutoffs = np.unique(array.cutoff_moments)
    if len(cutoffs) != 1:
        raise ArgumentError(
            f"X holds histories at {len(cutoffs)} cutoffs; tracking needs each customer once, to "
            "one date. Give latest_histories(log)."
        )
    purchases = find_purchases(array)
    size = purchases.granularity.seconds
    step = parse_duration(period, name="period").ticks("s") / size
    # Moments in periods of the histories since the first day, whose own end is moment 1.
    start = int(purchases.birth.min())
    n_steps = int(np.ceil((int(purchases.now[0]) + 1 - start) / step))
    ends = start - 1 + step * np.arange(n_steps + 1)
    repeat = np.ones(len(purchases.period), dtype=bool)
    repeat[purchases.begin[purchases.count > 0]] = False
    actual, _ = np.histogram(purchases.period[repeat], bins=ends + 0.5)
    births, customers = np.unique(purchases.birth, return_counts=True)
    unit = parse_duration(model.time_unit, name="time_unit").ticks("s") / size
    if (columns := _columns(X, model)) is not None:
        expected = _expected_of_each(model, columns, purchases.birth, ends, unit)
    else:
        expected = _expected_by(model, births, customers, ends, unit)
    resolution = array.dtype.resolution
    day = RESOLUTIONS[resolution][1]
    moments = cutoffs[0] + np.rint((ends[1:] - purchases.now[0]) * size / day).astype(np.int64)
    return PurchaseTracking(
        moments.astype(f"datetime64[{resolution}]"),
        actual.astype(float),
        np.diff(expected),
        None if cutoff is None else np.datetime64(pd.Timestamp(cutoff)),
    )


def _expected_by(model: Any, births: Any, customers: Any, ends: Any, unit: float) -> Array:
    """Return the cumulative expectation at each of ``ends``, summed over customers."""
    ages = np.maximum(ends[:, None] - births, 0.0) / unit
    distinct, code = np.unique(ages, return_inverse=True)
    expected = np.asarray(model.expected_purchases_newcomer(distinct))
    return np.asarray(expected[code].reshape(ages.shape) @ customers)


def _expected_of_each(model: Any, table: Any, births: Any, ends: Any, unit: float) -> Array:
    """Return the same where customers differ by covariates: once for all who are alike."""
    alike = table.assign(_birth=births).groupby([*table.columns, "_birth"], sort=False)
    customers = alike.size().reset_index(name="_customers")
    births, weights = customers.pop("_birth").to_numpy(), customers.pop("_customers").to_numpy()
    ages = (np.maximum(end - births, 0.0) / unit for end in ends)
    return np.array([model.expected_purchases_newcomer(age, customers) @ weights for age in ages])


def _columns(X: Any, model: Any) -> Any:
    """Return what a model must be told of newcomers, if anything."""
    if hasattr(model, "_newcomer_columns"):
        return model._newcomer_columns(X)
    names = covariate_names(model)
    if not names:
        return None
    missing = [name for name in names if name not in getattr(X, "columns", ())]
    if missing:
        raise UnknownNameError(
            f"X has no column {missing[0]!r}, which {type(model).__name__} names as a covariate. "
            "Give the door a covariates table."
        )
    return X[names]


@dataclass(frozen=True)
class FrequencyHistogram:
    """Result of :func:`frequency_histogram`.

    Attributes
    ----------
    actual, expected : ndarray of shape (n_max + 1,)
        Number of customers with 0, 1, ... repeat purchases; the last holds those with more too.
    """

    actual: Array
    expected: Array

    def frame(self) -> pd.DataFrame:
        """Return the table.

        Returns
        -------
        DataFrame of shape (n_max + 1, 2)
            Indexed by ``frequency`` ("0", "1", ..., "7+"): ``actual`` and ``expected``
            customers.
        """
        last = len(self.actual) - 1
        index = pd.Index([*map(str, range(last)), f"{last}+"], name="frequency")
        return pd.DataFrame({"actual": self.actual, "expected": self.expected}, index=index)


def frequency_histogram(
    model: Any, summary: Any, n_max: int = 7, sample_weight: Any = None
) -> FrequencyHistogram:
    """Compare how many customers bought how often with what a model expects.

    The expectation is that of newcomers observed for each customer's T: a first look at whether
    a model fits.

    Parameters
    ----------
    model : fitted purchase model
        Covariates are read from the summary.
    summary : DataFrame or array-like of shape (n_customers, 3 or more)
        As in the model's ``fit``.
    n_max : int, default=7
        Customers with as many repeat purchases or more are counted together.
    sample_weight : array-like of shape (n_customers,), optional
        How many customers each row stands for.

    Returns
    -------
    FrequencyHistogram
        With :meth:`~FrequencyHistogram.frame`.

    Examples
    --------
    >>> from clvkit.btyd import BetaGeoNBD, frequency_histogram
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories, rfm_summary
    >>> summary = rfm_summary(latest_histories(load_cdnow(), "1997-09-30"))
    >>> frequency_histogram(BetaGeoNBD().fit(summary), summary, n_max=3).frame().round(1)
               actual  expected
    frequency
    0          1411.0    1407.7
    1           439.0     460.3
    2           214.0     192.5
    3+          293.0     296.5
    """
    rows = read_rows(summary, time_unit=model.time_unit)
    weights = read_weights(sample_weight, len(rows.T))
    if isinstance(n_max, bool) or not isinstance(n_max, int | np.integer) or n_max < 1:
        raise ArgumentError(f"n_max={n_max!r} must be a whole number of 1 or more, such as 7.")
    counts = np.minimum(rows.frequency, n_max).astype(np.intp)
    actual = np.bincount(counts, weights, n_max + 1)
    if covariate_names(model):
        expected = weights @ model.purchase_pmf_newcomer(rows.T, int(n_max) - 1, summary)
    else:
        ages, code = np.unique(rows.T, return_inverse=True)
        customers = np.bincount(code, weights, len(ages))
        expected = customers @ model.purchase_pmf_newcomer(ages, int(n_max) - 1)
    return FrequencyHistogram(
        actual.astype(float), np.append(expected, weights.sum() - expected.sum())
    )
