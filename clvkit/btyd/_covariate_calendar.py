"""A table of covariates by period, read once and kept as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import ArgumentError, DateError, MissingColumnError
from clvkit.utils._duration import Duration, parse_duration

__all__ = ["covariate_calendar"]

#: So many missing periods are named in a message.
_SHOWN = 3


def covariate_calendar(
    table: pd.DataFrame,
    *,
    date: str = "date",
    customer_id: str | None = None,
    period: str | None = None,
) -> dict[str, Any]:
    """Read a table of covariates by period for models with time-varying covariates.

    One row says what the covariates are from its date until the next one: in a week, a month, or
    any other period. They may be the same for all customers (season, prices, campaigns on
    television) or each customer's own (mailings), and must be known ahead for as long as is to be
    predicted.

    Parameters
    ----------
    table : DataFrame
        With a column of dates, the first day of each period, and numeric covariates in all other
        columns.
    date : str, default="date"
        The column of dates.
    customer_id : str, optional
        The column of customers, where covariates are their own. Every customer has a row for every
        period then.
    period : str, optional
        Length of a period, such as ``"7D"`` or ``"1M"``. By default what all dates lie apart: a
        number of days, or months.

    Returns
    -------
    dict
        For ``TimeVaryingParetoNBD(calendar=...)``: numbers, texts and arrays only, so that a model
        that keeps it can be stored. Customers with equal covariates share them.

    Raises
    ------
    MissingColumnError
        When a column is not there, or there is no covariate.
    DateError
        When dates cannot be read, repeat, or leave out a period.
    ArgumentError
        When a covariate is no finite number.

    See Also
    --------
    TimeVaryingParetoNBD : The model that it is for.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import covariate_calendar
    >>> weeks = pd.date_range("2024-01-01", periods=4, freq="7D")
    >>> table = pd.DataFrame({"date": weeks, "campaign": [0.0, 1.0, 1.0, 0.0]})
    >>> calendar = covariate_calendar(table)
    >>> calendar["columns"], calendar["end"]
    (['campaign'], '2024-01-29')
    >>> covariate_calendar(table.drop(index=1))
    Traceback (most recent call last):
        ...
    clvkit.errors.DateError: 1 period of '7D' is missing from the calendar: 2024-01-08. Give ...
    """
    names = _covariates_of(table, date, customer_id)
    days = _days(table[date], date)
    starts, place = np.unique(days, return_inverse=True)
    length = _length(starts, period)
    _check_complete(starts, length)
    calendar = {
        "date": starts.astype("M8[D]").astype(str).tolist(),
        "end": str(np.int64(length.after(starts[-1])).astype("M8[D]")),
        "columns": names,
    }
    values = np.column_stack([_numbers(table[name], name) for name in names])
    if customer_id is None:
        _check_once(len(starts), len(days), "")
        common = np.empty((1, len(starts), len(names)))
        common[0, place] = values
        return {**calendar, "values": common}
    customers, who = np.unique(table[customer_id].astype(str).to_numpy(str), return_inverse=True)
    _check_each(customers, starts, who, place)
    own = np.empty((len(customers), len(starts), len(names)))
    own[who, place] = values
    distinct, code = np.unique(own.reshape(len(own), -1), axis=0, return_inverse=True)
    return {
        **calendar,
        "values": distinct.reshape(-1, *own.shape[1:]),
        "customer_id": customers,
        "code": code.ravel(),
    }


def _covariates_of(table: Any, date: str, customer_id: str | None) -> list[str]:
    if not isinstance(table, pd.DataFrame):
        raise ArgumentError(
            f"A calendar is read from a DataFrame with a row for each period, got {type(table)!r}."
        )
    keys = [date] if customer_id is None else [date, customer_id]
    columns = list(map(str, table.columns))
    missing = [name for name in keys if name not in columns]
    names = [name for name in columns if name not in keys]
    if missing or not names:
        what = f"column {missing[0]!r}" if missing else f"covariate beside {' and '.join(keys)}"
        raise MissingColumnError(
            f"The calendar has no {what}; its columns: {columns}. It needs the first day of each "
            "period (date=) and a column for each covariate."
        )
    return names


def _days(dates: pd.Series, name: str) -> NDArray[np.int64]:
    if pd.api.types.is_numeric_dtype(dates.dtype):
        raise DateError(f"column {name!r} of the calendar holds numbers and no dates.")
    try:
        parsed = pd.to_datetime(dates, format="ISO8601")
    except (TypeError, ValueError) as error:
        raise DateError(f"column {name!r} of the calendar cannot be read: {error}.") from error
    if parsed.isna().any() or not len(parsed):
        raise DateError(
            f"column {name!r} of the calendar has {parsed.isna().sum()} missing dates in "
            f"{len(parsed)} rows. Give the first day of every period."
        )
    if parsed.dt.tz is not None:
        parsed = parsed.dt.tz_localize(None)
    return parsed.to_numpy().astype("M8[D]").astype(np.int64)


def _length(starts: NDArray[np.int64], period: str | None) -> Duration:
    if period is not None:
        return parse_duration(period, name="period")
    apart = np.diff(starts)
    if len(apart) and (months := _months_apart(starts)):
        return Duration(months, "M")
    if len(apart):
        # What is left out shows as a multiple of the shortest step.
        return Duration(int(apart.min()), "D")
    raise DateError("The calendar has a single period, of unknown length. Give period='7D'.")


def _months_apart(starts: NDArray[np.int64]) -> int:
    """Return how many calendar months all dates lie apart; 0 where they do not."""
    months = starts.astype("M8[D]").astype("M8[M]")
    day = starts - months.astype("M8[D]").astype(np.int64)
    steps = np.diff(months.astype(np.int64))
    return int(steps.min()) if (day == day[0]).all() and steps.min() > 0 else 0


def _check_complete(starts: NDArray[np.int64], length: Duration) -> None:
    expected, missing = length.after(starts[:-1]), []
    if len(late := np.flatnonzero(expected > starts[1:])):
        first, second = starts[late[0]], starts[late[0] + 1]
        raise DateError(
            f"Periods of '{length}' overlap in the calendar: those from {first.astype('M8[D]')} "
            f"and from {second.astype('M8[D]')}. Give period=, or dates as far apart as periods "
            "are long."
        )
    for begin, end in zip(expected, starts[1:], strict=True):
        while begin < end:
            missing.append(str(np.int64(begin).astype("M8[D]")))
            begin = int(length.after(begin))
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
        raise DateError(
            f"{len(missing)} period{'s' * (len(missing) > 1)} of '{length}' "
            f"{'are' if len(missing) > 1 else 'is'} missing from the calendar: {shown}. Give a row "
            "for every period, or period= if they are longer."
        )


def _check_once(n_periods: int, n_rows: int, of: str) -> None:
    if n_periods != n_rows:
        raise DateError(
            f"The calendar has {n_rows} rows for {n_periods} periods{of}, and one is meant for "
            "each. Drop the others, or say customer_id= if covariates are each customer's own."
        )


def _check_each(customers: Any, starts: Any, who: Any, place: Any) -> None:
    cells, count = np.unique(who * len(starts) + place, return_counts=True)
    _check_once(len(cells), int(count.sum()), " of customers")
    absent = len(customers) * len(starts) - len(cells)
    if absent:
        found = np.zeros((len(customers), len(starts)), dtype=bool)
        found[who, place] = True
        customer, period = np.argwhere(~found)[0]
        raise DateError(
            f"The calendar lacks {absent} periods of customers, for example that of customer "
            f"{str(customers[customer])!r} from {starts[period].astype('M8[D]')}. Give every "
            "customer a row for every period, the future included."
        )


def _numbers(column: pd.Series, name: str) -> NDArray[np.float64]:
    try:
        values = column.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"Covariate {name!r} of the calendar is not numeric: {error}. Code categories as 0 "
            "and 1, as pd.get_dummies does."
        ) from error
    bad = ~np.isfinite(values)
    if bad.any():
        raise ArgumentError(
            f"Covariate {name!r} of the calendar is missing or infinite in {bad.sum()} of "
            f"{len(bad)} rows, for example row {int(np.flatnonzero(bad)[0])}. Fill it: what it "
            "will be must be known, or assumed, as far as is to be predicted."
        )
    return values
