"""The RFM summary of a log on Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from clvkit.history import rfm_summary as local_summary
from clvkit.spark._frames import modules
from clvkit.spark._partitions import check_partitions, key_fields, map_histories, with_keys
from clvkit.spark._settle import settle
from clvkit.utils._duration import parse_duration

__all__ = ["rfm_summary"]


def rfm_summary(
    sdf: Any,
    cutoff: Any = None,
    *,
    time_unit: str = "7D",
    gaps: bool = False,
    customer_id: str | Mapping[str, str] = "customer_id",
    date: str | Mapping[str, str] = "date",
    amount: str | Mapping[str, str | None] = "amount",
    end: Any = None,
    refunds: str = "net",
    duplicates: str = "keep",
    granularity: str = "D",
    n_partitions: int | None = None,
) -> Any:
    """Summarise a log on Spark as purchase and spend models want it.

    Parameters
    ----------
    sdf : Spark DataFrame
        One row a transaction line.
    cutoff : date-like or None, default=None
        See :func:`clvkit.history.latest_histories`; by default the last day of the whole log.
    time_unit, gaps
        See :func:`clvkit.history.rfm_summary`.
    customer_id, date, amount, end, refunds, duplicates, granularity
        How to read the log, see :func:`clvkit.history.latest_histories`.
    n_partitions : int or None, default=None
        See :func:`predict_customers`.

    Returns
    -------
    Spark DataFrame
        One row a customer: the customer under the name of its column, ``cutoff``, ``frequency``,
        ``recency``, ``T``, ``monetary_value`` and, if asked for, ``log_gaps``.

    Raises
    ------
    LogError, LogTypeError, CutoffError, DurationError
        When the log cannot be used, as the door raises them, before the result is computed.

    See Also
    --------
    clvkit.history.rfm_summary : The same on one machine, of histories.

    Examples
    --------
    >>> from clvkit.spark import rfm_summary
    >>> rfm_summary(spark.read.parquet("log"))  # doctest: +SKIP
    DataFrame[customer_id: bigint, cutoff: date, frequency: double, recency: double, ...]
    >>> from clvkit.datasets import load_cdnow
    >>> rfm_summary(load_cdnow())
    Traceback (most recent call last):
        ...
    clvkit.errors.LogTypeError: the log must be a Spark DataFrame; got DataFrame. Make one ...
    """
    parse_duration(time_unit, name="time_unit")
    check_partitions(n_partitions)
    settled = settle(
        sdf,
        cutoff,
        end=end,
        customer_id=customer_id,
        date=date,
        amount=amount,
        attributes=(),
        refunds=refunds,
        duplicates=duplicates,
        granularity=granularity,
    )
    _, T = modules()
    names = ["frequency", "recency", "T", "monetary_value", *(["log_gaps"] if gaps else [])]
    fields = [*key_fields(settled), *(T.StructField(name, T.DoubleType()) for name in names)]
    return map_histories(settled, _Summarise(time_unit, gaps), fields, n_partitions)


@dataclass(frozen=True)
class _Summarise:
    time_unit: str
    gaps: bool

    def __call__(self, X: pd.DataFrame) -> list[Any]:
        summary = local_summary(X, time_unit=self.time_unit, gaps=self.gaps)
        return with_keys(X, [summary[name].to_numpy() for name in summary.columns])
