"""The events of a batch of rows, as a user's own features see them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import ArgumentError
from clvkit.features._view import Floats
from clvkit.history import HistoryArray
from clvkit.history._history import as_datetime
from clvkit.utils._duration import RESOLUTIONS
from clvkit.utils._ragged import segment_reduce

__all__ = ["Events"]


class Events:
    """The events of some rows, one after the other, up to each row's cutoff and no further.

    It is what the functions of :class:`ExpressionFeatures` are given. All arrays are read-only.

    Parameters
    ----------
    histories : HistoryArray of shape (n_rows,)

    Attributes
    ----------
    offsets : ndarray of int64 of shape (n_rows + 1,)
        Row ``i`` owns the events ``offsets[i]:offsets[i + 1]``, in the order of time.
    n_events : ndarray of int64 of shape (n_rows,)
        Number of events of each row; may be 0.
    days_ago : ndarray of float64 of shape (n_events,)
        Days from the event to its row's cutoff; whole ones unless the granularity is finer.
    date : ndarray of datetime64 of shape (n_events,)
        When it was.
    amount : ndarray of float64 of shape (n_events,)
        Negative for refunds.
    cutoff : ndarray of datetime64 of shape (n_rows,)
        The last known moment.

    Examples
    --------
    >>> import numpy as np
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import Events
    >>> from clvkit.history import get_histories, latest_histories
    >>> events = Events(get_histories(latest_histories(load_cdnow())))
    >>> events.reduce(np.maximum, events.amount, empty=np.nan)[:3]
    array([29.73, 63.34,  6.79])
    """

    def __init__(self, histories: HistoryArray) -> None:
        flat, resolution = histories.flat_events(), histories.dtype.resolution
        seconds = RESOLUTIONS[resolution][1]
        moments = histories.cutoff_moments
        ago = (np.repeat(moments, histories.n_events) - flat.time) * seconds / 86_400
        self._histories = histories
        self.offsets = _read_only(flat.offsets)
        self.n_events = _read_only(histories.n_events)
        self.days_ago = _read_only(ago)
        self.date = _read_only(as_datetime(flat.time, resolution))
        self.amount = _read_only(flat.amount)
        self.cutoff = _read_only(as_datetime(moments, resolution))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.n_events)

    @property
    def attributes(self) -> list[str]:
        """Names of the attributes of the events."""
        return list(self._histories.dtype.attributes)

    def __getitem__(self, name: str) -> NDArray:
        """Return an attribute of each event: numbers, or an object array of text and None."""
        if name not in self.attributes:
            raise ArgumentError(
                f"the events have no attribute {name!r} (there are: {self.attributes}). Make the "
                f"histories with attributes=[{name!r}]."
            )
        return _read_only(self._histories.flat_attribute(name).decode())

    def reduce(self, ufunc: np.ufunc, values: Any, *, empty: float = 0.0) -> Floats:
        """Reduce one value an event to one value a row.

        Parameters
        ----------
        ufunc : numpy.ufunc
            ``np.add``, ``np.maximum``, ``np.minimum``, ``np.logical_or``, ...
        values : ndarray of shape (n_events,)
        empty : float, default=0.0
            The value of a row without events.

        Returns
        -------
        ndarray of float64 of shape (n_rows,)
        """
        begin, end = self.offsets[:-1], self.offsets[1:]
        reduced = segment_reduce(ufunc, np.asarray(values), begin, end, empty=empty)
        return reduced.astype(np.float64)

    def repeat(self, values: Any) -> NDArray:
        """Return the row's value for each of its events (inverse of :meth:`reduce`)."""
        return np.repeat(values, self.n_events)


def _read_only(values: NDArray) -> NDArray:
    view = values.view()
    view.flags.writeable = False
    return view
