"""How long a customer has been one, and in which stage he is."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._view import Floats, HistoryView, divide
from clvkit.history import HistoryArray
from clvkit.utils._duration import parse_duration

__all__ = ["TenureFeatures"]

NEW, ACTIVE, SLOWING, LAPSED = 0.0, 1.0, 2.0, 3.0

_NAMES = (
    "days_since_first",
    "active_span",
    "active_share",
    "first_purchase",
    "first_to_mean",
    "days_to_second",
    "lifecycle_stage",
)


class TenureFeatures(BaseHistoryTransformer):
    """A customer's age, the part of it that he was active in, and his stage by his own cadence.

    Use it beside :class:`RFMFeatures`, which counts and sums but does not look at how the
    relation began. Nothing is learnt from other customers.

    ================ ===== =====================================================================
    feature          unit  definition
    ================ ===== =====================================================================
    days_since_first days  from the first event, be it a refund, to the cutoff; NaN without one
    active_span      days  from the first to the last purchase; NaN without a purchase
    active_share     ratio active_span / T, T from the first purchase to the cutoff; NaN where
                           the first purchase was in the cutoff's period, or without one
    first_purchase   money amount of the first purchase; NaN without a purchase
    first_to_mean    ratio first_purchase / mean amount of a purchase; NaN where that is not
                           above 0, or without a purchase
    days_to_second   days  from the first to the second purchase; NaN below two purchases
    lifecycle_stage  code  0 new, 1 active, 2 slowing, 3 lapsed; NaN without a purchase
    ================ ===== =====================================================================

    The stage compares the time since the last purchase with the mean gap between the
    customer's own purchases: up to ``slowing_after`` gaps he is active, up to ``lapsed_after``
    slowing, then lapsed. With one purchase there is no cadence yet: he is new up to ``new_for``
    after it, and lapsed then.

    Parameters
    ----------
    slowing_after : float, default=2.0
        Own mean gaps after which a customer counts as slowing. A customer who buys at random
        with a constant rate stays away longer than two mean gaps 14 times in 100.
    lapsed_after : float, default=4.0
        Own mean gaps after which a customer counts as lapsed (2 times in 100).
    new_for : str, default="90D"
        How long after his only purchase a customer counts as new.

    Attributes
    ----------
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``, the column that is read; any others are ignored.

    Raises
    ------
    DurationError
        By ``fit``, when ``new_for`` cannot be read.
    ValueError
        By ``fit``, when ``lapsed_after`` is below ``slowing_after``.

    See Also
    --------
    RFMFeatures : recency, frequency and monetary value.
    default_features : this and the other groups in one transformer.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import TenureFeatures
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> tenure = TenureFeatures().set_output(transform="pandas").fit_transform(X)
    >>> tenure[["days_since_first", "days_to_second", "lifecycle_stage"]].head(2)
                            days_since_first  days_to_second  lifecycle_stage
    customer_id cutoff
    1           1997-09-30             272.0            17.0              1.0
    2           1997-09-30             272.0            12.0              3.0
    >>> TenureFeatures(new_for="3m").fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.DurationError: new_for='3m' could mean minutes or months: ...
    """

    _parameter_constraints: dict = {
        "slowing_after": [Interval(Real, 0, None, closed="neither")],
        "lapsed_after": [Interval(Real, 0, None, closed="neither")],
        "new_for": [str],
    }

    def __init__(
        self, *, slowing_after: float = 2.0, lapsed_after: float = 4.0, new_for: str = "90D"
    ):
        self.slowing_after = slowing_after
        self.lapsed_after = lapsed_after
        self.new_for = new_for

    def _feature_names(self) -> list[str]:
        return list(_NAMES)

    def _learn(self, latest: HistoryArray, cutoffs: NDArray[np.int64]) -> None:
        parse_duration(self.new_for, name="new_for")
        if self.lapsed_after < self.slowing_after:
            raise ValueError(
                f"lapsed_after={self.lapsed_after} is below slowing_after={self.slowing_after}: "
                "a customer slows down before he lapses."
            )

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        purchases = view.purchases
        first = view.nth_purchase(purchases.amount, 0)
        second = view.nth_purchase(purchases.period, 1)
        return {
            "days_since_first": _days_since_first(view),
            "active_span": view.where_bought(view.age_at_last),
            "active_share": view.where_bought(divide(view.age_at_last, view.age)),
            "first_purchase": first,
            "first_to_mean": divide(first, view.mean_purchase),
            "days_to_second": view.in_days(second - purchases.birth),
            "lifecycle_stage": self._stage(view),
        }

    def _stage(self, view: HistoryView) -> Floats:
        gap = divide(view.age_at_last, view.n_purchases - 1)
        away = view.days_since_last
        by_cadence = np.select(
            [away <= self.slowing_after * gap, away <= self.lapsed_after * gap],
            [ACTIVE, SLOWING],
            LAPSED,
        )
        once = np.where(away <= parse_duration(self.new_for).days, NEW, LAPSED)
        return view.where_bought(np.where(view.n_purchases > 1, by_cadence, once))


def _days_since_first(view: HistoryView) -> Floats:
    histories = view.histories
    period, resolution = histories.dtype.period, histories.dtype.resolution
    first = period.period(histories.first_moments, resolution)
    return np.where(histories.n_events > 0, view.in_days(view.purchases.now - first), np.nan)
