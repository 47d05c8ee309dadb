"""One customer's history as a value."""

from __future__ import annotations

from functools import total_ordering
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.errors import HistoryTypeError
from clvkit.utils._duration import RESOLUTIONS

__all__ = ["NO_NUMBERS", "History", "as_cutoffs", "as_datetime", "format_cutoff"]

NO_NUMBERS = (
    "a history column is no array of numbers. Put a feature transformer in front of the "
    "estimator, such as make_pipeline(clvkit.features.default_features(), regressor), or ask for "
    "the objects: np.asarray(column, dtype=object)."
)


def as_datetime(moments: Any, resolution: str) -> Any:
    """Return stored moments as ``datetime64[us]``, which pandas, Parquet and Spark all keep."""
    code = RESOLUTIONS[resolution][0]
    return np.asarray(moments, dtype=np.int64).astype(f"datetime64[{code}]").astype("M8[us]")


def as_cutoffs(moments: Any, resolution: str) -> Any:
    """Return stored cutoffs as ``datetime64[us]`` that a parser reads as the same cutoffs.

    A day is shown as itself, and a finer period by its last second: the label of hour 0 would be
    a midnight, and a midnight means its whole day. For the same reason the second 0 of a day is
    shown by its last microsecond.

    Examples
    --------
    >>> as_cutoffs([0, 23], "h")
    array(['1970-01-01T00:59:59.000000', '1970-01-01T23:59:59.000000'],
          dtype='datetime64[us]')
    """
    if resolution == "D":
        return as_datetime(moments, resolution)
    code = RESOLUTIONS[resolution][0]
    following = np.asarray(moments, dtype=np.int64).astype(f"datetime64[{code}]") + 1
    shown = following.astype("M8[s]") - np.timedelta64(1, "s")
    midnight = shown == shown.astype("M8[D]")
    return shown.astype("M8[us]") + np.where(midnight, 999_999, 0).astype("m8[us]")


def format_cutoff(moment: Any, resolution: str) -> str:
    """Return a stored cutoff as text that a parser reads as the same cutoff."""
    if resolution == "D":
        return str(np.int64(moment).astype("M8[D]"))
    return str(as_cutoffs(moment, resolution)).removesuffix(".000000")


@total_ordering
class History:
    """The events of one customer up to and including a cutoff: one element of a history column.

    Users get histories by indexing such a column; they are made by
    :func:`clvkit.latest_histories` and :func:`clvkit.make_samples`.

    Parameters
    ----------
    time : ndarray of int64 of shape (n_events,)
        Moments in units of ``resolution`` since 1970-01-01, ascending.
    amount : ndarray of float64 of shape (n_events,)
    cutoff : int
        The last known moment, in the same unit.
    attributes : dict of str to ndarray, default={}
        Attribute columns, decoded.
    resolution : str, default="D"

    Examples
    --------
    >>> import numpy as np
    >>> history = History(np.array([10227, 10300]), np.array([20.0, 5.0]), 10400)
    >>> history
    History(2 events 1998-01-01..1998-03-15, at 1998-06-23)
    >>> len(history), history.cutoff
    (2, Timestamp('1998-06-23 00:00:00'))
    """

    __slots__ = ("_cutoff", "amount", "attributes", "resolution", "time")

    def __init__(
        self,
        time: NDArray[np.int64],
        amount: NDArray[np.float64],
        cutoff: int,
        attributes: dict[str, NDArray] | None = None,
        resolution: str = "D",
    ) -> None:
        self.time = time
        self.amount = amount
        self._cutoff = int(cutoff)
        self.attributes = attributes or {}
        self.resolution = resolution

    @property
    def cutoff(self) -> pd.Timestamp:
        """The last known moment: a midnight that means its whole day, or a last second."""
        return pd.Timestamp(as_cutoffs(self._cutoff, self.resolution)[()])

    def frame(self) -> pd.DataFrame:
        """Return the events as a DataFrame with columns date, amount and the attributes."""
        columns = {"date": as_datetime(self.time, self.resolution), "amount": self.amount}
        return pd.DataFrame({**columns, **self.attributes})

    def __len__(self) -> int:
        return len(self.time)

    def __repr__(self) -> str:
        return f"History({self.describe()})"

    def describe(self) -> str:
        """Return one line about the history, short enough for a cell of a table.

        Examples
        --------
        >>> History(np.array([10227, 10300]), np.array([20.0, 5.0]), 10400).describe()
        '2 events 1998-01-01..1998-03-15, at 1998-06-23'
        """
        cutoff = format_cutoff(self._cutoff, self.resolution)
        if not len(self):
            return f"no events, at {cutoff}"
        first, last = self._format(self.time[0]), self._format(self.time[-1])
        events = "1 event" if len(self) == 1 else f"{len(self)} events"
        span = first if first == last else f"{first}..{last}"
        return f"{events} {span}, at {cutoff}"

    def __float__(self) -> float:
        # NumPy and scikit-learn ask for it where a history column meets a plain estimator.
        raise HistoryTypeError(NO_NUMBERS)

    def _format(self, moment: Any) -> str:
        code = RESOLUTIONS[self.resolution][0]
        return str(np.int64(moment).astype(f"M8[{code}]"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __lt__(self, other: object) -> bool:
        """Order by cutoff, then event by event: without a meaning, but total, for grouping."""
        if not isinstance(other, History):
            return NotImplemented
        return self._rank() < other._rank()

    def _rank(self) -> tuple:
        attributes = [(name, values.astype(str).tolist()) for name, values in self._columns()]
        return self._cutoff, self.time.tolist(), self.amount.tolist(), attributes

    def _columns(self) -> list[tuple[str, NDArray]]:
        return sorted(self.attributes.items())

    def _key(self) -> tuple:
        attributes = tuple(
            (name, tuple("" if value != value else value for value in values.tolist()))
            for name, values in self._columns()
        )
        time, amount = self.time.tobytes(), (self.amount + 0.0).tobytes()
        return self.resolution, self._cutoff, time, amount, attributes
