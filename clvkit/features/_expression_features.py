"""Features of a user's own, with the guarantees of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import ArgumentError
from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._events import Events
from clvkit.features._stored_expression import expression_from_text, expression_to_text
from clvkit.features._view import Floats, HistoryView
from clvkit.history import HistoryArray

__all__ = ["ExpressionFeatures"]

_COLUMNS = ("date", "days_ago", "amount", "cutoff")
_ROW = "__row__"
_STORED = "polars_expression"

#: Rows of fit on which the features are tried out, whole and in parts.
_N_TRIED = 64


class ExpressionFeatures(BaseHistoryTransformer):
    """Features of your own: functions over the events, or Polars expressions over each row's.

    Use it for a feature that is a formula of one history and that no other group has. For one
    that learns from other customers write a transformer (see the page on features), and hold it
    to :func:`clvkit.testing.check_history_transformer`.

    A feature never sees an event after the row's cutoff: such events are not in what it is given.
    A **Polars expression** is evaluated over the events of one row at a time (in a
    ``group_by``), with the columns ``date``, ``days_ago`` (0 on the cutoff's day), ``amount``,
    ``cutoff`` and the attributes; it must aggregate them to one number. A row without events has
    what the expression is over no events (a sum is 0, a mean missing). A **function** is called
    with :class:`Events`, many rows at once for the sake of speed, and returns an array of one
    number a row. That it leaves the rows apart cannot be enforced: ``fit`` tries it out on some of
    its rows, in several batches, and refuses it where a row's value depends on the batch;
    ``check_history_transformer`` tries harder.

    Parameters
    ----------
    features : dict of str to function or polars.Expr
        Name of the feature -> its definition.

    Attributes
    ----------
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``, the column that is read; any others are ignored.

    Raises
    ------
    ArgumentError
        By ``fit``, when a definition is neither function nor expression, gives something else
        than one number a row, or depends on the other rows. When it is pickled or saved: for a
        lambda, or an expression that holds Python code.

    See Also
    --------
    HistoryUnion : unites this group with others.
    clvkit.testing.check_history_transformer : checks all guarantees on random logs.

    Notes
    -----
    To be pickled or saved, functions must be importable (defined at the top of a module), and
    expressions made of Polars' own operations. Expressions are stored as JSON, which is to be
    read by the version of Polars that wrote it. ``CLVModel.save`` stores expressions, and refuses
    functions, which are not on its list of trusted types. Functions are called by several threads
    in a ``HistoryUnion`` with ``n_jobs``.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import ExpressionFeatures
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> def largest_lately(events):
    ...     amount = np.where(events.days_ago < 90, events.amount, 0.0)
    ...     return events.reduce(np.maximum, amount, empty=0.0)
    >>> own = ExpressionFeatures(
    ...     {
    ...         "weekend_share": (pl.col("date").dt.weekday() > 5).mean(),
    ...         "largest_lately": largest_lately,
    ...     }
    ... )
    >>> own.set_output(transform="pandas").fit_transform(X).head(2)
                            weekend_share  largest_lately
    customer_id cutoff
    1           1997-09-30       0.666667           14.96
    2           1997-09-30       0.000000            0.00
    >>> centred = lambda events: events.n_events - events.n_events.mean()
    >>> ExpressionFeatures({"centred": centred}).fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: the feature 'centred' of a row depends on the other rows ...
    """

    _parameter_constraints: dict = {"features": [dict]}

    def __init__(self, features: Mapping[str, Any]):
        self.features = features

    def _feature_names(self) -> list[str]:
        return list(self.features)

    def _learn(self, latest: HistoryArray, cutoffs: NDArray[np.int64]) -> None:
        if not self.features:
            raise ArgumentError("features is empty. Give a dict of names and definitions.")
        for name, definition in self.features.items():
            if not isinstance(name, str) or not (callable(definition) or _is_expr(definition)):
                raise ArgumentError(
                    f"the feature {name!r} is a {type(definition).__name__}. Give its name as text "
                    "and a function of the events or a Polars expression."
                )
        _try_out(self._evaluate, latest[:_N_TRIED])

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        return self._evaluate(view.histories)

    def _evaluate(self, histories: HistoryArray) -> dict[str, Floats]:
        events = Events(histories)
        expressions = {name: e for name, e in self.features.items() if _is_expr(e)}
        columns = _over_each_row(expressions, events) if expressions else {}
        for name, function in self.features.items():
            if name not in expressions:
                columns[name] = _call(name, function, events)
        return columns

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state["features"] = {name: _to_store(name, e) for name, e in self.features.items()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        features = {
            name: expression_from_text(name, e[_STORED]) if isinstance(e, dict) else e
            for name, e in state["features"].items()
        }
        super().__setstate__({**state, "features": features})


def _is_expr(definition: Any) -> bool:
    import polars as pl

    return isinstance(definition, pl.Expr)


def _to_store(name: str, definition: Any) -> Any:
    if _is_expr(definition):
        return {_STORED: expression_to_text(name, definition)}
    if "<" in getattr(definition, "__qualname__", ""):
        raise ArgumentError(
            f"the feature {name!r} is {definition.__qualname__}, which cannot be pickled or saved "
            "as it has no name to import it by. Define the function at the top of a module."
        )
    return definition


def _over_each_row(expressions: Mapping[str, Any], events: Events) -> dict[str, Floats]:
    """Evaluate within a group for each row, where no expression can see another row."""
    import polars as pl

    frame = _frame(events)
    named = [expression.alias(name) for name, expression in expressions.items()]
    # Rows follow each other: Polars then takes slices of them, and each sum is its own.
    groups = frame.group_by(_ROW, maintain_order=True).agg(named)
    nothing = pl.concat([_value_of_nothing(frame, e) for e in named], how="horizontal")
    rows = groups[_ROW].to_numpy()
    columns = {}
    for name in expressions:
        column = np.full(len(events), _as_floats(name, nothing[name])[0])
        column[rows] = _as_floats(name, groups[name])
        columns[name] = column
    return columns


def _frame(events: Events) -> Any:
    import polars as pl

    taken = [name for name in events.attributes if name in (*_COLUMNS, _ROW)]
    if taken:
        raise ArgumentError(
            f"the attributes {taken} have names of columns that expressions use for themselves, "
            f"{list(_COLUMNS)}. Rename them in the log."
        )
    columns = {name: getattr(events, name) for name in _COLUMNS[:3]}
    columns |= {"cutoff": events.repeat(events.cutoff), _ROW: events.repeat(np.arange(len(events)))}
    attributes = {name: _attribute(name, events[name]) for name in events.attributes}
    return pl.DataFrame(columns | attributes).with_columns(pl.col(_ROW).set_sorted())


def _attribute(name: str, values: NDArray) -> Any:
    import polars as pl

    if values.dtype == object:
        return pl.Series(name, values.tolist(), dtype=pl.String)
    return pl.Series(name, values, dtype=pl.Float64, nan_to_null=True)


def _value_of_nothing(frame: Any, expression: Any) -> Any:
    """Return a frame with what the expression is over no events, null if it is nothing."""
    value = frame.head(0).select(expression)
    return value if len(value) else value.clear(1)


def _as_floats(name: str, column: Any) -> Floats:
    if column.dtype.is_nested():
        raise ArgumentError(
            f"the expression of feature {name!r} gives a list of values for each row. End it with "
            "an aggregation, such as .sum(), .mean() or .last()."
        )
    if not (column.dtype.is_numeric() or column.dtype in (_boolean(), _null())):
        raise ArgumentError(
            f"the expression of feature {name!r} gives {column.dtype}, and features are numbers. "
            "Make it a number, by a comparison, a count or a length of time in days."
        )
    import polars as pl

    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _boolean() -> Any:
    import polars as pl

    return pl.Boolean


def _null() -> Any:
    import polars as pl

    return pl.Null


def _call(name: str, function: Callable[[Events], Any], events: Events) -> Floats:
    values = np.asarray(function(events))
    if values.shape != (len(events),):
        raise ArgumentError(
            f"the feature {name!r} has the shape {values.shape} for {len(events)} rows. Return one "
            "value a row, for example by events.reduce(np.add, values)."
        )
    return values.astype(np.float64)


def _try_out(
    evaluate: Callable[[HistoryArray], dict[str, Floats]], histories: HistoryArray
) -> None:
    """Refuse features of which a row has another value in another batch."""
    n = len(histories)
    whole = evaluate(histories)
    backwards = np.arange(n)[::-1]
    for rows in (backwards, np.repeat(backwards, 2), backwards[: -(-n // 2)], np.array([0])):
        part = evaluate(histories[rows])
        for name, values in part.items():
            if not np.array_equal(values, whole[name][rows], equal_nan=True):
                raise ArgumentError(
                    f"the feature {name!r} of a row depends on the other rows of its batch. Reduce "
                    "each row's events on their own, by events.reduce, and not by differences of "
                    "running sums, whose rounding is the others'."
                )
