"""One customer's history as a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.utils._duration import RESOLUTIONS

__all__ = ["History", "as_datetime"]


def as_datetime(moments: Any, resolution: str) -> Any:
    """Return stored moments as ``datetime64[s]``, the coarsest unit that pandas knows."""
    code = RESOLUTIONS[resolution][0]
    return np.asarray(moments, dtype=np.int64).astype(f"datetime64[{code}]").astype("M8[s]")


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
    History(2 events 1998-01-01..1998-03-15, cutoff 1998-06-23)
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
        """The last known moment: the midnight that stands for the end of its day."""
        return pd.Timestamp(as_datetime(self._cutoff, self.resolution)[()])

    def frame(self) -> pd.DataFrame:
        """Return the events as a DataFrame with columns date, amount and the attributes."""
        columns = {"date": as_datetime(self.time, self.resolution), "amount": self.amount}
        return pd.DataFrame({**columns, **self.attributes})

    def __len__(self) -> int:
        return len(self.time)

    def __repr__(self) -> str:
        cutoff = self._format(self._cutoff)
        if not len(self):
            return f"History(no events, cutoff {cutoff})"
        first, last = self._format(self.time[0]), self._format(self.time[-1])
        events = "1 event" if len(self) == 1 else f"{len(self)} events"
        span = first if first == last else f"{first}..{last}"
        return f"History({events} {span}, cutoff {cutoff})"

    def _format(self, moment: Any) -> str:
        code = RESOLUTIONS[self.resolution][0]
        return str(np.int64(moment).astype(f"M8[{code}]"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple:
        attributes = tuple(
            (name, tuple("" if value != value else value for value in values.tolist()))
            for name, values in sorted(self.attributes.items())
        )
        time, amount = self.time.tobytes(), (self.amount + 0.0).tobytes()
        return self.resolution, self._cutoff, time, amount, attributes
