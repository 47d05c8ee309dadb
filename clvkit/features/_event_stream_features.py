"""What customers do beside buying: visits, clicks, returns, service contacts."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted

from clvkit.errors import EmptyLogError, HistoryTypeError
from clvkit.features._base import check_granularity
from clvkit.features._view import Floats, HistoryView, blocks_of_rows, divide
from clvkit.history import HistoryArray, get_histories, history_columns
from clvkit.history._net_amount import net_amount
from clvkit.utils._duration import ticks_per_day
from clvkit.utils._ragged import ragged_searchsorted, segment_reduce, starts_of_runs

__all__ = ["EventStreamFeatures"]


class EventStreamFeatures(TransformerMixin, BaseEstimator):
    """Counts, recency and amounts of further streams of events, and how they go with purchases.

    Use it where ``X`` was made of several logs, as by ``latest_histories({"transactions": log,
    "visits": visits})``: it then has a history column a stream beside ``history``. Visits and
    contacts tell of customers who are about to buy or to leave before their purchases do. Nothing
    is learnt from other customers.

    One set of features a stream s, its name in front:

    ===================== ======= ===============================================================
    feature               unit    definition
    ===================== ======= ===============================================================
    {s}_n_events          events  number of events
    {s}_n_periods         periods periods (days, by default) with an event
    {s}_days_since_first  days    from the first event to the cutoff; NaN without one
    {s}_days_since_last   days    from the last event to the cutoff; NaN without one
    {s}_per_day           1/day   events per day since the first one, the cutoff's period
                                  included; 0 without one
    {s}_{w}d              events  number of events in the last w days, the cutoff's day included
    {s}_since_purchase    events  events in periods after that of the last purchase; all of them
                                  without a purchase
    {s}_per_purchase      ratio   {s}_n_events / number of purchases; NaN without a purchase
    {s}_amount            money   net amount of the events
    {s}_mean_amount       money   {s}_amount / {s}_n_events; NaN without an event
    {s}_amount_{w}d       money   net amount in the last w days
    ===================== ======= ===============================================================

    The last three kinds are there for streams with an amount other than 0 in fit.

    Parameters
    ----------
    column : str, list of str or None, default=None
        The history columns to read; None for all but ``history``, which may be none.
    windows : sequence of int, default=(30, 90, 365)
        Lengths in days, ascending; may be empty.

    Attributes
    ----------
    streams_ : list of str
        The columns that are read.
    with_amounts_ : list of str
        Those of them that have amounts.
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        Number of columns of ``X``.
    feature_names_in_ : ndarray of str objects
        Names of the columns of ``X``.

    Raises
    ------
    HistoryTypeError
        When ``X`` has no such column, or one without histories or with missing ones.
    ValueError
        By ``fit``, when ``windows`` are not ascending whole days.

    See Also
    --------
    clvkit.history.latest_histories : takes several logs at once.
    default_features : has this group for whatever streams there are.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.features import EventStreamFeatures
    >>> from clvkit.history import latest_histories
    >>> log = pd.DataFrame({"customer_id": ["a"], "date": ["2024-05-01"], "amount": [20.0]})
    >>> visits = pd.DataFrame(
    ...     {"customer_id": ["a"] * 3, "date": ["2024-04-30", "2024-05-01", "2024-06-09"]}
    ... )
    >>> X = latest_histories({"transactions": log, "visits": visits}, cutoff="2024-06-30")
    >>> streams = EventStreamFeatures().set_output(transform="pandas").fit_transform(X)
    >>> streams[["visits_n_events", "visits_days_since_last", "visits_30d"]].iloc[0].tolist()
    [3.0, 21.0, 1.0]
    >>> EventStreamFeatures(column="clicks").fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.HistoryTypeError: X has no column 'clicks' (its columns: ['history', 'visits'])...
    """

    _parameter_constraints: dict = {"column": [str, list, None], "windows": ["array-like"]}

    def __init__(
        self,
        *,
        column: str | list[str] | None = None,
        windows: Sequence[int] = (30, 90, 365),
    ):
        self.column = column
        self.windows = windows

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None):
        """Note which streams there are, and which of them have amounts.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            With a column ``history`` and those of the streams.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        _check_windows(self.windows)
        histories = get_histories(X)
        if not isinstance(X, pd.DataFrame):
            raise HistoryTypeError(
                f"streams are taken by name: X must be a pandas DataFrame, got {type(X).__name__}."
            )
        if not len(X):
            raise EmptyLogError("X has no rows, and EventStreamFeatures needs some to fit on.")
        self.granularity_ = histories.dtype.granularity
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        self.streams_ = _chosen(self.column, X)
        streams = self._streams(X)
        self.with_amounts_ = [
            name for name, stream in streams.items() if stream.flat_events().amount.any()
        ]
        return self

    def transform(self, X: Any) -> Floats:
        """Return the features of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_features_out)
            Or a DataFrame, as :meth:`set_output` asks. Without streams it has no columns.
        """
        check_is_fitted(self)
        histories = get_histories(X)
        check_granularity(self, histories)
        parts = [
            self._features_of(name, stream, histories) for name, stream in self._streams(X).items()
        ]
        return np.hstack([np.empty((len(histories), 0)), *parts])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the features.

        Parameters
        ----------
        input_features : ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        names = [f"{s}_{name}" for s in self.streams_ for name in self._names_of(s)]
        return np.array(names, dtype=object)

    def _streams(self, X: Any) -> dict[str, HistoryArray]:
        streams = {name: get_histories(X, name) for name in self.streams_}
        for stream in streams.values():
            check_granularity(self, stream)
        return streams

    def _names_of(self, stream: str) -> list[str]:
        windows = [f"{days}d" for days in self.windows]
        names = ["n_events", "n_periods", "days_since_first", "days_since_last", "per_day"]
        names += [*windows, "since_purchase", "per_purchase"]
        if stream in self.with_amounts_:
            names += ["amount", "mean_amount", *(f"amount_{window}" for window in windows)]
        return names

    def _features_of(self, name: str, stream: HistoryArray, histories: HistoryArray) -> Floats:
        names = self._names_of(name)
        features = np.empty((len(stream), len(names)), order="F")
        for rows in blocks_of_rows(stream):
            columns = _activity(stream[rows], HistoryView(histories[rows]))
            columns |= _windows(stream[rows], self.windows)
            for j, column in enumerate(names):
                features[rows, j] = columns[column]
        return features


