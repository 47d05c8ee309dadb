"""Recency, frequency and monetary value of a customer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._decay import decayed_purchases
from clvkit.features._median import ragged_median
from clvkit.features._quintiles import SCORED, learn_quintiles, reference_times, scores
from clvkit.features._view import Floats, HistoryView, divide
from clvkit.history import HistoryArray
from clvkit.history._rfm_summary import repeat_spend
from clvkit.utils._duration import parse_duration
from clvkit.utils._ragged import segment_reduce

__all__ = ["RFMFeatures"]

_NAMES = (
    "frequency",
    "recency",
    "T",
    "monetary_value",
    "days_since_last",
    "n_purchases",
    "n_events",
    "total_spend",
    "mean_purchase",
    "median_purchase",
    "max_purchase",
    "sd_purchase",
    "last_purchase",
    "purchase_rate",
    "spend_rate",
    "decayed_purchases",
    "decayed_spend",
    *SCORED,
)


class RFMFeatures(BaseHistoryTransformer):
    """Recency, frequency and monetary value, as purchase models and as marketing count them.

    Use it in any model of a customer's value: these are the strongest features that a history
    has. It knows nothing about calendar windows or season.

    A purchase is a period (a day, unless the histories have another granularity) with a net
    amount above 0, or of amount 0 without a refund; what is refunded later lowers its amount.

    ================= ========= ===============================================================
    feature           unit      definition
    ================= ========= ===============================================================
    frequency         purchases repeat purchases: purchases less the first one
    recency           days      from the first to the last purchase; 0 without a repeat purchase
    T                 days      from the first purchase to the cutoff
    monetary_value    money     mean amount per repeat purchase; 0 without one
    days_since_last   days      from the last purchase to the cutoff; NaN without a purchase
    n_purchases       purchases number of purchases, the first one included
    n_events          events    number of lines of the log, refunds included
    total_spend       money     net amount of all events; negative for net refunds
    mean_purchase     money     mean amount of a purchase; NaN without a purchase
    median_purchase   money     median amount of a purchase; NaN without a purchase
    max_purchase      money     greatest amount of a purchase; NaN without a purchase
    sd_purchase       money     standard deviation of the amounts; NaN below two purchases
    last_purchase     money     amount of the last purchase; NaN without a purchase
    purchase_rate     1/day     n_purchases per day of T, the cutoff's period included
    spend_rate        money/day total_spend per day of T, the cutoff's period included
    decayed_purchases purchases purchases, each of weight 2 ** -(whole days ago / half-life)
    decayed_spend     money     amounts of the purchases, weighted likewise
    recency_score     1 to 5    quintile of days_since_last, 5 for the most recent
    frequency_score   1 to 5    quintile of n_purchases
    monetary_score    1 to 5    quintile of total_spend
    ================= ========= ===============================================================

    The scores compare a row with the customers given to fit as they were known on the last Sunday
    by the row's cutoff, or by the last cutoff of fit where the row is later; each customer counts
    once. Equal values have equal scores, whoever has not bought has the lowest recency score, and
    values never seen in fit fall between the same edges. A row before the first Sunday on which
    anybody was known has NaN.

    Parameters
    ----------
    half_life : str, default="90D"
        Time after which a purchase counts half in the decayed features. Months and years count
        by their average length.

    Attributes
    ----------
    score_times_ : ndarray of int64 of shape (n_times,)
        Moments at which the quintiles were learnt: the ends of calendar weeks.
    score_edges_ : ndarray of shape (n_times, 3, 4)
        Upper edges of the first four quintiles of minus days_since_last, n_purchases and
        total_spend.
    last_cutoff_ : int
        Last cutoff of fit, as a moment.
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``, the column that is read; any others are ignored.

    Raises
    ------
    DurationError
        By ``fit``, when ``half_life`` cannot be read.

    See Also
    --------
    clvkit.history.rfm_summary : the first four columns as purchase models take them.
    default_features : this and the other groups in one transformer.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: Using Iso-Value Curves for Customer Base
    Analysis, Journal of Marketing Research 42(4).

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import RFMFeatures
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> rfm = RFMFeatures().set_output(transform="pandas").fit_transform(X)
    >>> rfm[["frequency", "recency", "total_spend", "monetary_score"]].head(2)
                            frequency  recency  total_spend  monetary_score
    customer_id cutoff
    1           1997-09-30        2.0    213.0        74.02             4.0
    2           1997-09-30        1.0     12.0        75.11             4.0
    >>> RFMFeatures().fit(load_cdnow())
    Traceback (most recent call last):
        ...
    clvkit.errors.HistoryTypeError: X has no column 'history' ...
    """

    _parameter_constraints: dict = {"half_life": [str]}

    def __init__(self, *, half_life: str = "90D"):
        self.half_life = half_life

    def _feature_names(self) -> list[str]:
        return list(_NAMES)

    def _learn(self, latest: HistoryArray, cutoffs: NDArray[np.int64]) -> None:
        parse_duration(self.half_life, name="half_life")
        times = reference_times(latest)
        self.score_times_, self.score_edges_ = learn_quintiles(latest, times)
        self.last_cutoff_ = int(cutoffs[-1])

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        purchases, spend = decayed_purchases(view, parse_duration(self.half_life).days)
        return {
            **_timing(view),
            **_money(view),
            "decayed_purchases": purchases,
            "decayed_spend": spend,
            **scores(view, self.score_times_, self.score_edges_),
        }


def _timing(view: HistoryView) -> dict[str, NDArray]:
    return {
        "frequency": np.maximum(view.n_purchases - 1, 0.0),
        "recency": view.age_at_last,
        "T": view.age,
        "days_since_last": view.days_since_last,
        "n_purchases": view.n_purchases,
        "n_events": view.histories.n_events,
        "purchase_rate": view.n_purchases / view.days_lived,
    }


def _money(view: HistoryView) -> dict[str, NDArray]:
    purchases = view.purchases
    greatest = segment_reduce(
        np.maximum, purchases.amount, purchases.begin, purchases.end, empty=np.nan
    )
    return {
        "monetary_value": repeat_spend(purchases) / np.maximum(view.n_purchases - 1, 1.0),
        "total_spend": view.total_spend,
        "mean_purchase": view.mean_purchase,
        "median_purchase": ragged_median(purchases.amount, purchases.offsets),
        "max_purchase": greatest,
        "sd_purchase": _standard_deviation(view),
        "last_purchase": view.nth_purchase(purchases.amount, -1),
        "spend_rate": view.total_spend / view.days_lived,
    }


def _standard_deviation(view: HistoryView) -> Floats:
    """Two passes: deviations from the row's mean first, for they do not cancel."""
    purchases = view.purchases
    deviation = purchases.amount - view.mean_purchase[view.purchase_row]
    return np.sqrt(divide(view.sum_by_row(deviation * deviation), view.n_purchases - 1))
