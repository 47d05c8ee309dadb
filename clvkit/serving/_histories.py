"""From a raw log to the histories that a served model scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from clvkit.errors import ArgumentError, HistoryTypeError, MissingColumnError
from clvkit.history import HistoryArray, get_histories, history_columns, resolve_horizon
from clvkit.history._access import check_same_cutoffs
from clvkit.history._granularity import get_granularity
from clvkit.history._log import open_log
from clvkit.history._log_columns import TRANSACTIONS, name_logs
from clvkit.history._moments import as_moments
from clvkit.serving._learning import door_of

__all__ = [
    "check_histories",
    "check_logs",
    "histories_to_score",
    "read_moment",
    "read_to_score",
    "record_horizon",
    "take_columns",
]


def read_to_score(model: Any, log: Any, cutoff: Any, covariates: Any) -> pd.DataFrame:
    """Return the histories that a fitted model scores, read as the log of training was."""
    log = check_logs(log, model.streams_)
    door = door_of(model, model.streams_) | {"covariates": covariates}
    return histories_to_score(log, cutoff, training_end=model.training_end_, **door)


def histories_to_score(
    log: Any,
    cutoff: Any,
    *,
    training_end: str,
    latest: int | None = None,
    covariates: Any = None,
    **door: Any,
) -> pd.DataFrame:
    """Return one history a customer at ``cutoff``.

    Without a cutoff it is the later of the end of training and the last day of the log: a
    request may hold one customer whose last purchase was long ago, and what makes him likely to
    have gone is the time since. ``latest`` is the last moment of a log of which this is a part.
    """
    seen = read_moment(training_end, door["granularity"])
    seen = seen if latest is None else max(seen, latest)
    opened = open_log(
        log, covariates=covariates, end=None, last=cutoff, observed_until=seen, **door
    )
    return opened.samples(np.arange(len(opened.known)), opened.known)


def read_moment(training_end: str, granularity: str) -> int:
    """Return the end of training as a moment."""
    resolution = get_granularity(granularity).resolution
    return int(as_moments(np.array(training_end, "M8[s]"), resolution))


def record_horizon(X: pd.DataFrame, horizon: str) -> pd.DataFrame:
    """Return ``X`` with the horizon recorded, for estimators that take it from the samples."""
    array = get_histories(X)
    array = array.with_dtype(array.dtype.replace(horizon=horizon))
    return X.assign(history=pd.Series(array, index=X.index))


def check_histories(
    X: pd.DataFrame, horizon: str, granularity: str, attributes: tuple[str, ...]
) -> HistoryArray:
    """Return the histories, if they were made for this horizon and with these settings."""
    array = get_histories(X)
    check_same_cutoffs(X)
    resolve_horizon(horizon, array)
    made = {"granularity": array.dtype.granularity, "attributes": sorted(array.dtype.attributes)}
    wanted = {"granularity": granularity, "attributes": sorted(attributes)}
    for name, value in wanted.items():
        if made[name] != value:
            raise HistoryTypeError(
                f"the histories were made with {name}={made[name]!r}, the model reads logs with "
                f"{name}={value!r}. Give both the same {name}."
            )
    return array


def check_logs(log: Any, streams: Iterable[str]) -> Any:
    """Return the logs of a request, if they are those that the model was trained with.

    Raises
    ------
    ArgumentError
    """
    given, wanted = sorted(set(name_logs(log)) - {TRANSACTIONS}), sorted(streams)
    if given == wanted:
        return log
    trained = f"with the logs {_listed([TRANSACTIONS, *wanted])}" if wanted else "with one log"
    example = ", ".join(f"{name!r}: ..." for name in [TRANSACTIONS, *wanted])
    raise ArgumentError(
        f"the model was trained {trained}, and is given {_listed([TRANSACTIONS, *given])}. Pass "
        f"{f'{{{example}}}' if wanted else 'the transactions alone'}; a log without rows is "
        "allowed beside the transactions."
    )


def take_columns(
    X: pd.DataFrame, names: Iterable[str], streams: Iterable[str] = ()
) -> pd.DataFrame:
    """Return ``X`` with its columns in the order of training.

    Raises
    ------
    MissingColumnError
        If covariates of training are missing.
    ArgumentError
        If ``X`` has others.
    """
    wanted = list(names)
    missing = [name for name in wanted if name not in X.columns]
    if lost := [name for name in missing if name in streams]:
        raise MissingColumnError(
            f"the model was trained with the logs {_listed(lost)}, and X has none of these history "
            "columns. Make X from all logs: latest_histories({'transactions': log, "
            f"{lost[0]!r}: ...}})."
        )
    if missing:
        raise MissingColumnError(
            f"the model was trained with the covariates {_listed(missing)}, and X has none of "
            "these columns. Pass covariates=, a table with these columns and the customers."
        )
    others = [name for name in X.columns if name not in wanted]
    if others:
        kind = "the covariates "
        if strange := [name for name in history_columns(X) if name in others]:
            kind, others = "the logs ", strange
        trained = f"with {_listed(wanted[1:])}" if wanted[1:] else "without any"
        raise ArgumentError(
            f"the model was trained {trained}, and is given {kind}{_listed(others)}. "
            "Leave them out, or fit a model with them."
        )
    return X[wanted]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
