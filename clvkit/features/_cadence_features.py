"""The rhythm in which a customer buys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._median import ragged_median
from clvkit.features._view import Floats, Gaps, HistoryView, divide, sum_by_row
from clvkit.utils._ragged import segment_reduce

__all__ = ["CadenceFeatures"]

#: Erlang shape beyond which buying is clockwork; the shape of equal gaps would be infinite.
_MOST_REGULAR = 100.0

_NAMES = (
    "mean_gap",
    "sd_gap",
    "cv_gap",
    "median_gap",
    "max_gap",
    "last_gap",
    "gaps_since_last",
    "regularity",
    "erlang_k",
    "gap_trend",
)


class CadenceFeatures(BaseHistoryTransformer):
    """How long a customer waits from one purchase to the next, and how evenly.

    Use it where customers buy often enough to have a rhythm: a monthly buyer who has stayed away
    for two months has more likely left than a random one with the same mean gap. It has nothing
    to say about customers with one purchase, and little about those with two. Nothing is learnt
    from other customers.

    A *gap* is the time between two purchases that follow each other. Several lines of one period
    (day) are one purchase, so a gap is never 0.

    =============== ====== =====================================================================
    feature         unit   definition
    =============== ====== =====================================================================
    mean_gap        days   mean of the gaps; NaN below two purchases
    sd_gap          days   standard deviation of the gaps (divisor: gaps less 1); NaN below three
    cv_gap          ratio  sd_gap / mean_gap; NaN below three purchases
    median_gap      days   median of the gaps; NaN below two purchases
    max_gap         days   longest gap; NaN below two purchases
    last_gap        days   between the last two purchases; NaN below two
    gaps_since_last gaps   days since the last purchase / mean_gap; NaN below two purchases
    regularity      0 to 1 1 for equal gaps, 2/3 on average for purchases at random, towards 0
                           where long gaps and bursts alternate; NaN below three purchases
    erlang_k        shape  of the gaps' gamma distribution, implied by regularity, at most 100;
                           NaN below three purchases
    gap_trend       1/gap  slope of a straight line through the gaps in their order, as a share
                           of mean_gap; above 0 for one who slows down; NaN below three purchases
    =============== ====== =====================================================================

    **Regularity.** Of two gaps that follow each other let M be the share of the first one in
    their sum. Where gaps are gamma distributed with shape k, whatever a customer's rate, M has
    the beta distribution (k, k) with mean 1/2 and variance 1 / (4 (2k + 1)) [1]_. Wheat and
    Morrison take one such pair of many customers; here V is the mean of (M - 1/2) ** 2 over all
    pairs of one customer, which has the same expectation. Then ``regularity`` = 1 - 4 V, and
    ``erlang_k`` = (1 - 4 V) / (8 V): 1 for purchases at random (a Poisson process), 2 and more for
    regular ones. From few gaps it is a rough estimate.

    **Trend.** The slope of the n gaps on 1, ..., n by least squares, divided by their mean. Since
    gaps are above 0 it lies within 6 / (n + 1) of 0, however long one of them is.

    Attributes
    ----------
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``, the column that is read; any others are ignored.

    See Also
    --------
    TenureFeatures : the lifecycle stage that follows from the mean gap.
    default_features : this and the other groups in one transformer.

    References
    ----------
    .. [1] R. D. Wheat and D. G. Morrison (1990), "Estimating Purchase Regularity with Two
       Interpurchase Times", Journal of Marketing Research 27(1), 87-93.
    .. [2] M. Platzer and T. Reutterer (2016), "Ticking Away the Moments: Timing Regularity Helps
       to Better Predict Customer Activity", Marketing Science 35(5), 779-799, on what regularity
       tells about who is still a customer.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import CadenceFeatures
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> cadence = CadenceFeatures().set_output(transform="pandas").fit_transform(X)
    >>> cadence[["mean_gap", "last_gap", "gaps_since_last", "regularity"]].head(2).round(3)
                            mean_gap  last_gap  gaps_since_last  regularity
    customer_id cutoff
    1           1997-09-30     106.5     196.0            0.554       0.294
    2           1997-09-30      12.0      12.0           21.667         NaN
    >>> CadenceFeatures().fit(load_cdnow())
    Traceback (most recent call last):
        ...
    clvkit.errors.HistoryTypeError: X has no column 'history' ...
    """

    def _feature_names(self) -> list[str]:
        return list(_NAMES)

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        gaps = view.gaps
        mean = divide(view.age_at_last, np.diff(gaps.offsets))
        deviation = _standard_deviation(gaps, mean)
        regularity = _regularity(gaps)
        return {
            "mean_gap": mean,
            "sd_gap": deviation,
            "cv_gap": divide(deviation, mean),
            "median_gap": ragged_median(gaps.days, gaps.offsets),
            "max_gap": segment_reduce(
                np.maximum, gaps.days, gaps.offsets[:-1], gaps.offsets[1:], empty=np.nan
            ),
            "last_gap": _last(gaps),
            "gaps_since_last": divide(view.days_since_last, mean),
            "regularity": regularity,
            "erlang_k": _erlang_shape(regularity),
            "gap_trend": _trend(view),
        }


def _last(gaps: Gaps) -> Floats:
    begin, end = gaps.offsets[:-1], gaps.offsets[1:]
    last = np.full(len(end), np.nan)
    rows = np.flatnonzero(end > begin)
    last[rows] = gaps.days[end[rows] - 1]
    return last


def _standard_deviation(gaps: Gaps, mean: Floats) -> Floats:
    """Two passes: deviations from the row's mean first, for they do not cancel."""
    deviation = gaps.days - mean[gaps.row]
    squares = sum_by_row(deviation * deviation, gaps.row, len(mean))
    return np.sqrt(divide(squares, np.diff(gaps.offsets) - 1))


def _regularity(gaps: Gaps) -> Floats:
    """Return 1 - 4 V; of gaps a and b, 4 (M - 1/2) ** 2 is ((a - b) / (a + b)) ** 2."""
    days, begin = gaps.days, gaps.offsets[:-1]
    contrast = np.zeros(len(days))
    contrast[1:] = (days[1:] - days[:-1]) / (days[1:] + days[:-1])
    contrast[begin[begin < gaps.offsets[1:]]] = 0.0  # a row's first gap follows none
    squares = sum_by_row(contrast * contrast, gaps.row, len(begin))
    return 1.0 - divide(squares, np.diff(gaps.offsets) - 1)


def _erlang_shape(regularity: Floats) -> Floats:
    """Return k from 1 - 4 V, where V = 1 / (4 (2k + 1)): V = 0 is infinitely regular."""
    least = 1.0 / (2.0 * _MOST_REGULAR + 1.0)  # 4 V of the greatest k
    share = np.maximum(1.0 - regularity, least)
    return (1.0 / share - 1.0) / 2.0


def _trend(view: HistoryView) -> Floats:
    """Return the slope of the gaps on 1, ..., n, divided by their mean.

    With N = n + 1 purchases at the times t, 0 for the first one and S for the last, the gaps sum
    up to S, and their products with 1, ..., n to N S - sum(t). The slope is then
    6 (N S - 2 sum(t)) / (n (n ** 2 - 1)), all in whole periods and without rounding.
    """
    purchases = view.purchases
    n_purchases, n_gaps = purchases.count, purchases.count - 1
    times = segment_reduce(np.add, purchases.period, purchases.begin, purchases.end, empty=0)
    times = times - n_purchases * purchases.birth
    contrast = 6 * (n_purchases * view.periods_at_last - 2 * times)
    return divide(contrast, (n_gaps * n_gaps - 1.0) * view.periods_at_last)
