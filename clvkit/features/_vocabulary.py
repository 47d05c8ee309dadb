"""Which values of an attribute have columns of their own, and since when.

The columns that a row has must not depend on what came after its cutoff, and what a column is
about must be the same for all rows. A list of the most frequent values fails the first, whenever
it is made: rows of earlier cutoffs would know which values were to become frequent. The most
frequent values at each row's cutoff fail the second. So places are given once and for all, week
by week, and there are as many of them whether or not they are taken: later events can only fill
places that were empty.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.features._quintiles import by_week, reference_times
from clvkit.history import HistoryArray
from clvkit.history._event_store import Attribute

__all__ = ["Vocabulary", "learn_vocabulary"]

Ints = NDArray[np.int64]


class Vocabulary(NamedTuple):
    """Values in the order of their places.

    Attributes
    ----------
    values : list of str
    since : ndarray of int64 of shape (n_values,)
        Moment from which each value has its place, ascending.
    """

    values: list[str]
    since: Ints

    def places(self, attribute: Attribute, other: int, missing: int) -> Ints:
        """Return the place of each event's value."""
        categories = attribute.categories or []
        place = np.full(len(categories) + 1, other)
        place[-1] = missing  # the code of a missing value is -1
        for i, value in enumerate(self.values):
            code = bisect_left(categories, value)
            if code < len(categories) and categories[code] == value:
                place[code] = i
        return place[attribute.values]


def learn_vocabulary(
    latest: HistoryArray, name: str, *, max_values: int, min_share: float, min_events: int
) -> Vocabulary:
    """Give places to values that have become frequent, from one history a customer.

    At the end of each calendar week those values get one that make up at least ``min_share`` of
    the events so far and have at least ``min_events``: the most frequent first, equals in the
    order of the alphabet, until all places are taken.
    """
    latest = latest[latest.n_events > 0]
    times = reference_times(latest)
    categories = latest.flat_attribute(name).categories or []
    code = latest.flat_attribute(name).values
    known = code >= 0
    order, weeks = by_week(latest.flat_events().time[known], times, latest.dtype.resolution)
    codes = code[known][order]
    count = np.zeros(len(categories), dtype=np.int64)
    places: list[int] = []
    since: list[int] = []
    for i, time in enumerate(times.tolist()):
        count += np.bincount(codes[weeks[i] : weeks[i + 1]], minlength=len(count))
        frequent = (count >= min_events) & (count >= min_share * count.sum())
        frequent[places] = False
        found = np.flatnonzero(frequent)
        # Codes are in the order of the alphabet, and the sort keeps it among equals.
        found = found[np.argsort(-count[found], kind="stable")][: max_values - len(places)]
        places += found.tolist()
        since += [time] * len(found)
        if len(places) == max_values:
            break
    return Vocabulary([categories[code] for code in places], np.array(since, dtype=np.int64))
