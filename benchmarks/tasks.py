"""What is to be predicted: a log, a cutoff, and the days after it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError

__all__ = ["QUICK", "STANDARD", "Task", "parse_task"]


@dataclass(frozen=True)
class Task:
    """The spend of each customer of ``log`` in the ``days`` days after the day ``cutoff``.

    Attributes
    ----------
    log : str
        Name of a file without its ending, a path, or ``sim:NAME``; see :mod:`benchmarks.logs`.
    cutoff : str
        The last known day, as an ISO date.
    days : int
        Length of the period to predict.
    """

    log: str
    cutoff: str
    days: int

    def __str__(self) -> str:
        return f"{self.log} {self.cutoff} + {self.days}"


def parse_task(text: str) -> Task:
    """Read ``LOG:CUTOFF:DAYS``, such as ``cdnow:1998-01-31:150``."""
    parts = text.rsplit(":", 2)
    try:
        log, cutoff, days = parts
        day = dt.date.fromisoformat(cutoff)
        task = Task(log, day.isoformat(), int(days))
        day + dt.timedelta(days=task.days)  # whose end is in the calendar
    except (ValueError, OverflowError) as error:
        raise BenchmarkError(
            f"{text!r} is no task ({error}). Write LOG:CUTOFF:DAYS, such as cdnow:1998-01-31:150."
        ) from error
    if task.days < 1 or not log:
        raise BenchmarkError(f"{text!r} is no task: it needs a log and at least one day.")
    return task


#: Ten periods of six real logs: cohorts, ongoing trade, wholesale, groceries with timing only.
STANDARD = (
    Task("cdnow_sample", "1997-09-30", 273),
    Task("cdnow", "1997-09-30", 273),
    Task("cdnow", "1998-01-31", 150),
    Task("grocery_elog", "2006-12-31", 364),
    Task("online_retail_II", "2011-06-09", 183),
    Task("online_retail_II", "2011-09-09", 91),
    Task("online_retail_II", "2010-11-30", 182),
    Task("online_retail_II", "2010-11-09", 44),
    Task("complete_journey_baskets", "2017-09-30", 92),
    Task("complete_journey_baskets", "2017-06-30", 92),
)

#: One of each kind, for a run of minutes.
QUICK = (
    Task("cdnow_sample", "1997-09-30", 273),
    Task("cdnow", "1998-01-31", 150),
    Task("grocery_elog", "2006-12-31", 364),
    Task("online_retail_II", "2011-06-09", 183),
)
