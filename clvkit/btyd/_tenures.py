"""Reading tenures: the one door through which data reach the contractual models."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import SummaryError

__all__ = ["Tenures", "life_table", "read_tenures", "tenures_from_cohorts"]

Array = NDArray[np.float64]

_COLUMNS = ("tenure", "churned")


class Tenures(NamedTuple):
    """How long customers have been, or were, under contract.

    ``tenure`` counts the renewals that were due, ``churned`` is 1 where the last of them was
    refused, and ``entry`` counts those that lie before the data begin.
    """

    tenure: Array
    churned: Array
    entry: Array

    def take(self, index: Any) -> Tenures:
        """Return some of the rows."""
        return Tenures(*(column[index] for column in self))


def read_tenures(data: Any) -> tuple[Tenures, Array]:
    """Check tenures, and return them with the number of customers of each row.

    Parameters
    ----------
    data : DataFrame or array-like of shape (n, 2)
        A frame is read by names (``tenure``, ``churned``, and ``entry`` and ``count`` where they
        are there), an array by position.

    Returns
    -------
    Tenures
    counts : ndarray of shape (n,)

    Raises
    ------
    SummaryError
        When columns are missing or hold what no customer can have.
    """
    columns = _columns(data)
    tenure, churned = (_numbers(columns[name], name) for name in _COLUMNS)
    entry = _numbers(columns["entry"], "entry") if "entry" in columns else np.zeros_like(tenure)
    count = _numbers(columns["count"], "count") if "count" in columns else np.ones_like(tenure)
    _check(tenure, churned, entry)
    return Tenures(tenure, churned, entry), count


def tenures_from_cohorts(survivors: Any) -> pd.DataFrame:
    """Turn counts of surviving customers by cohort into tenures.

    Parameters
    ----------
    survivors : array-like of shape (n_periods,) or (n_cohorts, n_periods), or DataFrame
        Customers after 0, 1, 2, ... renewals were due; a row a cohort. NaN after the last
        period that was observed, and before the first one, for cohorts older than the data. Rows
        of a frame are cohorts by its index, columns count in their order.

    Returns
    -------
    DataFrame
        With ``tenure``, ``churned`` and ``count``, as the contractual models take them; with
        ``entry``, the period of the first count, and ``cohort`` where there are several cohorts
        or a frame names them.

    Raises
    ------
    SummaryError
        When a cohort grows, or a count is missing between others.

    Examples
    --------
    >>> from clvkit.btyd import tenures_from_cohorts
    >>> tenures_from_cohorts([1000, 631, 468])
       tenure  churned  count
    0     1.0      1.0  369.0
    1     2.0      1.0  163.0
    2     2.0      0.0  468.0
    >>> tenures_from_cohorts([1000, 631, 632])
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the cohorts customers increase in 1 of 1 cohorts, for example ...
    """
    table = np.array(survivors, dtype=float)
    table = table[None] if table.ndim == 1 else table
    if table.ndim != 2 or not table.size:
        raise SummaryError(
            f"survivors has shape {table.shape}: give the counts of one cohort, or a row a cohort."
        )
    names = survivors.index if isinstance(survivors, pd.DataFrame) else np.arange(len(table))
    first, last = _check_cohorts(table, names)
    lost = table[:, :-1] - table[:, 1:]
    row, period = np.nonzero(np.isfinite(lost))
    n = len(table)
    frame = pd.DataFrame(
        {
            "tenure": np.append(period + 1.0, last.astype(float)),
            "churned": np.append(np.ones(len(row)), np.zeros(n)),
            "count": np.append(lost[row, period], table[np.arange(n), last]),
        }
    )
    cohort = np.append(row, np.arange(n))
    if first.any():
        frame["entry"] = first[cohort].astype(float)
    if n > 1 or isinstance(survivors, pd.DataFrame):
        frame["cohort"] = np.asarray(names)[cohort]
    frame = frame[frame["count"] > 0]
    keys = (1.0 - frame["churned"].to_numpy(), frame["tenure"].to_numpy(), cohort[frame.index])
    return frame.iloc[np.lexsort(keys)].reset_index(drop=True)


def life_table(data: Any, sample_weight: Any = None) -> pd.DataFrame:
    """Count how many customers were asked to renew, and how many did, without a model.

    Put it beside :meth:`ShiftedBetaGeo.retention_curve` to see whether a model fits.

    Parameters
    ----------
    data : DataFrame or array-like of shape (n, 2)
        As in :meth:`ShiftedBetaGeo.fit`.
    sample_weight : array-like of shape (n,), optional
        How many customers each row stands for, beyond its ``count``.

    Returns
    -------
    DataFrame
        Indexed by ``period``, the number of the renewal: ``at_risk`` and ``churned`` customers,
        ``retention`` (the share that renewed) and ``survival``, the product of these since the
        first renewal (Kaplan and Meier's estimate); NaN where nobody was asked.

    Examples
    --------
    >>> from clvkit.btyd import life_table, tenures_from_cohorts
    >>> life_table(tenures_from_cohorts([1000, 631, 468])).round(3)
            at_risk  churned  retention  survival
    period
    1        1000.0    369.0      0.631     0.631
    2         631.0    163.0      0.742     0.468
    """
    rows, count = read_tenures(data)
    weights = count if sample_weight is None else count * np.asarray(sample_weight, dtype=float)
    n = int(rows.tenure.max(initial=0.0)) + 1
    places = [column.astype(np.intp) for column in (rows.tenure, rows.entry)]
    left = np.bincount(places[0], weights, n)
    came = np.bincount(places[1], weights, n)
    # Asked at t: who entered before t and had tenure t or more.
    at_risk = (np.cumsum(came) - np.cumsum(left))[:-1] + 0.0
    lost = np.bincount(places[0], weights * rows.churned, n)[1:]
    with np.errstate(invalid="ignore"):
        retention = np.where(at_risk > 0, 1.0 - lost / at_risk, np.nan)
    return pd.DataFrame(
        {
            "at_risk": at_risk,
            "churned": lost,
            "retention": retention,
            "survival": np.cumprod(retention),
        },
        index=pd.RangeIndex(1, n, name="period"),
    )


def _columns(data: Any) -> dict[str, Any]:
    if hasattr(data, "columns"):
        missing = [name for name in _COLUMNS if name not in data.columns]
        if missing:
            raise SummaryError(
                f"The tenures have no column {', '.join(map(repr, missing))}; they have "
                f"{list(map(str, data.columns))}. tenure counts the renewals that were due, and "
                "churned is 1 where the last of them was refused; tenures_from_cohorts makes them "
                "of counts by cohort."
            )
        return {name: data[name] for name in (*_COLUMNS, "entry", "count") if name in data.columns}
    matrix = np.asarray(data, dtype=float)
    if matrix.ndim != 2 or matrix.shape[1] != len(_COLUMNS):
        raise SummaryError(
            f"An array must have the columns {', '.join(_COLUMNS)} in this order, got shape "
            f"{matrix.shape}. Give a data frame to go by names instead; tenures_from_cohorts makes "
            "one of counts by cohort."
        )
    return dict(zip(_COLUMNS, matrix.T, strict=True))


def _numbers(column: Any, name: str) -> Array:
    try:
        values = np.array(column, dtype=float)
    except (TypeError, ValueError) as error:
        raise SummaryError(f"Column {name!r} of the tenures is not numeric: {error}.") from error
    _refuse(~np.isfinite(values), f"{name} is missing or infinite", {name: values}, "Repair it.")
    _refuse(values < 0, f"{name} is negative", {name: values}, "Counts are 0 or more.")
    return values


def _check(tenure: Array, churned: Array, entry: Array) -> None:
    for name, values in (("tenure", tenure), ("entry", entry)):
        _refuse(
            values != np.rint(values),
            f"{name} is not a whole number",
            {name: values},
            "It counts renewals that were due.",
        )
    _refuse(
        (churned != 0) & (churned != 1),
        "churned is neither 0 nor 1",
        {"churned": churned},
        "It says whether the last renewal was refused; several customers go into count.",
    )
    _refuse(
        entry > tenure - churned,
        "a customer was lost before a renewal was due, or before the data begin",
        {"tenure": tenure, "churned": churned, "entry": entry},
        "Who refuses the first renewal has tenure 1. Leave out who was lost before the data begin.",
    )


def _check_cohorts(table: Array, names: Any) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and the last observed period of each cohort."""
    known = np.isfinite(table)
    first = known.argmax(axis=1)
    last = known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    with np.errstate(invalid="ignore"):
        grows, negative = np.diff(table, axis=1) > 0, table < 0
    gap = known.sum(axis=1) != last - first + 1
    _refuse_cohorts(gap, "counts are missing between others, or altogether,", table, names)
    _refuse_cohorts(grows.any(axis=1), "customers increase", table, names)
    _refuse_cohorts(negative.any(axis=1), "counts are negative", table, names)
    return first, last


def _refuse_cohorts(bad: Any, what: str, table: Array, names: Any) -> None:
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    shown = ", ".join(f"{value:g}" for value in table[row])
    raise SummaryError(
        f"In the cohorts {what} in {bad.sum()} of {len(bad)} cohorts, for example cohort "
        f"{names[row]}: {shown}. Count those of the first period who are still there; who comes "
        "back does not count again."
    )


def _refuse(bad: NDArray[np.bool_], what: str, columns: dict[str, Array], remedy: str) -> None:
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    shown = ", ".join(f"{name}={values[row]:g}" for name, values in columns.items())
    raise SummaryError(
        f"In the tenures {what} in {bad.sum()} of {len(bad)} rows, for example row {row}: "
        f"{shown}. {remedy}"
    )