def _check_windows(windows: Sequence[int]) -> None:
    whole = all(isinstance(days, Integral) and not isinstance(days, bool) for days in windows)
    ascending = whole and all(a < b for a, b in zip([0, *windows], windows, strict=False))
    if not ascending:
        raise ValueError(f"windows={windows!r} are not ascending whole numbers of days above 0.")


def _chosen(column: str | list[str] | None, X: pd.DataFrame) -> list[str]:
    if column is None:
        return [name for name in history_columns(X) if name != "history"]
    return [column] if isinstance(column, str) else list(column)


def _activity(stream: HistoryArray, view: HistoryView) -> dict[str, NDArray]:
    """Return what does not depend on windows; ``view`` is that of the transactions."""
    offsets, time, amount = stream.flat_events()
    begin, end, n_events = offsets[:-1], offsets[1:], stream.n_events
    purchases, resolution = view.purchases, stream.dtype.resolution
    period = purchases.granularity.period(time, resolution)
    known = n_events > 0
    first, last = (
        np.where(known, np.append(period, 0)[np.where(known, at, -1)], purchases.now)
        for at in (begin, end - 1)
    )
    bought_in = np.repeat(purchases.birth + purchases.age_at_last, n_events)
    later = (period > bought_in) | ~np.repeat(view.bought, n_events)
    total = net_amount(amount, begin, end)

    def count(which: NDArray[np.bool_]) -> NDArray:
        return segment_reduce(np.add, which, begin, end, empty=0)

    return {
        "n_events": n_events,
        "n_periods": count(starts_of_runs(offsets, period)),
        "days_since_first": np.where(known, view.in_days(purchases.now - first), np.nan),
        "days_since_last": np.where(known, view.in_days(purchases.now - last), np.nan),
        "per_day": n_events / view.in_days(purchases.now - first + 1),
        "since_purchase": count(later),
        "per_purchase": divide(n_events, view.n_purchases),
        "amount": total,
        "mean_amount": divide(total, n_events),
    }


def _windows(stream: HistoryArray, windows: Sequence[int]) -> dict[str, NDArray]:
    offsets, time, amount = stream.flat_events()
    begin, end = offsets[:-1], offsets[1:]
    day = ticks_per_day(stream.dtype.resolution)
    columns: dict[str, NDArray] = {}
    for days in windows:
        start = ragged_searchsorted(time, begin, end, stream.cutoff_moments - days * day)
        columns[f"{days}d"] = end - start
        columns[f"amount_{days}d"] = net_amount(amount, start, end)
    return columns
