"""The values of the customers of a log on Spark."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from clvkit.calibration._coverage import check_coverage
from clvkit.errors import ArgumentError
from clvkit.history._granularity import get_granularity
from clvkit.history._moments import as_moments
from clvkit.serving import CLVModel, load
from clvkit.serving._histories import check_logs, take_columns
from clvkit.serving._learning import door_of
from clvkit.spark._frames import check_frame, modules
from clvkit.spark._partitions import check_partitions, key_fields, map_histories
from clvkit.spark._scoring import Scoring, check_quantiles
from clvkit.spark._settle import DEFAULTS, Settled, settle

__all__ = ["predict_customers"]

#: What a CLVModel may be told anew: where the columns are, not how they are read.
_NAMES = ("customer_id", "date", "amount")


def predict_customers(
    model: Any,
    sdf: Any,
    cutoff: Any = None,
    coverage: float | None = None,
    *,
    components: bool = False,
    quantiles: Sequence[float] = (),
    covariates: Any = None,
    customer_id: str | Mapping[str, str] | None = None,
    date: str | Mapping[str, str] | None = None,
    amount: str | Mapping[str, str | None] | None = None,
    attributes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    refunds: str | None = None,
    duplicates: str | None = None,
    granularity: str | None = None,
    n_partitions: int | None = None,
) -> Any:
    """Score a raw log on Spark: one row a customer.

    The rows are those of :meth:`clvkit.serving.CLVModel.predict_customers`: rows of the log are
    brought together by customer, and each partition goes through the same door, features and
    model. Nothing of a row depends on how the log is partitioned.

    Parameters
    ----------
    model : str, path-like, CLVModel, AutoCLV or regressor
        What :func:`clvkit.serving.load` reads (a folder, or an MLflow URI such as
        ``"models:/clv@champion"``), a fitted model, or a fitted regressor or pipeline from
        histories to spend. It is loaded on the driver and broadcast: executors need no MLflow,
        and an alias that moves meanwhile cannot mix two versions.
    sdf : Spark DataFrame, or dict of them by the name of the log
        All the transactions of the customers to score (and the other logs of training).
    cutoff : date-like or None, default=None
        The last known day of all customers. By default the later of the end of training and the
        last day of the whole log.
    coverage : float or None, default=None
        Of the interval, in (0, 1); by default that of the model, or 0.9.
    components : bool, default=False
        Whether to add ``probability_active`` and ``expected_spend`` (per purchase).
    quantiles : sequence of float, default=()
        Levels in (0, 1), for which columns such as ``q0.9`` are added.
    covariates : Spark DataFrame, table, path or None, default=None
        Where the model was trained with covariates.
    customer_id, date, amount : str or None, default=None
        Names of the columns; by default those of a :class:`~clvkit.serving.CLVModel`, or these.
    attributes, refunds, duplicates, granularity : default=None
        How to read the log, for a regressor that is no :class:`~clvkit.serving.CLVModel`. See
        :func:`clvkit.history.latest_histories`.
    n_partitions : int or None, default=None
        Into how many partitions customers are brought. None takes one for each million events, in
        multiples of ``spark.default.parallelism``, and fewer where each would have less than
        100,000.

    Returns
    -------
    Spark DataFrame
        The customer under the name of its column, ``cutoff``, ``clv``, ``lower``, ``upper``,
        ``expected_purchases``, ``probability_alive``, ``segment`` (of a CLVModel), and what else
        was asked for. Null is what the model cannot tell. Rows are in no order.

    Raises
    ------
    LogError, LogTypeError, CutoffError
        When the log cannot be used, as the door raises them, before anything is scored.
    ArgumentError
        For a coverage or quantile out of range, covariates that the model was not trained with,
        or settings that are the model's own.
    NoComponentsError
        For quantiles of a model that has none.
    ModelFormatError, UntrustedModelError
        For a model that cannot be loaded.

    Examples
    --------
    >>> from clvkit.spark import predict_customers
    >>> predict_customers("models:/clv@champion", spark.read.parquet("log"))  # doctest: +SKIP
    DataFrame[customer_id: bigint, cutoff: date, clv: double, lower: double, upper: double, ...]
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> model = HistoricalRate(horizon="13W").fit(latest_histories(load_cdnow()))
    >>> predict_customers(model, load_cdnow())
    Traceback (most recent call last):
        ...
    clvkit.errors.LogTypeError: the log must be a Spark DataFrame; got DataFrame. Make one ...
    """
    given = {
        "customer_id": customer_id,
        "date": date,
        "amount": amount,
        "attributes": attributes,
        "refunds": refunds,
        "duplicates": duplicates,
        "granularity": granularity,
    }
    own = {name: value for name, value in given.items() if value is not None}
    estimator = _fitted(model)
    if not isinstance(sdf, Mapping):
        check_frame(sdf)
    levels = check_quantiles(estimator, quantiles)
    default = getattr(estimator, "coverage", 0.9) if isinstance(estimator, CLVModel) else 0.9
    wanted = check_coverage(default if coverage is None else coverage)
    check_partitions(n_partitions)
    settled = _settle(estimator, sdf, cutoff, covariates, own)
    keys = key_fields(settled)
    scoring = Scoring(estimator, wanted, components, levels)
    _, T = modules()
    kinds = {"segment": T.LongType()}
    fields = [T.StructField(name, kinds.get(name, T.DoubleType())) for name in scoring.names]
    if keys[0].name.lower() in {"cutoff", *scoring.names}:  # Spark minds no capitals
        raise ArgumentError(
            f"the customers are called {keys[0].name!r}, as a column of the result is. Rename the "
            "column: sdf.withColumnRenamed(...)."
        )
    return map_histories(settled, scoring, [*keys, *fields], n_partitions)


def _fitted(model: Any) -> Any:
    """Return a fitted CLVModel or regressor."""
    if isinstance(model, (str, os.PathLike)):
        return load(model)
    check_is_fitted(model)
    model = getattr(model, "model_", model)
    if not hasattr(model, "predict"):
        raise ArgumentError(
            f"{type(model).__name__} predicts no spend. Give a CLVModel, its URI, or a regressor "
            "from histories to spend; features come from clvkit.spark.features."
        )
    return model


def _settle(model: Any, sdf: Any, cutoff: Any, covariates: Any, own: dict[str, Any]) -> Settled:
    if not isinstance(model, CLVModel):
        return settle(sdf, cutoff, covariates=covariates, **DEFAULTS | own)
    if fixed := [name for name in own if name not in _NAMES]:
        raise ArgumentError(
            f"{fixed[0]}= cannot be given, as the model reads logs as it was trained, with "
            f"{fixed[0]}={getattr(model, fixed[0])!r}. Leave it out."
        )
    door = door_of(model, model.streams_) | own
    log = check_logs(sdf, model.streams_)
    resolution = get_granularity(model.granularity).resolution
    trained = int(as_moments(np.array(model.training_end_, "M8[s]"), resolution))
    settled = settle(log, cutoff, covariates=covariates, observed_until=trained, **door)
    _check_covariates(model, settled)
    return settled


def _check_covariates(model: CLVModel, settled: Settled) -> None:
    """Refuse other covariates than those of training now, and not in each partition."""
    given = [n for n in settled.covariate_types if n not in (settled.customer_id, "valid_from")]
    names = ["history", *model.streams_, *given]
    take_columns(pd.DataFrame(columns=names), model.feature_names_in_, model.streams_)
