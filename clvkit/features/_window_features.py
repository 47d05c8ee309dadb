"""What a customer did lately, and at this time a year ago."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._decay import decayed_purchases
from clvkit.features._view import Floats, HistoryView, Ints, divide
from clvkit.history import HistoryArray
from clvkit.history._net_amount import RESIDUE

__all__ = ["WindowFeatures"]

_YEAR = 365

#: A hundred years. A longer window, or half-life, is mistyped.
_MOST_DAYS = 36_525


class WindowFeatures(BaseHistoryTransformer):
    """Counts and sums over the last days, their ratios, and the same days a year ago.

    Use it where what a customer did lately differs from what he did before: where customers come
    and go, or where trade has a season. Windows much shorter than the usual gap between two
    purchases are empty for most. Nothing is learnt from other customers.

    A window of w days is the time after the cutoff - w days, up to and including the cutoff. One
    set of features a window w, a pair of adjacent windows s < l, or a half-life h, in days:

    ============================ ========= =====================================================
    feature                      unit      definition
    ============================ ========= =====================================================
    purchases_{w}d               purchases number of purchases in the window
    spend_{w}d                   money     net amount of the events in the window; below 0 where
                                           refunds prevail
    purchase_rate_{s}d_to_{l}d   ratio     (purchases_{s}d / s) / (purchases_{l}d / l), 0 to l/s;
                                           NaN where purchases_{l}d is 0
    spend_rate_{s}d_to_{l}d      ratio     (spend_{s}d / s) / (spend_{l}d / l); NaN where
                                           spend_{l}d is not above 0
    spend_{w}d_year_ago          money     net amount in the w days after the cutoff - 365 days
    decayed_purchases_{h}d       purchases purchases, each of weight 2 ** -(whole days ago / h)
    decayed_spend_{h}d           money     amounts of the purchases, weighted likewise
    ============================ ========= =====================================================

    **A refund** lowers ``spend_{w}d`` on the day on which it was made, as it lowers the spend that
    is predicted. In ``decayed_spend_{h}d`` it lowers the purchase before it, as in
    :class:`RFMFeatures`.

    **A year ago.** ``spend_{w}d_year_ago`` is about the days that correspond to the w days *after*
    the cutoff: (cutoff - 365 days, cutoff - 365 days + w days]. A year is 365 days here, so a 29
    February in between moves them by one day. It is there for windows below 365 days. Whoever
    came later has 0, as has who was known then and did not buy; ``days_since_first`` of
    :class:`TenureFeatures` tells them apart. So no column is without values on a short log.

    Parameters
    ----------
    windows : sequence of int, default=(7, 30, 90, 180, 365)
        Lengths in days, ascending.
    half_lives : sequence of int, default=(30, 180)
        In days, ascending; may be empty. (That of :class:`RFMFeatures` is 90 days.)

    Attributes
    ----------
    windows_ : ndarray of int64 of shape (n_windows,)
        The windows.
    half_lives_ : ndarray of int64 of shape (n_half_lives,)
        The half-lives.
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``, the column that is read; any others are ignored.

    Raises
    ------
    InvalidParameterError
        By ``fit``, when ``windows`` or ``half_lives`` is no sequence.
    ValueError
        By ``fit``, when one of them is not made of ascending whole days, or no window is given.

    See Also
    --------
    RFMFeatures : counts and sums over the whole history.
    default_features : this and the other groups in one transformer.

    Notes
    -----
    Where histories count purchases by the week, a purchase is as many days ago as its week, and
    one in the cutoff's week 0 days. Events, and with them ``spend_{w}d``, are taken by their day.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import WindowFeatures
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-12-31")
    >>> windows = WindowFeatures(windows=[30, 90]).set_output(transform="pandas").fit_transform(X)
    >>> windows[["purchases_30d", "spend_90d", "spend_rate_30d_to_90d"]].head(2)
                            purchases_30d  spend_90d  spend_rate_30d_to_90d
    customer_id cutoff
    1           1997-12-31            1.0      26.48                    3.0
    2           1997-12-31            0.0       0.00                    NaN
    >>> WindowFeatures(windows=[90, 30]).fit(X)
    Traceback (most recent call last):
        ...
    ValueError: windows=[90, 30] are not ascending whole numbers of days from 1 to 36525...
    """

    _parameter_constraints: dict = {"windows": ["array-like"], "half_lives": ["array-like"]}

    def __init__(
        self,
        *,
        windows: Sequence[int] = (7, 30, 90, 180, 365),
        half_lives: Sequence[int] = (30, 180),
    ):
        self.windows = windows
        self.half_lives = half_lives

    def _feature_names(self) -> list[str]:
        windows, half_lives = self.windows_.tolist(), self.half_lives_.tolist()
        pairs = list(pairwise(windows))
        return [
            *(f"purchases_{days}d" for days in windows),
            *(f"spend_{days}d" for days in windows),
            *(f"purchase_rate_{short}d_to_{long}d" for short, long in pairs),
            *(f"spend_rate_{short}d_to_{long}d" for short, long in pairs),
            *(f"spend_{days}d_year_ago" for days in windows if days < _YEAR),
            *(f"decayed_purchases_{days}d" for days in half_lives),
            *(f"decayed_spend_{days}d" for days in half_lives),
        ]

    def _learn(self, latest: HistoryArray, cutoffs: Ints) -> None:
        self.windows_ = _ascending_days("windows", self.windows)
        self.half_lives_ = _ascending_days("half_lives", self.half_lives)
        if not len(self.windows_):
            raise ValueError("windows is empty: give at least one, such as windows=[30].")

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        windows = self.windows_.tolist()
        columns = {**_purchases(view, windows), **_spend(view, windows)}
        for short, long in pairwise(windows):
            for rate, sums in (("purchase_rate", "purchases"), ("spend_rate", "spend")):
                ratio = divide(
                    columns[f"{sums}_{short}d"] * long, columns[f"{sums}_{long}d"] * short
                )
                columns[f"{rate}_{short}d_to_{long}d"] = ratio
        for days in self.half_lives_.tolist():
            purchases, spend = decayed_purchases(view, days)
            columns[f"decayed_purchases_{days}d"] = purchases
            columns[f"decayed_spend_{days}d"] = spend
        return columns


def _purchases(view: HistoryView, windows: list[int]) -> dict[str, Floats]:
    n_rows = len(view.histories)
    cell = _cells(view.purchase_days_ago, view.purchase_row, n_rows, windows)
    rings = _sum_by_ring(cell, n_rows, len(windows))
    by_window = np.cumsum(rings, axis=0)
    return {f"purchases_{days}d": count for days, count in zip(windows, by_window, strict=True)}


def _spend(view: HistoryView, windows: list[int]) -> dict[str, Floats]:
    n_rows = len(view.histories)
    year_ago = [days for days in windows if days < _YEAR]
    edges = sorted({*windows, *(_YEAR - days for days in year_ago), *([_YEAR] if year_ago else [])})
    amount = view.events.amount
    cell = _cells(view.event_days_ago, view.event_row, n_rows, edges)
    net = _sum_by_ring(cell, n_rows, len(edges), amount)
    # Without a refund nothing cancels.
    refunds = bool((amount < 0).any())
    gross = _sum_by_ring(cell, n_rows, len(edges), np.abs(amount)) if refunds else None
    until = {0: 0, **{days: 1 + k for k, days in enumerate(edges)}}

    def between(least: int, most: int) -> Floats:
        return _net_of_rings(net, gross, slice(until[least], until[most]))

    return {
        **{f"spend_{days}d": between(0, days) for days in windows},
        **{f"spend_{days}d_year_ago": between(_YEAR - days, _YEAR) for days in year_ago},
    }


def _cells(days_ago: Ints, row: Ints, n_rows: int, edges: list[int]) -> Ints:
    """Return for each value its cell in a table of rings by rows.

    Ring k holds what was edges[k - 1] or more, and less than edges[k] days ago; one more ring
    holds what is older.
    """
    ring = np.searchsorted(edges, np.arange(edges[-1] + 1), side="right") * n_rows
    return np.take(ring, days_ago, mode="clip") + row


def _sum_by_ring(cell: Ints, n_rows: int, n_rings: int, values: Floats | None = None) -> NDArray:
    """Sum values (or count) by cell; each cell's one after the other, whatever others there are."""
    table = np.bincount(cell, weights=values, minlength=(n_rings + 1) * n_rows)
    return table.reshape(n_rings + 1, n_rows)[:-1]


def _net_of_rings(net: Floats, gross: Floats | None, rings: slice) -> Floats:
    """Sum some rings of each row; what rounding left of a full refund is 0."""
    total = _sum_in_order(net[rings])
    if gross is not None:
        total[np.abs(total) <= RESIDUE * _sum_in_order(gross[rings])] = 0.0
    return total


def _sum_in_order(rings: Floats) -> Floats:
    """Sum over the first axis. ``sum`` would choose an order by the number of rows."""
    total = rings[0].copy()
    for ring in rings[1:]:
        total += ring
    return total


def _ascending_days(name: str, given: Any) -> Ints:
    days = np.asarray(given)
    whole = days.ndim == 1 and all(isinstance(day, Integral) for day in days.tolist())
    if len(days) and not (
        whole and days.min() >= 1 and days.max() <= _MOST_DAYS and (np.diff(days) > 0).all()
    ):
        raise ValueError(
            f"{name}={given!r} are not ascending whole numbers of days from 1 to {_MOST_DAYS}, "
            f"each of them once. Write them like {name}=[30, 90, 365]."
        )
    return days.astype(np.int64)
