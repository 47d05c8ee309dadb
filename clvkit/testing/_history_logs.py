"""Random logs with the hard cases, and the rows that transformers over histories are tried on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.history import customers_of, get_histories, latest_histories, replace_histories

__all__ = [
    "CUTOFFS",
    "MANY_CUTOFFS",
    "Logs",
    "Rows",
    "another_future",
    "random_logs",
]

START = np.datetime64("2023-11-20")
N_DAYS = 240

#: A month's end, a day in a month, a leap day, a week's end (Sunday).
CUTOFFS = ("2023-12-31", "2024-01-17", "2024-02-29", "2024-05-05")

#: More of them than a transformer may learn anything at, unless it learns by the calendar.
MANY_CUTOFFS = tuple(str(START + day) for day in range(9, N_DAYS, 6))

_ROLES = ["customer_id", "date", "amount"]
#: After all events and cutoffs.
_UNTIL = "2035-12-31"

_HOUR = np.timedelta64(1, "h")


class Logs(NamedTuple):
    """Transactions, and a second stream of events beside them.

    Attributes
    ----------
    transactions : DataFrame
        With columns customer_id, date (datetime64) and amount; all others are attributes.
    visits : DataFrame or None, default=None
        Likewise.
    """

    transactions: pd.DataFrame
    visits: pd.DataFrame | None = None

    @property
    def present(self) -> dict[str, pd.DataFrame]:
        """The logs that there are, by name."""
        return {name: log for name, log in self._asdict().items() if log is not None}

    def assign(self, **changes: Any) -> Logs:
        """Return the logs with columns changed in both of them, by functions of the log."""
        return Logs(**{name: log.assign(**changes) for name, log in self.present.items()})

    def shuffled(self, random_state: int) -> Logs:
        """Return the logs with their lines in another order."""
        shuffled = {
            name: log.sample(frac=1.0, random_state=random_state)
            for name, log in self.present.items()
        }
        return Logs(**shuffled)

    def histories(self, cutoff: str, **settings: Any) -> pd.DataFrame:
        """Return the latest histories at a cutoff; ``settings`` are those of the door."""
        attributes = {
            name: [column for column in log.columns if column not in _ROLES]
            for name, log in self.present.items()
        }
        return latest_histories(self.present, cutoff=cutoff, attributes=attributes, **settings)


def random_logs(seed: int, n_customers: int = 14) -> Logs:
    """Return small logs with ties, free orders, refunds, and customers who only return.

    Events have a time of day, an attribute of text (``channel``) and one of numbers
    (``discount``), both missing here and there.
    """
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(n_customers), 1 + rng.geometric(0.2, n_customers))
    arrival = rng.integers(0, N_DAYS, n_customers)[customer] * (rng.random(len(customer)) < 0.7)
    day = np.minimum(arrival + rng.integers(0, 90, len(customer)) // 3 * 3, N_DAYS)
    prices = np.array([0.0, 0.1, 0.2, 9.99, 20.0, 310.5, -0.3, -9.99, -20.0, -400.0])
    amount = rng.choice(prices, len(customer), p=[0.05, 0.1, 0.1, 0.2, 0.2, 0.1, *[0.0625] * 4])
    amount[customer == 0] = -np.abs(amount[customer == 0]) - 1.0
    day[0] = day[customer == 1] = 0  # somebody is known at every cutoff
    transactions = _log(rng, customer, day, amount)
    n_visits = 3 * n_customers
    visitor = rng.integers(0, n_customers + 2, n_visits)  # two of them never bought
    visited = rng.integers(0, N_DAYS, n_visits)
    visitor[0], visited[0] = 0, 0
    visits = _log(rng, visitor, visited, rng.choice([0.5, 2.0, 30.0], n_visits))
    return Logs(transactions, visits)


def _log(rng: np.random.Generator, customer: Any, day: Any, amount: Any) -> pd.DataFrame:
    n = len(customer)
    hour = rng.choice([0, 9, 23], n) * _HOUR
    channel = rng.choice(np.array(["shop", "web", None], dtype=object), n)
    return pd.DataFrame(
        {
            "customer_id": customer,
            "date": (START + day).astype("M8[s]") + hour,
            "amount": amount,
            "channel": channel,
            "discount": rng.choice([0.0, 0.25, np.nan], n),
        }
    )


class Rows:
    """The rows of a log at any cutoffs, over event stores that know what came after them.

    Parameters
    ----------
    logs : Logs
    **settings
        Those of the door.
    """

    def __init__(self, logs: Logs, **settings: Any) -> None:
        self.latest = logs.histories(_UNTIL, **settings)

    def at(self, cutoffs: Sequence[str]) -> pd.DataFrame:
        """Return a row for each cutoff and customer known by it."""
        n_customers = len(self.latest)
        customers = np.tile(np.arange(n_customers), len(cutoffs))
        return _cut_back(self.latest.iloc[customers], np.repeat(np.array(cutoffs), n_customers))

    def one_each(self, cutoffs: Sequence[str]) -> pd.DataFrame:
        """Return a row a customer, at a cutoff told by his number; customer 0 has the last one."""
        own = (-1 - customers_of(self.latest)) % len(cutoffs)
        return _cut_back(self.latest, np.array(cutoffs)[own])


def _cut_back(X: pd.DataFrame, cutoffs: NDArray) -> pd.DataFrame:
    past = replace_histories(X, get_histories(X).cut_back(cutoffs))
    return past[get_histories(past).n_events > 0]


def another_future(logs: Logs, cutoff: str, rng: np.random.Generator) -> Logs:
    """Delete some of the events after the cutoff, change the others, and add new ones."""
    customers = [*logs.transactions["customer_id"].unique().tolist(), 990_001, 990_002]
    changed = {n: _changed(log, cutoff, customers, rng) for n, log in logs.present.items()}
    return Logs(**changed)


def _changed(
    log: pd.DataFrame, cutoff: str, customers: list, rng: np.random.Generator
) -> pd.DataFrame:
    late = log["date"] >= np.datetime64(cutoff) + 1
    future = log[late & (rng.random(len(log)) < 0.5)]
    future = future.assign(amount=1000.0 * rng.standard_normal(len(future)).round(2))
    n_new = int(rng.integers(0, 40))
    longest = rng.choice([4, 60])  # soon, within the calendar period of the cutoff, or later
    date = (np.datetime64(cutoff) + 1 + rng.integers(0, longest, n_new)).astype("M8[s]")
    new = pd.DataFrame(
        {
            "customer_id": rng.choice(customers, n_new),
            "date": date + rng.integers(0, 24, n_new) * _HOUR,
            "amount": rng.choice([-50.0, 0.0, 77.0], n_new),
            **{name: _novel(log[name], n_new) for name in log.columns.difference(_ROLES)},
        }
    )
    kept = log[~late]
    return pd.concat([kept, *(part.astype(kept.dtypes) for part in (future, new) if len(part))])


def _novel(attribute: pd.Series, n: int) -> list:
    """Return a value that the attribute has not had: it is the first one of an ordered list."""
    return [7.75 if pd.api.types.is_numeric_dtype(attribute) else "a novelty"] * n
