"""What a served model learns beside its estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from clvkit.errors import ArgumentError, ClvkitError
from clvkit.history import HistoryArray, get_histories, history_columns
from clvkit.history._log_columns import TRANSACTIONS, names_of
from clvkit.history._moments import as_moments, format_moment
from clvkit.utils._duration import parse_duration

__all__ = [
    "attribute_names",
    "attribute_types",
    "covariate_types",
    "door_of",
    "fit_clone",
    "stream_attributes",
    "training_end",
    "transaction_columns",
]


def attribute_names(
    attributes: str | Sequence[str] | Mapping[str, Sequence[str]],
) -> tuple[str, ...]:
    """Return the attribute columns of the transactions, each once."""
    if isinstance(attributes, Mapping):
        attributes = attributes.get(TRANSACTIONS, ())
    return names_of(attributes)


def fit_clone(estimator: Any, X: pd.DataFrame, y: Any) -> Any:
    """Return a fitted clone; one that misses labels is told where they come from."""
    try:
        return clone(estimator).fit(X, y)
    except (TypeError, ValueError) as error:
        if y is not None or isinstance(error, ClvkitError) or not _needs_labels(estimator):
            raise
        name = type(estimator).__name__
        raise ArgumentError(
            f"{name} learns from labels, and fit was given none ({str(error)[:200]}). Wrap it in "
            "clvkit.model_selection.SnapshotRegressor, which learns from what followed on past "
            "cutoffs, or pass the y of clvkit.make_samples."
        ) from error


def training_end(array: HistoryArray, horizon: str, *, labelled: bool) -> str:
    """Return the last moment that a fit knew of.

    Histories end at their cutoff. Labels know what came in the horizon after it, and where they
    were made from a log its end of observation is recorded.
    """
    resolution, recorded = array.dtype.resolution, array.dtype.end
    end = int(array.cutoff_moments.max())
    if labelled:
        end = int(parse_duration(horizon).after(end, resolution))
        if recorded is not None:
            end = max(end, int(as_moments(np.array(recorded, "M8[s]"), resolution)))
    return format_moment(end, resolution)


def attribute_types(array: HistoryArray) -> dict[str, str]:
    """Return ``"number"`` or ``"string"`` for each attribute that the events carry."""
    return {
        name: "number" if column.categories is None else "string"
        for name, column in array.store.attributes.items()
    }


def covariate_types(X: pd.DataFrame) -> dict[str, str]:
    """Return ``"number"``, ``"date"`` or ``"string"`` for each column beside the history."""
    streams = history_columns(X)
    return {name: _kind(X[name].dtype) for name in X.columns if name not in streams}


def stream_attributes(X: pd.DataFrame) -> dict[str, list[str]]:
    """Return the attributes of the events of each history column beside ``history``."""
    names = [name for name in history_columns(X) if name != "history"]
    return {name: list(get_histories(X, name).dtype.attributes) for name in names}


def door_of(model: Any, streams: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the settings with which a model reads its logs."""
    names = ("customer_id", "date", "amount", "refunds", "duplicates", "granularity")
    settings = {name: getattr(model, name) for name in names}
    attributes: Any = list(attribute_names(model.attributes))
    if streams:
        attributes = {TRANSACTIONS: attributes, **streams}
    elif isinstance(model.attributes, dict):
        attributes = model.attributes
    return settings | {"attributes": attributes}


def transaction_columns(model: Any) -> tuple[str, str, str]:
    """Return which columns of the transactions hold customer, date and amount."""
    customer_id, date, amount = (
        column.get(TRANSACTIONS, role) if isinstance(column, dict) else column
        for role in ("customer_id", "date", "amount")
        for column in (getattr(model, role),)
    )
    return customer_id, date, amount


def _kind(dtype: Any) -> str:
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    return "number" if pd.api.types.is_numeric_dtype(dtype) else "string"


def _needs_labels(estimator: Any) -> bool:
    while isinstance(estimator, Pipeline):  # its own tags say nothing of labels
        estimator = estimator[-1]
    tagged = hasattr(estimator, "__sklearn_tags__")
    return tagged and bool(get_tags(estimator).target_tags.required)
