"""Reductions of one attribute of the events to a row: counts and sums by value, and numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import HistoryTypeError
from clvkit.features._view import Floats, HistoryView, divide
from clvkit.history import HistoryArray
from clvkit.history._event_store import Attribute
from clvkit.history._net_amount import RESIDUE
from clvkit.utils._ragged import segment_reduce

__all__ = [
    "NUMBERS",
    "TEXT",
    "attribute_of",
    "count_and_sum",
    "count_distinct",
    "kind_of",
    "reduce_numbers",
    "spread_of",
]

Ints = NDArray[np.int64]

TEXT, NUMBERS = "text", "numbers"

#: Cells of a table (row, value) per event up to which filling it beats sorting the events.
_DENSE = 16


def kind_of(histories: HistoryArray, name: str) -> str:
    """Return whether an attribute holds text or numbers.

    Raises
    ------
    HistoryTypeError
        If the histories have no such attribute.
    """
    if name not in histories.dtype.attributes:
        raise HistoryTypeError(
            f"the histories have no attribute {name!r} (they have: "
            f"{list(histories.dtype.attributes)}). Make them from the log with "
            f"attributes=[{name!r}, ...]."
        )
    return NUMBERS if histories.store.attributes[name].categories is None else TEXT


def attribute_of(histories: HistoryArray, name: str, kind: str) -> Attribute:
    """Return an attribute of the events, row after row.

    A column without any value is of either kind: which one it was read as is chance.

    Raises
    ------
    HistoryTypeError
        If the histories have no such attribute, or one of another kind.
    """
    found = kind_of(histories, name)
    attribute = histories.flat_attribute(name)
    if found == kind:
        return attribute
    values = attribute.values
    is_missing = values < 0 if found == TEXT else np.isnan(values)
    if not is_missing.all():
        example = attribute.take(np.flatnonzero(~is_missing)[:1]).decode()[0]
        raise HistoryTypeError(
            f"attribute {name!r} holds {found}, such as {example!r}, and {kind} in the histories "
            "given to fit. Give its column the same type in both logs."
        )
    if kind == NUMBERS:
        return Attribute(np.full(len(values), np.nan))
    return Attribute(np.full(len(values), -1, dtype=np.int32), [])


def count_and_sum(view: HistoryView, row: Ints, bin_: Ints, n_bins: int) -> tuple[Ints, Floats]:
    """Count the events of each bin and row, and add up their amounts.

    Parameters
    ----------
    view : HistoryView
    row, bin_ : ndarrays of int64 of shape (n_events,)
    n_bins : int

    Returns
    -------
    counts, spend : ndarrays of shape (n_bins, n_rows)
        The spend is net, as everywhere: what rounding left of a full refund is 0.
    """
    shape = n_bins, len(view.histories)
    n_cells = n_bins * shape[1]
    cell = bin_ * shape[1] + row
    amount = view.events.amount
    counts: Ints = np.bincount(cell, minlength=n_cells)
    spend = np.bincount(cell, weights=amount, minlength=n_cells).astype(np.float64, copy=False)
    if (amount < 0).any():
        gross = np.bincount(cell, weights=np.abs(amount), minlength=n_cells)
        spend[np.abs(spend) <= RESIDUE * gross] = 0.0
    return counts.reshape(shape), spend.reshape(shape)


def spread_of(counts: Ints, n_events: Ints) -> dict[str, NDArray]:
    """Return entropy, favourite bin and its share; NaN in rows without events."""
    # Logarithms of whole blocks of numbers are the same bits in any batch, and so are sums that
    # are made bin by bin.
    largest = int(n_events.max(initial=0))
    log = np.log(np.maximum(np.arange(1024 * (largest // 1024 + 1)), 1))
    weighted = np.zeros(len(n_events))
    favourite, most = np.zeros_like(n_events), np.zeros_like(n_events)
    for i, count in enumerate(counts):
        weighted += count * log[count]
        favourite[count > most] = i
        np.maximum(most, count, out=most)
    entropy = np.where(most == n_events, 0.0, log[n_events] - divide(weighted, n_events))
    bought = n_events > 0
    return {
        "entropy": np.where(bought, entropy, np.nan),
        "favourite": np.where(bought, favourite, np.nan),
        "favourite_share": divide(most, n_events),
    }


def count_distinct(attribute: Attribute, row: Ints, n_rows: int) -> Ints:
    """Count the different values of each row; a missing one is none."""
    n_values = len(attribute.categories or [])
    known = attribute.values >= 0
    row = row if known.all() else row[known]
    cell = row * n_values + (attribute.values if known.all() else attribute.values[known])
    if n_rows * n_values > _DENSE * len(cell):
        cell.sort()  # within the rows, which ascend
        new = np.append(cell[:1] >= 0, cell[1:] != cell[:-1])
        return np.bincount(row[new], minlength=n_rows)
    seen = np.zeros(n_rows * n_values, dtype=bool)
    seen[cell] = True
    return np.count_nonzero(seen.reshape(n_rows, n_values), axis=1)


def reduce_numbers(view: HistoryView, attribute: Attribute) -> dict[str, NDArray]:
    """Return mean and sum of the numbers, and the shares of positive and of missing ones."""
    offsets = view.events.offsets
    known = np.isfinite(attribute.values)

    def total(values: NDArray) -> Floats:
        return segment_reduce(np.add, values, offsets[:-1], offsets[1:], empty=0.0)

    n_events, n_known = view.histories.n_events, total(known)
    sums = total(np.where(known, attribute.values, 0.0))
    return {
        "mean": divide(sums, n_known),
        "sum": sums,
        "positive_share": divide(total(known & (attribute.values > 0)), n_known),
        "missing_share": divide(n_events - n_known, n_events),
    }
