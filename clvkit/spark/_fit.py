"""Fitting to a log on Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import has_fit_parameter

from clvkit.btyd import BTYDRegressor
from clvkit.btyd._btyd_regressor import Lesson
from clvkit.errors import ArgumentError
from clvkit.history import HistoryArray, HistoryDtype, resolve_horizon
from clvkit.spark._collect import collect_histories
from clvkit.spark._counts import Counts, Needs, count_summaries
from clvkit.spark._frames import check_frame
from clvkit.spark._partitions import check_partitions
from clvkit.spark._settle import DEFAULTS, settle

__all__ = ["fit"]


def fit(
    estimator: Any,
    sdf: Any,
    cutoff: Any = None,
    *,
    customer_id: str | Mapping[str, str] | None = None,
    date: str | Mapping[str, str] | None = None,
    amount: str | Mapping[str, str | None] | None = None,
    attributes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    covariates: Any = None,
    end: Any = None,
    refunds: str | None = None,
    duplicates: str | None = None,
    granularity: str | None = None,
    max_events: int = 10_000_000,
    random_state: int = 0,
    n_partitions: int | None = None,
) -> Any:
    """Fit an estimator to a log on Spark.

    Purchase and spend models, and :class:`clvkit.btyd.BTYDRegressor`, are fitted exactly, however
    large the log: they see no more of customers than their summaries, and Spark counts how many
    customers share each. Anything else is fitted on the driver, on the histories of all
    customers where these fit, and of a sample of customers where they do not.

    Parameters
    ----------
    estimator : estimator
        A purchase model such as :class:`clvkit.btyd.ParetoNBD`, a spend model such as
        :class:`clvkit.btyd.GammaGamma`, or anything that is fitted on histories:
        :class:`clvkit.AutoCLV`, :class:`clvkit.serving.CLVModel`,
        :class:`clvkit.model_selection.SnapshotRegressor`, a transformer or a pipeline. It is
        cloned, and stays as it is.
    sdf : Spark DataFrame, or dict of them by the name of the log
        One row a transaction line.
    cutoff : date-like or None, default=None
        The last known day, by default that of the last event of the whole log.
    customer_id, date, amount, attributes, refunds, duplicates, granularity : default=None
        How to read the log, see :func:`clvkit.history.latest_histories`. None takes the
        estimator's setting, where it has one as :class:`clvkit.AutoCLV` does; a value is set on
        the fitted estimator, too, which reads later logs alike.
    covariates : Spark DataFrame, table, path or None, default=None
        Attributes of customers.
    end : date-like or None, default=None
        End of observation.
    max_events : int, default=10_000_000
        How many events may be collected on the driver. Of a longer log a sample of customers with
        about so many is drawn, in proportion, from strata by their first quarter, their number of
        events and the time since the last.
    random_state : int, default=0
        Which customers are drawn; the same ones however the log is partitioned.
    n_partitions : int or None, default=None
        See :func:`predict_customers`.

    Returns
    -------
    estimator
        A fitted clone.

    Raises
    ------
    LogError, LogTypeError, CutoffError
        When the log cannot be used, as the door raises them.
    ArgumentError
        For an estimator that is neither a model of summaries nor fitted on histories.
    UnknownNameError
        For a covariate that is not among those given.

    Warns
    -----
    DataWarning
        When a sample was fitted, with its size.

    Notes
    -----
    The intervals and the segments of a :class:`clvkit.serving.CLVModel` are learnt from customers'
    histories, so that it is fitted on a sample where these do not fit, whatever is inside.

    Examples
    --------
    >>> from clvkit.btyd import ParetoNBD
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.spark import fit
    >>> fit(ParetoNBD(), spark.read.parquet("log")).params_  # doctest: +SKIP
    {'r': 0.553, 'alpha': 10.58, 's': 0.606, 'beta': 11.67}
    >>> fit(ParetoNBD(), load_cdnow())
    Traceback (most recent call last):
        ...
    clvkit.errors.LogTypeError: the log must be a Spark DataFrame; got DataFrame. Make one ...
    """
    if not isinstance(sdf, Mapping):
        check_frame(sdf)
    given = {
        "customer_id": customer_id,
        "date": date,
        "amount": amount,
        "attributes": attributes,
        "refunds": refunds,
        "duplicates": duplicates,
        "granularity": granularity,
        "covariates": covariates,
        "end": end,
    }
    check_partitions(n_partitions)
    model, door = _with_door(estimator, given)
    learn = _learner(model)
    settled = settle(sdf, cutoff, **door)
    if learn is None:
        return model.fit(collect_histories(settled, max_events, random_state))
    needs = _needs(model)
    return learn(model, count_summaries(settled, needs, n_partitions))


def _with_door(estimator: Any, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a clone, and how to read the log: as it says itself, unless told otherwise."""
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise ArgumentError(
            f"{estimator!r} is no estimator that could be fitted. Give an instance, such as "
            "ParetoNBD() or AutoCLV(horizon='26W')."
        )
    model = clone(estimator)
    params = model.get_params(deep=False)
    told = {name: value for name, value in given.items() if value is not None}
    if "customer_id" in params:
        own = {name: params[name] for name in given if name in params}
        # Covariates are data, and a frame of Spark could not be stored with the estimator.
        kept = [name for name in told if name in params and name != "covariates"]
        model.set_params(**{name: told[name] for name in kept})
        return model, DEFAULTS | own | told
    return model, DEFAULTS | told


def _learner(model: Any) -> Any:
    """Return what fits a model of summaries, None for an estimator on histories."""
    if isinstance(model, BTYDRegressor):
        model._validate_params()
        model._check_models()
        resolve_horizon(model.horizon, HistoryArray._from_sequence([], dtype=HistoryDtype()))
        return _fit_regressor
    if hasattr(model, "expected_purchases") or hasattr(model, "expected_spend"):
        return _fit_model
    if hasattr(model, "predict") or hasattr(model, "transform"):
        return None
    raise ArgumentError(
        f"{type(model).__name__} is fitted neither on histories nor on RFM summaries, which is "
        "what a log on Spark becomes. Fit it on one machine."
    )


def _needs(model: Any) -> list[Needs]:
    if not isinstance(model, BTYDRegressor):
        is_spend = not hasattr(model, "expected_purchases")
        return [Needs(model, getattr(model, "time_unit", "7D"), is_spend)]
    purchases, spend = model._make_models()
    unit = purchases.time_unit
    return [Needs(purchases, unit, False), Needs(spend, unit, True)]


def _fit_model(model: Any, counts: list[Counts]) -> Any:
    return _lesson(model, counts[0]).learn()


def _fit_regressor(model: BTYDRegressor, counts: list[Counts]) -> BTYDRegressor:
    lessons = (
        _lesson(own, counted) for own, counted in zip(model._make_models(), counts, strict=True)
    )
    return model._fit_models(str(model.horizon), *lessons)


def _lesson(model: Any, counts: Counts) -> Lesson:
    if isinstance(model, FrozenEstimator):
        return Lesson(model, counts.summary)
    if not has_fit_parameter(model, "sample_weight"):
        raise ArgumentError(
            f"{type(model).__name__}.fit takes no sample_weight, so it cannot be fitted from "
            "counts of equal customers. Add it, or fit on one machine."
        )
    return Lesson(model, *counts)
