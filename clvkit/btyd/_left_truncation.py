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
from numpy.typing import NDArray

from clvkit.btyd._acquired import read_acquired
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._summary import Rows
from clvkit.errors import ArgumentError, CutoffError, SummaryError, UnknownNameError
from clvkit.history import find_purchases, get_histories, rfm_summary
from clvkit.history._granularity import get_granularity
from clvkit.utils._duration import parse_duration

__all__ = ["LeftTruncation", "unseen_of"]

Array = NDArray[np.float64]

_COLUMN = "unseen"


class LeftTruncation(PurchaseModel):
    """What the models for logs that start mid-life have beyond those that they extend.

    A mix-in for a purchase model, whose constructor has ``acquired`` and ``log_start``.
    """

    acquired: str
    log_start: str | None

    def summarise(self, X: pd.DataFrame) -> pd.DataFrame:
        """Summarise histories from the acquisition or the start of the log, whatever is later.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``, and the column that ``acquired`` names: the date on which
            each customer was acquired. Missing where that is not known to be before the log starts.

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
        acquired = read_acquired(X, self.acquired)
        older = (acquired <= start) & (purchases.count > 0)
        before = np.where(older, (purchases.birth - start) * day, 0.0)
        summary["frequency"] += older
        summary["recency"] += before
        summary["T"] += before
        age = start - np.where(older, acquired, start)
        summary[_COLUMN] = np.where(older, np.maximum(age, 0.5) * day, 0.0)
        return self._with_covariates(summary, X)

    def _first_day(self) -> int:
        if self.log_start is None:
            raise ArgumentError(
                f"{type(self).__name__} needs log_start, the first day on which the log would have "
                "shown a purchase, such as log_start='2011-01-01', to read histories."
            )
        return int(np.datetime64(pd.Timestamp(self.log_start), "D").astype(np.int64))

    def _with_covariates(self, summary: pd.DataFrame, X: pd.DataFrame) -> pd.DataFrame:
        names = self._covariate_names()
        missing = [name for name in names if name not in X.columns]
        if missing:
            raise UnknownNameError(
                f"X has no column {missing[0]!r}, which {type(self).__name__} names as a "
                "covariate. Give the door a covariates table."
            )
        for name in names:
            summary[name] = X[name]
        summary.attrs["time_unit"] = self.time_unit
        return summary

    def _read_rows(self, summary: Any) -> Rows:
        rows = super()._read_rows(summary)
        return rows._replace(unseen=self._read_unseen(summary, rows))

    def _read_unseen(self, summary: Any, rows: Rows) -> Array:
        if not hasattr(summary, "columns") or _COLUMN not in summary.columns:
            return np.zeros_like(rows.T)
        values = np.array(summary[_COLUMN], dtype=float)
        bad = ~np.isfinite(values) | (values < 0)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise SummaryError(
                f"In the summary unseen is negative, missing or infinite in {bad.sum()} of "
                f"{len(bad)} rows, for example row {row}: {values[row]:g}. It is the age at the "
                "start of the log, and 0 for customers acquired later."
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
        own = getattr(summary, "attrs", {}).get("time_unit", self.time_unit)
        unit = parse_duration(self.time_unit, name="time_unit")
        return values * parse_duration(own, name='attrs["time_unit"]').in_units(unit)


def unseen_of(rows: Rows) -> Array:
    """Return the age at the start of the log; 0 for newcomers."""
    return np.zeros_like(rows.T) if rows.unseen is None else rows.unseen
