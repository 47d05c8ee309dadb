"""What customers did after a cutoff: the y of a sample."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import ArgumentError, UnknownNameError
from clvkit.history._history_array import HistoryArray
from clvkit.history._purchases import find_purchases

__all__ = ["TARGETS", "check_floor", "future_outcome"]

TARGETS = ("spend", "purchases", "active")


def check_floor(floor: object) -> None:
    """Raise unless ``floor`` is None or a finite number.

    Raises
    ------
    ArgumentError
    """
    if floor is None or (isinstance(floor, Real) and math.isfinite(floor)):
        return
    raise ArgumentError(
        f"floor={floor!r} must be a finite number, such as 0.0, or None, which keeps the sign of "
        "customers who returned more than they bought."
    )


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
