"""What is to be predicted: a log, a cutoff, and the days after it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError

__all__ = ["QUICK", "STANDARD", "Task", "parse_task", "rolling_tasks"]


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


#: Fifteen periods of six logs: cohorts, ongoing trade, wholesale, groceries with timing only,
#: a simulated one that is often shown. Splits of the literature first, and later or shorter ones.
STANDARD = (
    Task("cdnow_sample", "1997-09-30", 273),
    Task("cdnow", "1997-09-30", 273),
    Task("cdnow", "1997-12-31", 91),
    Task("cdnow", "1998-01-31", 150),
    Task("grocery_elog", "2006-12-31", 364),
    Task("grocery_elog", "2007-06-30", 183),
    Task("online_retail_II", "2011-06-09", 183),
    Task("online_retail_II", "2011-09-09", 91),
    Task("online_retail_II", "2010-11-30", 182),
    Task("online_retail_II", "2010-11-09", 44),
    Task("complete_journey_baskets", "2017-09-30", 92),
    Task("complete_journey_baskets", "2017-06-30", 92),
    Task("complete_journey_baskets", "2017-08-15", 92),
    Task("apparel_sim", "2006-12-31", 728),
    Task("apparel_sim", "2008-12-31", 364),
)

#: One of each kind, for a run of minutes.
QUICK = (
    Task("cdnow_sample", "1997-09-30", 273),
    Task("grocery_elog", "2006-12-31", 364),
    Task("online_retail_II", "2011-06-09", 183),
    Task("complete_journey_baskets", "2017-09-30", 92),
)


def rolling_tasks(
    log: str, first: dt.date, last: dt.date, days: int | None = None, most: int = 3
) -> list[Task]:
    """Return tasks of a log from its first and last day: the latest periods of ``days`` days.

    Cutoffs go back by half a period from the latest whose period ends by the last day, as long as
    a period of history is before them. By default a period is a quarter of the log, and half a
    year at most.
    """
    span = (last - first).days + 1
    days = days or max(1, min(span // 4, 182))
    if span < 2 * days:
        raise BenchmarkError(
            f"{log} covers {span} days, from {first} to {last}: too few for a period of {days} "
            "days and as much history before it. Name fewer: --days"
        )
    backs = [days + number * max(days // 2, 1) for number in range(most)]
    known = [back for back in backs if span - back >= days]
    cutoffs = [last - dt.timedelta(days=back) for back in known]
    return [Task(log, cutoff.isoformat(), days) for cutoff in cutoffs]
