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
    past: HistoryArray,
    later: HistoryArray,
    *,
    target: str = "spend",
    floor: float | None = 0.0,
) -> NDArray[np.float64]:
    """Return what each customer did between two cutoffs.

    Parameters
    ----------
    past : HistoryArray of shape (n_rows,)
        Histories at the cutoff.
    later : HistoryArray of shape (n_rows,)
        The same customers' histories at the end of the horizon, over the same store.
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
    if target == "spend":
        spend = later.net_amount(past._end, later._end)
        return spend if floor is None else np.maximum(spend, floor)
    purchases = find_purchases(later.since(past)).count.astype(np.float64)
    return purchases if target == "purchases" else np.minimum(purchases, 1.0)
