"""The harness cuts the log, and knows the truth by definitions of its own."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.logs import load_log
from benchmarks.tasks import Task
from benchmarks.truth import count_purchases, days_unseen, split_log
from clvkit import make_samples

LOG = pd.DataFrame(
    [
        ("b", "2024-01-01 09:00", 5.0),
        ("a", "2024-01-10 23:59", 10.0),  # still the cutoff day
        ("a", "2024-01-11 00:00", 7.0),  # first day of the period
        ("b", "2024-01-12 12:00", 3.0),
        ("b", "2024-01-13 12:00", -8.0),  # returned: less than nothing is left
        ("a", "2024-01-15 23:59", 1.0),  # last day
        ("a", "2024-01-16 00:00", 100.0),  # too late
        ("c", "2024-01-12 00:00", 50.0),  # not a customer yet
        ("d", "2024-01-02 00:00", -4.0),  # only a refund: a customer all the same
    ],
    columns=["customer_id", "date", "amount"],
).astype({"date": "datetime64[us]"})


def test_the_past_ends_with_the_cutoff_day_and_the_period_after_its_days():
    past, spend, _ = split_log(LOG, Task("shop", "2024-01-10", 5))
    assert past["date"].max() == pd.Timestamp("2024-01-10 23:59")
    assert len(past) == 3
    assert spend.to_dict() == {"a": 8.0, "b": 0.0, "d": 0.0}
    assert spend.index.name == "customer_id"


@pytest.mark.parametrize("cutoff", ["2023-12-31", "2024-02-01"])
def test_a_task_beside_the_log_is_refused(cutoff):
    with pytest.raises(BenchmarkError, match="runs from 2024-01-01"):
        split_log(LOG, Task("shop", cutoff, 5))


def test_a_period_without_net_spend_is_refused():
    log = LOG.assign(amount=-LOG["amount"].abs())
    with pytest.raises(BenchmarkError, match="none of its 3 customers has a net spend above 0"):
        split_log(log, Task("shop", "2024-01-10", 5))


def test_days_after_the_last_event_are_counted():
    assert days_unseen(LOG, Task("shop", "2024-01-10", 5)) == 0
    assert days_unseen(LOG, Task("shop", "2024-01-10", 30)) == 24


@pytest.mark.parametrize(
    ("name", "cutoff", "days"),
    [("cdnow_sample", "1997-09-30", 273), ("sim:refunds", "2021-12-31", 182)],
)
def test_the_package_agrees_on_the_truth(name, cutoff, days):
    log = load_log(name, None)
    spend = split_log(log, Task(name, cutoff, days)).spend
    X, y = make_samples(log, f"{days}D", [cutoff])
    assert len(y) == len(spend)
    aligned = spend.loc[X.index.get_level_values("customer_id")]
    assert aligned.to_numpy() == pytest.approx(y, abs=1e-9)


def test_purchases_are_days_with_a_net_amount_or_something_free():
    rows = [
        ("a", "2024-01-02 09:00", 5.0),
        ("a", "2024-01-02 18:00", 5.0),  # the same day
        ("a", "2024-01-03 09:00", 7.0),
        ("a", "2024-01-03 10:00", -7.0),  # taken back
        ("b", "2024-01-04 09:00", 0.0),  # free
        ("c", "2024-01-05 09:00", -3.0),  # a refund alone
        ("d", "2024-01-06 09:00", 0.1 + 0.2),
        ("d", "2024-01-06 10:00", -0.3),  # nothing left but rounding
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    log["date"] = pd.to_datetime(log["date"])
    assert count_purchases(log).to_dict() == {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}


def test_purchases_are_counted_as_the_package_does():
    """Two readings of the same log, written apart."""
    log, task = load_log("cdnow_sample", None), Task("cdnow_sample", "1997-09-30", 273)
    split = split_log(log, task)
    y = make_samples(log, "273D", cutoffs="1997-09-30", target="purchases").y.droplevel("cutoff")
    assert split.purchases.to_dict() == y.to_dict()
    assert split.purchases.sum() == 1882  # as published for this split
