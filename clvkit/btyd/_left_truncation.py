r"""Customers who are older than the log, read beside those who are not.

A customer of whom the log shows purchases only since he was :math:`\tau` old is summarised from
there: ``frequency`` counts all purchases in the log, ``recency`` and ``T`` are counted from the
start of the log, and ``unseen`` is :math:`\tau`. He is in the log because he bought in it, and his
likelihood is conditional on that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from clvkit.btyd._acquired import read_acquired
from clvkit.btyd._design import join_covariates
from clvkit.btyd._newton import Objective
from clvkit.btyd._purchase_hooks import PurchaseHooks
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._summary import Rows, read_weights
from clvkit.errors import ArgumentError, CutoffError, SummaryError
from clvkit.history import find_purchases, get_histories, rfm_summary
from clvkit.history._granularity import get_granularity
from clvkit.utils._duration import parse_duration

__all__ = ["LeftTruncation", "unseen_of"]

Array = NDArray[np.float64]

_COLUMN = "unseen"
#: Ages that customers may have in common, as multiples of the longest time observed.
_AGES = (0.01, 100.0)
_GRID = 13


class LeftTruncation(PurchaseModel):
    """What the models for logs that start mid-life have beyond those that they extend.

    A mix-in for a purchase model, whose constructor has ``acquired`` and ``log_start``.
    """

    acquired: str
    log_start: str | None
    unseen_: float

    def fit(self, summary: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in the model without truncation, with the column ``unseen`` in a frame. Where that
            is missing (NaN), a customer is older than the log by nobody knows how much. The
            parameters are those of all others; for predictions such customers have one age in
            common, ``unseen_``, which makes their purchases most likely.
        y : ignored
            Present for the API of scikit-learn.
        sample_weight : array-like of shape (n_customers,), optional
            How many customers each row stands for.

        Returns
        -------
        self
        """
        self.unseen_ = np.nan
        flagged = _flagged(summary)
        if not flagged.any():
            return super().fit(summary, y, sample_weight)
        weights = read_weights(sample_weight, len(flagged))
        super().fit(_part(summary, ~flagged), y, weights[~flagged])
        self.unseen_ = self._common_age(_part(summary, flagged), weights[flagged])
        return self

    def _common_age(self, summary: pd.DataFrame, weights: Array) -> float:
        def loss(log_age: float) -> float:
            self.unseen_ = float(np.exp(log_age))
            return -float(weights @ self.log_likelihood(summary))

        longest = self._rows(summary.assign(**{_COLUMN: 0.0})).T.max()
        grid = np.log(longest * np.geomspace(*_AGES, _GRID))
        best = int(np.argmin([loss(one) for one in grid]))
        bounds = grid[[max(best - 1, 0), min(best + 1, _GRID - 1)]]
        return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))

    def summarise(self, X: pd.DataFrame) -> pd.DataFrame:
        """Summarise histories from the acquisition or the start of the log, whatever is later.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``, and the column that ``acquired`` names: the date on which
            each customer was acquired, missing where that is not known to be before the log
            starts; or a truth value, whether it was before. ``unseen`` is missing (NaN) then.

        Returns
        -------
        DataFrame of shape (n_samples, 5 or more)
            As :func:`clvkit.history.rfm_summary` returns it, in the model's unit of time, with
            ``unseen`` and the covariates of the model.

        Raises
        ------
        ArgumentError
            When ``log_start`` is not given.
        CutoffError
            When a history has events before ``log_start``.
        """
        summary = rfm_summary(X, time_unit=self.time_unit, granularity="D")
        purchases = find_purchases(get_histories(X), get_granularity("D"))
        day = parse_duration("1D").in_units(parse_duration(self.time_unit, name="time_unit"))
        # A day is known at its end: the log starts at the end of the day before.
        start = self._first_day() - 1
        early = purchases.birth <= start
        if early.any():
            raise CutoffError(
                f"{early.sum()} of {len(early)} histories begin before log_start="
                f"{self.log_start!r}. It is the first day on which the log would have shown a "
                "purchase: give the log's own first day."
            )
        age = self._ages(X, start)
        older = ~(age <= 0.0) & (purchases.count > 0)
        before = np.where(older, (purchases.birth - start) * day, 0.0)
        summary["frequency"] += older
        summary["recency"] += before
        summary["T"] += before
        summary[_COLUMN] = np.where(older, age * day, 0.0)
        return join_covariates(summary, X, self)

    def _ages(self, X: pd.DataFrame, start: int) -> Array:
        """Return ages at the start of the log in days; NaN for a flag, 0 for newcomers."""
        if self.acquired in X.columns and pd.api.types.is_bool_dtype(X[self.acquired].dtype):
            return np.where(X[self.acquired].to_numpy(dtype=bool), np.nan, 0.0)
        acquired = read_acquired(X, self.acquired)
        known = acquired <= start
        return np.where(known, np.maximum(start - np.where(known, acquired, start), 0.5), 0.0)

    def _first_day(self) -> int:
        if self.log_start is None:
            raise ArgumentError(
                f"{type(self).__name__} needs log_start, the first day on which the log would have "
                "shown a purchase, such as log_start='2011-01-01', to read histories."
            )
        return int(np.datetime64(pd.Timestamp(self.log_start), "D").astype(np.int64))

    def _objective(self, rows: Rows, weights: Array) -> Objective:
        # Newcomers are summed the fast way, older customers row by row.
        old = unseen_of(rows) > 0
        if not old.any():
            return super()._objective(rows, weights)
        older = PurchaseHooks._objective(self, rows.take(old), weights[old])
        if old.all():
            return older
        newer = super()._objective(rows.take(~old), weights[~old])
        return lambda log_params: newer(log_params).plus(older(log_params))

    def _read_rows(self, summary: Any) -> Rows:
        rows = super()._read_rows(summary)
        return rows._replace(unseen=self._read_unseen(summary, rows))

    def _read_unseen(self, summary: Any, rows: Rows) -> Array:
        if not hasattr(summary, "columns") or _COLUMN not in summary.columns:
            return np.zeros_like(rows.T)
        values = np.array(summary[_COLUMN], dtype=float)
        own = getattr(summary, "attrs", {}).get("time_unit", self.time_unit)
        unit = parse_duration(self.time_unit, name="time_unit")
        values *= parse_duration(own, name='attrs["time_unit"]').in_units(unit)
        values = np.where(np.isnan(values), getattr(self, "unseen_", np.nan), values)
        bad = ~np.isfinite(values) | (values < 0)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise SummaryError(
                f"In the summary unseen is negative, missing or infinite in {bad.sum()} of "
                f"{len(bad)} rows, for example row {row}: {values[row]:g}. It is the age at the "
                "start of the log, and 0 for customers acquired later. It may be missing where the "
                "model was fitted on such customers, too."
            )
        silent = (values > 0) & (rows.frequency == 0)
        if silent.any():
            row = int(np.flatnonzero(silent)[0])
            raise SummaryError(
                f"In the summary frequency is 0 although unseen is positive in {silent.sum()} of "
                f"{len(silent)} rows, for example row {row}. Of customers older than the log those "
                "are modelled who bought in it, and frequency counts their first purchase in the "
                "log, too: leave the others out."
            )
        return values


def _flagged(summary: Any) -> NDArray[np.bool_]:
    """Return who is older than the log by nobody knows how much."""
    if not hasattr(summary, "columns") or _COLUMN not in summary.columns:
        return np.zeros(len(summary), dtype=bool)
    return np.isnan(np.array(summary[_COLUMN], dtype=float))


def _part(summary: pd.DataFrame, mask: NDArray[np.bool_]) -> pd.DataFrame:
    part = summary[mask]
    part.attrs.update(summary.attrs)
    return part


def unseen_of(rows: Rows) -> Array:
    """Return the age at the start of the log; 0 for newcomers."""
    return np.zeros_like(rows.T) if rows.unseen is None else rows.unseen
