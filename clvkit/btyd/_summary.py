"""Reading an RFM summary: the one door through which data reach the models of this folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import SummaryError, UnitWarning
from clvkit.utils._duration import parse_duration
from clvkit.utils._warnings import warn_user

Array = NDArray[np.float64]

#: Columns of a summary; an array has them in this order.
COLUMNS = ("frequency", "recency", "T", "monetary_value")
_GAPS = "log_gaps"
#: Relative difference by which recency may exceed T because a unit was converted.
_ROUNDING = 1e-9


class Rows(NamedTuple):
    """Purchase histories as the models see them, in the model's unit of time.

    ``shifts`` holds what covariates add to the logarithm of the parameters they move, one array
    an effect; it is empty without covariates. ``log_gaps``, which few models ask for, is the sum
    of the logarithms of the times between purchases, and ``unseen`` the age that customers had
    when they began to be observed. ``more`` is what one model alone asks for.
    """

    frequency: Array
    recency: Array
    T: Array
    shifts: tuple[Array, ...] = ()
    log_gaps: Array | None = None
    unseen: Array | None = None
    more: tuple[Array, ...] = ()

    @property
    def columns(self) -> tuple[Array, ...]:
        """All that rows must share to be equal."""
        known = (column for column in self[4:6] if column is not None)
        return (*self[:3], *self.shifts, *known, *self.more)

    def take(self, index: Any) -> Rows:
        """Return some of the rows."""
        x, t_x, T = (column[index] for column in self[:3])
        gaps, unseen = (None if column is None else column[index] for column in self[4:6])
        shifts, more = (tuple(one[index] for one in some) for some in (self.shifts, self.more))
        return Rows(x, t_x, T, shifts, gaps, unseen, more)


class _Table(NamedTuple):
    """Checked columns by name, and how to call a row in a message."""

    columns: dict[str, Array]
    label: Callable[[int], str]
    attrs: dict[Any, Any] | None


def newcomers(n: int) -> Rows:
    """Return customers in the moment of their first purchase."""
    return Rows(np.zeros(n), np.zeros(n), np.zeros(n))


def read_rows(
    summary: Any, *, time_unit: str, gaps_at: int | None = None, whole: bool = False
) -> Rows:
    """Check a summary and return its purchase histories in ``time_unit``.

    Parameters
    ----------
    summary : DataFrame or array-like of shape (n, 3 or more)
        A frame is read by names (``frequency``, ``recency``, ``T``; others are ignored), an
        array by position in that order.
    time_unit : str
        The model's unit. A frame is converted from ``attrs["time_unit"]``; without that it is
        taken to be in the model's unit, with a warning. Arrays are in the model's unit.
    gaps_at : int, optional
        Where the sums of log gaps stand in an array, if they are to be read. In a frame their
        column is ``log_gaps``. They may be absent.
    whole : bool, default=False
        Whether recency and T must be whole numbers of the model's unit, with at most one
        purchase in each.

    Returns
    -------
    Rows

    Raises
    ------
    SummaryError
        When columns are missing or hold what no customer can have.
    """
    table = _read_table(summary, COLUMNS[:3])
    x, t_x, T = (table.columns[name] for name in COLUMNS[:3])
    _check_history(table, x, t_x, T)
    factor = _conversion(table, time_unit)
    gaps = None if gaps_at is None else _read_gaps(summary, gaps_at)
    if gaps is not None:
        _check_gaps(table, x, t_x, gaps)
        gaps = np.where(x > 0, gaps + x * np.log(factor), 0.0)
    T = T * factor
    t_x = np.minimum(t_x * factor, T)
    if whole:
        t_x, T = _as_opportunities(table, x, t_x, T, time_unit)
    return Rows(x, t_x, T, log_gaps=gaps)


def read_spend(summary: Any) -> tuple[Array, Array]:
    """Check a summary and return ``frequency`` and ``monetary_value``."""
    table = _read_table(summary, (COLUMNS[0], COLUMNS[3]))
    x, spend = table.columns[COLUMNS[0]], table.columns[COLUMNS[3]]
    _check_frequency(table, x)
    return x, spend


def read_weights(sample_weight: Any, n_rows: int) -> Array:
    """Return weights of 0 or more, one per row."""
    if sample_weight is None:
        return np.ones(n_rows)
    weights = np.asarray(sample_weight, dtype=float)
    if weights.shape != (n_rows,):
        raise SummaryError(
            f"sample_weight has shape {weights.shape} but the summary has {n_rows} rows: give "
            "one weight per row."
        )
    bad = ~np.isfinite(weights) | (weights < 0)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise SummaryError(
            f"sample_weight is negative or not finite in {bad.sum()} of {n_rows} rows, for "
            f"example {weights[row]!r} in row {row}. Weights must be 0 or more."
        )
    return weights


def _read_table(summary: Any, names: Sequence[str]) -> _Table:
    if hasattr(summary, "columns"):
        return _read_frame(summary, names)
    return _read_array(summary, names)


def _read_frame(frame: Any, names: Sequence[str]) -> _Table:
    known = list(frame.columns)
    for name in names:
        if known.count(name) != 1:
            _refuse_columns(known, names)
    index = getattr(frame, "index", None)

    def label(row: int) -> str:
        return f"row {row}" if index is None else f"row {row} (index {index[row]!r})"

    columns = {name: _numbers(frame[name], name, label) for name in names}
    return _Table(columns, label, getattr(frame, "attrs", {}))


def _refuse_columns(known: list[Any], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in known]
    if missing:
        raise SummaryError(
            f"The summary has no column {', '.join(map(repr, missing))}; it has "
            f"{list(map(str, known))}. clvkit.history.rfm_summary makes one; otherwise "
            "rename the columns."
        )
    repeated = next(name for name in names if known.count(name) > 1)
    raise SummaryError(
        f"The summary has {known.count(repeated)} columns named {repeated!r}, and which one is "
        "meant cannot be told. Drop or rename the others."
    )


def _read_array(values: Any, names: Sequence[str]) -> _Table:
    try:
        matrix = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise SummaryError(f"The summary is not numeric: {error}.") from error
    needed = 1 + max(COLUMNS.index(name) for name in names)
    if matrix.ndim != 2 or matrix.shape[1] < needed:
        raise SummaryError(
            f"An array must have the columns {', '.join(COLUMNS[:needed])} in this order, got "
            f"shape {matrix.shape}. Give a data frame to go by names instead."
        )

    def label(row: int) -> str:
        return f"row {row}"

    columns = {name: _numbers(matrix[:, COLUMNS.index(name)], name, label) for name in names}
    return _Table(columns, label, None)


def _numbers(column: Any, name: str, label: Callable[[int], str]) -> Array:
    try:
        values = np.array(column, dtype=float)  # a contiguous copy
    except (TypeError, ValueError) as error:
        raise SummaryError(f"Column {name!r} of the summary is not numeric: {error}.") from error
    if values.min(initial=0.0) >= 0.0 and values.max(initial=0.0) < np.inf:  # and no NaN
        return values
    _refuse(
        ~np.isfinite(values),
        f"{name} is missing or infinite",
        {name: values},
        "Drop or repair these rows.",
        label,
    )
    _refuse(
        values < 0,
        f"{name} is negative",
        {name: values},
        "Counts, times and mean spends are 0 or more.",
        label,
    )
    return values


def _read_gaps(summary: Any, place: int) -> Array | None:
    if hasattr(summary, "columns"):
        return np.array(summary[_GAPS], dtype=float) if _GAPS in summary.columns else None
    matrix = np.asarray(summary, dtype=float)
    return matrix[:, place].copy() if matrix.shape[1] > place else None


def _check_gaps(table: _Table, x: Array, t_x: Array, gaps: Array) -> None:
    # The sum of logs is highest when all gaps are alike.
    most = x * np.log(np.where(x > 0, t_x / np.maximum(x, 1.0), 1.0))
    _refuse(
        ~(gaps <= most + 1e-9 * (1.0 + np.abs(most) + x)) & (x > 0) | ~np.isfinite(gaps),
        "log_gaps is missing, or more than gaps that add up to recency can give",
        {"frequency": x, "recency": t_x, _GAPS: gaps},
        "It is the sum of the natural logarithms of the times between purchases, in the unit of "
        "recency, as clvkit.history.rfm_summary(X, gaps=True) gives it.",
        table.label,
    )


def _check_frequency(table: _Table, x: Array) -> None:
    _refuse(
        x != np.rint(x),
        "frequency is not a whole number",
        {"frequency": x},
        "It counts repeat purchases; for rates or means use sample_weight.",
        table.label,
    )


def _check_history(table: _Table, x: Array, t_x: Array, T: Array) -> None:
    _check_frequency(table, x)
    _refuse(
        t_x > T * (1.0 + _ROUNDING),
        "recency is after T",
        {"recency": t_x, "T": T},
        "Recency is the age at the last purchase (not the time since it), and T the age at the "
        "cutoff.",
        table.label,
    )
    _refuse(
        (x == 0) & (t_x > 0),
        "recency is positive although frequency is 0",
        {"frequency": x, "recency": t_x},
        "Without a repeat purchase recency is 0; frequency does not count the first purchase.",
        table.label,
    )
    _refuse(
        (x > 0) & (t_x == 0),
        "recency is 0 although frequency is positive",
        {"frequency": x, "recency": t_x},
        "Merge purchases of the same period before counting, or use a finer unit of time.",
        table.label,
    )


def _as_opportunities(
    table: _Table, x: Array, t_x: Array, T: Array, time_unit: str
) -> tuple[Array, Array]:
    """Return recency and T as whole numbers of the unit, between which nothing can be bought."""
    for name, times in (("recency", t_x), ("T", T)):
        _refuse(
            np.abs(times - np.rint(times)) > _ROUNDING * (1.0 + times),
            f"{name} is no whole number of opportunities, one each {time_unit!r},",
            {name: times},
            "This model counts opportunities: choose time_unit so that there is one in each unit, "
            'and summarise by it, as rfm_summary(X, time_unit="7D", granularity="W") does for '
            "weeks. For purchases at any time take BetaGeoNBD.",
            table.label,
        )
    t_x, T = np.rint(t_x), np.rint(T)
    _refuse(
        x > t_x,
        f"frequency is above recency, the opportunities ({time_unit!r} each) up to the last one",
        {"frequency": x, "recency": t_x},
        "Count at most one purchase at each opportunity.",
        table.label,
    )
    return t_x, T


def _refuse(
    bad: NDArray[np.bool_],
    what: str,
    columns: dict[str, Array],
    remedy: str,
    label: Callable[[int], str],
) -> None:
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    shown = ", ".join(f"{name}={values[row]:g}" for name, values in columns.items())
    raise SummaryError(
        f"In the summary {what} in {bad.sum()} of {len(bad)} rows, for example {label(row)}: "
        f"{shown}. {remedy}"
    )


def _conversion(table: _Table, time_unit: str) -> float:
    unit = parse_duration(time_unit, name="time_unit")
    if table.attrs is None:
        return 1.0
    own = table.attrs.get("time_unit")
    if own is None:
        warn_user(
            f"The summary does not say its unit of time; it is taken to be {time_unit!r}, the "
            f'model\'s. Set summary.attrs["time_unit"], such as {time_unit!r}, to be sure.',
            UnitWarning,
        )
        return 1.0
    return parse_duration(own, name='attrs["time_unit"]').in_units(unit)
