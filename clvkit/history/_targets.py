"""What customers did after a cutoff: the y of a sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import UnknownNameError
from clvkit.history._history_array import HistoryArray
from clvkit.history._purchases import find_purchases

__all__ = ["TARGETS", "future_outcome"]

TARGETS = ("spend", "purchases", "active")


def future_outcome(
    known: HistoryArray,
    cutoff: NDArray[np.int64],
    stop: NDArray[np.int64],
    *,
    target: str = "spend",
    floor: float | None = 0.0,
) -> NDArray[np.float64]:
    """Return what each customer did in ``(cutoff, stop]``.

    Parameters
    ----------
    known : HistoryArray
        Histories that reach at least to ``stop``.
    cutoff, stop : ndarray of int64 of shape (n_rows,)
        Moments in the resolution of the histories.
    target : {"spend", "purchases", "active"}, default="spend"
        Net amount, number of purchases, or whether there was one (1.0 or 0.0).
    floor : float or None, default=0.0
        Least value of the spend; None keeps the sign of customers who returned more than they
        bought.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
    """
    if target not in TARGETS:
        raise UnknownNameError(
            f"target={target!r} is not known. Choose one of {', '.join(map(repr, TARGETS))}."
        )
    begin = known.cut_back(cutoff)._end
    end = known.cut_back(stop)._end
    if target == "spend":
        spend = known.net_amount(begin, end)
        return spend if floor is None else np.maximum(spend, floor)
    future = HistoryArray(known.store, begin, end, stop, known.dtype)
    purchases = find_purchases(future).count.astype(np.float64)
    return purchases if target == "purchases" else np.minimum(purchases, 1.0)
