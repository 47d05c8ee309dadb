"""What is known at the cutoff, and what came after it.

Written without the package's own door, so that neither can hide an error of the other.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from benchmarks.errors import BenchmarkError
from benchmarks.tasks import Task

__all__ = ["Split", "days_unseen", "split_log"]


class Split(NamedTuple):
    """A log cut in two.

    Attributes
    ----------
    past : DataFrame
        The rows up to the end of the cutoff day: all that a competitor is given.
    spend : Series
        What is to be predicted, for every customer of ``past``, indexed by ``customer_id``: the
        net amount in the days after the cutoff, 0 where it is negative.
    purchases : Series
        On how many of these days they bought, see :func:`count_purchases`.
    """

    past: pd.DataFrame
    spend: pd.Series
    purchases: pd.Series


def split_log(log: pd.DataFrame, task: Task) -> Split:
    """Cut ``log`` at the end of the cutoff day of ``task``."""
    start = pd.Timestamp(task.cutoff) + pd.Timedelta(days=1)
    end = start + pd.Timedelta(days=task.days)
    past = log[log["date"] < start].reset_index(drop=True)
    future = log[(log["date"] >= start) & (log["date"] < end)]
    if past.empty or future.empty:
        raise BenchmarkError(
            f"the task {task} has {len(past)} rows up to its cutoff and {len(future)} in the "
            f"period to predict; the log runs from {log['date'].min()} to {log['date'].max()}."
        )
    customers = pd.Index(past["customer_id"].unique(), name="customer_id").sort_values()
    net = future.groupby("customer_id")["amount"].sum()
    spend = net.reindex(customers, fill_value=0.0).clip(lower=0.0).rename("spend")
    if not spend.any():
        raise BenchmarkError(
            f"the task {task} has nothing to predict: none of its {len(spend)} customers has a "
            "net spend above 0 in the period. Name another cutoff, or check the sign of amounts."
        )
    purchases = count_purchases(future).reindex(customers, fill_value=0.0)
    return Split(past, spend, purchases)


def count_purchases(log: pd.DataFrame) -> pd.Series:
    """Return on how many days each customer of a log bought something.

    That is a day whose net amount is above 0, but for rounding, or that has free events alone.
    """
    events = {"net": log["amount"], "gross": log["amount"].abs()}
    keys = [log["customer_id"], log["date"].dt.normalize()]
    days = pd.DataFrame(events).groupby(keys).sum()
    bought = (days["net"] > 1e-9 * days["gross"]) | (days["gross"] == 0)
    return bought.groupby(level=0).sum().astype("float64").rename("purchases")


def days_unseen(log: pd.DataFrame, task: Task) -> int:
    """Return the days between the last event of the log and the end of the task's period."""
    end = pd.Timestamp(task.cutoff) + pd.Timedelta(days=task.days)
    return max(0, (end - log["date"].max().normalize()).days)
