"""Purchases that count less the longer ago they are."""

from __future__ import annotations

import numpy as np

from clvkit.features._view import Floats, HistoryView

__all__ = ["decayed_purchases"]

#: Weights are computed for whole blocks of days. That of a day is then the same bits in any
#: batch, whichever vector instructions compute it.
_DAYS = 1024


def decayed_purchases(view: HistoryView, half_life: float) -> tuple[Floats, Floats]:
    """Count and sum the purchases, each of weight ``2 ** -(whole days ago / half_life)``.

    Parameters
    ----------
    view : HistoryView
    half_life : float
        In days.

    Returns
    -------
    purchases, spend : ndarray of shape (n_rows,)
    """
    days_ago = view.purchase_days_ago
    longest = int(days_ago.max(initial=0))
    table = np.exp2(-np.arange(_DAYS * (longest // _DAYS + 1)) / half_life)
    weight = table[days_ago]
    amount = view.purchases.amount
    return view.sum_by_row(weight), view.sum_by_row(weight * amount)
