"""Tasks are read from the command line, and the standard ones are fixed."""

from __future__ import annotations

import datetime as dt

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.tasks import QUICK, STANDARD, Task, parse_task, rolling_tasks


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("cdnow:1998-01-31:150", Task("cdnow", "1998-01-31", 150)),
        ("sim:bg_nbd:2021-12-31:182", Task("sim:bg_nbd", "2021-12-31", 182)),
        ("C:/logs/shop.csv:2024-06-30:90", Task("C:/logs/shop.csv", "2024-06-30", 90)),
    ],
)
def test_a_task_is_log_cutoff_days(text, task):
    assert parse_task(text) == task


@pytest.mark.parametrize(
    "text",
    [
        *("cdnow", "cdnow:1998-01-31", "cdnow:1998-02-30:9", "cdnow:1998-01-31:0"),
        *(":1998-01-31:9", "cdnow:1998-01-31:99999999"),
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(BenchmarkError, match="is no task"):
        parse_task(text)


def test_a_log_of_ones_own_has_its_latest_periods():
    first, last = dt.date(2024, 1, 1), dt.date(2024, 12, 31)  # 366 days
    assert rolling_tasks("shop", first, last) == [
        Task("shop", "2024-10-01", 91),
        Task("shop", "2024-08-17", 91),
        Task("shop", "2024-07-03", 91),
    ]
    assert rolling_tasks("shop", first, last, 150) == [
        Task("shop", "2024-08-03", 150),
    ]
    assert rolling_tasks("shop", first, last, 120) == [
        Task("shop", "2024-09-02", 120),
        Task("shop", "2024-07-04", 120),
        Task("shop", "2024-05-05", 120),
    ]
    with pytest.raises(BenchmarkError, match=r"366 days.*period of 200 days.*--days"):
        rolling_tasks("shop", first, last, 200)


def test_the_quick_tasks_are_standard_ones():
    assert set(QUICK) < set(STANDARD)
    assert len(set(STANDARD)) == len(STANDARD) == 15
    assert [parse_task(f"{t.log}:{t.cutoff}:{t.days}") for t in STANDARD] == list(STANDARD)
