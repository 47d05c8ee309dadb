"""From a table of contracts to a log of payments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.btyd._contract_periods import advance, periods_between
from clvkit.errors import LogError
from clvkit.history._dates import read_dates
from clvkit.history._read import read_table
from clvkit.utils._duration import parse_duration

__all__ = ["payments_from_contracts"]

Days = NDArray[np.int64]


def payments_from_contracts(
    contracts: Any,
    period: str,
    *,
    until: Any,
    customer_id: str = "customer_id",
    start: str = "start",
    end: str = "end",
    amount: str = "amount",
) -> pd.DataFrame:
    """Turn a table of contracts with start and end into a log of payments.

    One payment at the start of each period of a contract: what a log of a subscription business
    would hold. :func:`clvkit.history.latest_histories` takes it from there.

    Parameters
    ----------
    contracts : table or path
        One row a contract, of any kind that the door reads. Several contracts of a customer may
        follow each other.
    period : str
        Length of a period, such as ``"1M"``. Months are counted in the calendar from the start.
    until : date-like
        The last day of what is known. Contracts that are running then have been paid until then.
    customer_id, start, end, amount : str
        Names of the columns. ``start`` is the first day, ``end`` the first day after the contract,
        missing for one that is running; ``amount`` what a period costs.

    Returns
    -------
    DataFrame
        With ``customer_id``, ``date`` and ``amount``, one row a payment. A contract that ends on
        the day of a renewal has not been renewed.

    Raises
    ------
    MissingColumnError, DateError
        When a column is not there, or holds no dates.
    LogError
        When a contract ends before it starts.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import payments_from_contracts
    >>> contracts = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 2],
    ...         "start": ["2023-01-31", "2023-02-10"],
    ...         "end": ["2023-03-31", None],
    ...         "amount": [9.0, 12.0],
    ...     }
    ... )
    >>> payments_from_contracts(contracts, "1M", until="2023-03-20")
       customer_id       date  amount
    0            1 2023-01-31     9.0
    1            1 2023-02-28     9.0
    2            2 2023-02-10    12.0
    3            2 2023-03-10    12.0
    >>> payments_from_contracts(contracts.assign(end="2022-01-01"), "1M", until="2023-03-20")
    Traceback (most recent call last):
        ...
    clvkit.errors.LogError: 2 of 2 contracts end before they start, for example that of ...
    """
    length = parse_duration(period, name="period")
    roles = {"customer_id": customer_id, "start": start, "end": end, "amount": amount}
    frame = read_table(contracts, roles, name="the table of contracts")
    first = _days(frame, start, customer_id)
    last = np.datetime64(pd.Timestamp(until), "D").astype(np.int64) + 1
    stop = np.full(len(first), last)
    ended = frame[end].is_not_null().to_numpy()
    stop[ended] = _days(frame.filter(frame[end].is_not_null()), end, customer_id)
    _check_order(frame, first, stop, ended, customer_id)
    stop = np.minimum(stop, last)
    row, number = _expand(first, stop, length)
    return pd.DataFrame(
        {
            "customer_id": frame[customer_id].to_pandas().to_numpy()[row],
            "date": advance(first[row], length, number).astype("M8[D]").astype("M8[s]"),
            "amount": frame[amount].to_pandas().to_numpy()[row],
        }
    )


def _days(frame: Any, column: str, customer_id: str) -> Days:
    dates = read_dates(frame[column], frame[customer_id]).to_numpy()
    return dates.astype("M8[D]").astype(np.int64)


def _expand(first: Days, stop: Days, period: Any) -> tuple[Days, Days]:
    """Return the contract of each payment, and its number: those on a day before ``stop``."""
    count = np.maximum(periods_between(first, stop, period) + 1, 0)
    row = np.repeat(np.arange(len(first)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    paid = advance(first[row], period, number) < stop[row]
    return row[paid], number[paid]


def _check_order(frame: Any, first: Days, stop: Days, ended: Any, customer_id: str) -> None:
    bad = ended & (stop < first)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise LogError(
            f"{bad.sum()} of {len(bad)} contracts end before they start, for example that of "
            f"customer {frame[customer_id][row]!r}: {first[row].astype('M8[D]')} to "
            f"{stop[row].astype('M8[D]')}. Leave such contracts out, or repair their dates."
        )
