"""Features of each customer of a log on Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from clvkit.errors import ArgumentError
from clvkit.spark._frames import check_frame, modules
from clvkit.spark._partitions import (
    as_columns,
    check_partitions,
    key_fields,
    map_histories,
    with_keys,
)
from clvkit.spark._settle import settle

__all__ = ["features"]


def features(
    transformer: Any,
    sdf: Any,
    cutoff: Any = None,
    *,
    customer_id: str | Mapping[str, str] = "customer_id",
    date: str | Mapping[str, str] = "date",
    amount: str | Mapping[str, str | None] = "amount",
    attributes: Sequence[str] | Mapping[str, Sequence[str]] = (),
    covariates: Any = None,
    end: Any = None,
    refunds: str = "net",
    duplicates: str = "keep",
    granularity: str = "D",
    n_partitions: int | None = None,
) -> Any:
    """Compute the features of each customer of a log on Spark.

    The transformer is the one that is used on one machine, fitted there or by :func:`fit`; it is
    broadcast once, and works on the raw rows of many customers at a time.

    Parameters
    ----------
    transformer : transformer
        Fitted on histories, such as :func:`clvkit.features.default_features`, a group of features
        or a pipeline of them. It must name its features and return numbers.
    sdf : Spark DataFrame, or dict of them by the name of the log
        One row a transaction line.
    cutoff : date-like or None, default=None
        See :func:`clvkit.history.latest_histories`; by default the last day of the whole log.
    customer_id, date, amount, attributes, end, refunds, duplicates, granularity
        How to read the log, see :func:`clvkit.history.latest_histories`.
    covariates : Spark DataFrame, table, path or None, default=None
        Attributes of customers, as there.
    n_partitions : int or None, default=None
        See :func:`predict_customers`.

    Returns
    -------
    Spark DataFrame
        One row a customer: the customer under the name of its column, ``cutoff``, and a column of
        doubles for each feature, null where it is NaN on one machine.

    Raises
    ------
    LogError, LogTypeError, CutoffError
        When the log cannot be used, as the door raises them, before the features are computed.
    ArgumentError
        When the transformer does not name its features, or names one like the column of
        customers or ``cutoff``.
    sklearn.exceptions.NotFittedError

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import RFMFeatures
    >>> from clvkit.history import latest_histories
    >>> from clvkit.spark import features
    >>> transformer = RFMFeatures().fit(latest_histories(load_cdnow()))
    >>> features(transformer, spark.read.parquet("log"))  # doctest: +SKIP
    DataFrame[customer_id: bigint, cutoff: date, frequency: double, recency: double, ...]
    >>> features(transformer, load_cdnow())
    Traceback (most recent call last):
        ...
    clvkit.errors.LogTypeError: the log must be a Spark DataFrame; got DataFrame. Make one ...
    """
    check_is_fitted(transformer)
    names = _names(transformer)
    check_partitions(n_partitions)
    if not isinstance(sdf, Mapping):
        check_frame(sdf)
    settled = settle(
        sdf,
        cutoff,
        covariates=covariates,
        end=end,
        customer_id=customer_id,
        date=date,
        amount=amount,
        attributes=attributes,
        refunds=refunds,
        duplicates=duplicates,
        granularity=granularity,
    )
    _, T = modules()
    keys = key_fields(settled)
    if taken := [field.name for field in keys if field.name in names]:
        raise ArgumentError(
            f"the transformer calls a feature {taken[0]!r}, as the key of the rows is called. "
            "Rename the column, sdf.withColumnRenamed(...), or the feature."
        )
    fields = [*keys, *(T.StructField(name, T.DoubleType()) for name in names)]
    return map_histories(settled, _Transform(transformer), fields, n_partitions)


def _names(transformer: Any) -> list[str]:
    try:
        return [str(name) for name in transformer.get_feature_names_out()]
    except (AttributeError, ValueError, TypeError) as error:
        raise ArgumentError(
            f"{type(transformer).__name__} does not name its features ({str(error)[:200]}), and a "
            "table on Spark is made of named columns. Give it get_feature_names_out."
        ) from error


@dataclass(frozen=True)
class _Transform:
    transformer: Any

    def __call__(self, X: pd.DataFrame) -> list[Any]:
        output = self.transformer.transform(X)
        values = output.toarray() if sparse.issparse(output) else np.asarray(output)
        return with_keys(X, as_columns(values))
