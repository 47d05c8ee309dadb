"""Intervals for one customer and for sums, learnt from predictions and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from clvkit.calibration._coverage import check_coverage
from clvkit.calibration._level_error import level_nodes, spread_weights
from clvkit.calibration._levels import as_column, error_unit, group_edges, level_group
from clvkit.calibration._origins import Origins, read_origins
from clvkit.calibration._scores import TAILS, Errors, one_sided, score_ends
from clvkit.calibration._spend_shape import SpendDistribution, join_distributions
from clvkit.calibration._totals import Moments, learn_moments, total_table
from clvkit.errors import ArgumentError

__all__ = ["LevelIntervals"]

Array = NDArray[np.float64]

#: Each score is taken to recur at so many levels that the future may have.
_N_LEVELS = 7

#: And a sum so many.
_N_NODES = 49


class LevelIntervals(BaseEstimator):
    """Intervals around predictions of spend that hold the truth as often as asked for.

    Learns from predictions of rows that the model had not seen how far the truth falls above and
    below them, relative to the level of the prediction, and carries these distances over to new
    predictions of that level. Where new rows are exchangeable with those of ``fit``, an interval of
    coverage 0.9 holds about 90 % of them or more, in each group, however spend is distributed.

    Use it where out-of-fold predictions are at hand; :class:`ConformalInterval` makes them. Name
    the origins of rows, and it also learns how far the level of a whole period may be off.

    Parameters
    ----------
    n_groups : int, default=10
        Number of groups of equally many predictions, by level; each gets distances of its own.
        There are fewer with less than 100 predictions each. One alone makes intervals too wide in
        the middle and too narrow at the top.
    relative_scale : float, default=0.3
        Predictions well below this multiple of the mean prediction are given errors of equal
        size, predictions well above it errors in proportion.
    floor : float or None, default=0.0
        Least possible truth: the lower bound is never below it. Spend is never negative; None
        for targets that may be.

    Attributes
    ----------
    scale_ : float
        ``relative_scale`` times the mean absolute prediction.
    edges_ : ndarray of float64 of shape (n_groups - 1,)
        Predictions between the groups, in ascending order.
    tails_ : ndarray of float64 of shape (n_tails,)
        Shares left out at one end, in ascending order from 0.
    lower_scores_, upper_scores_ : ndarray of float64 of shape (n_groups, n_tails)
        The scores of each group that leave these shares below and above them: what to add to the
        prediction, or to the predicted quantile, in units of ``|p| + scale_``.
    zeros_ : ndarray of float64 of shape (n_groups,)
        Share of truths at the floor in each group.
    distributional_ : bool
        Whether predicted distributions were learnt from, and are needed for intervals.
    log_ratios_, ratio_errors_ : ndarray of float64 of shape (n_telling,)
        Logarithm of actual over predicted total of the origins that tell, and its standard error.
    spread_weights_ : ndarray of float64
        What is believed of the spread of the level from period to period; see Notes.
    moments_ : ndarray of float64 of shape (n_groups, 3)
        Mean, variance and third central moment of the errors of each group.
    units_, lean_ : ndarray of float64 of shape (n_groups,), float
        Share of each group in the sum of ``|p| + scale_``; variance, beyond chance, of groups.
    n_scores_ : int
        Number of predictions learnt from.

    See Also
    --------
    ConformalInterval : The same around an estimator, which makes the predictions itself.
    clvkit.serving.CLVModel : Takes a fitted one and gives ``lower`` and ``upper``.

    Notes
    -----
    With ``n`` scores in a group the score that leaves a share ``t`` below it is that of rank
    ``floor((n + 1) t)``, and the one that leaves ``t`` above that of rank ``ceil((n + 1)(1 - t))``,
    the quantiles of split conformal inference [1]_, in groups as in [2]_. Scale and edges are
    learnt from the same predictions, which costs the exact guarantee an amount that falls with
    the size of the groups. Predicted quantiles are corrected in the same way [3]_.

    **Mass at zero.** A quantile is 0 where so many of the group spend nothing. An interval of
    coverage ``1 - a`` leaves ``a / 2`` at each end. Where more spend nothing, nobody falls below
    its lower end, and it holds up to ``1 - a / 2``. Where most do, what is not used below is left
    out above: from 60 % of zeros on bit by bit, from 90 % on the interval is one-sided.

    **Level.** The truths of an origin are compared with its predictions at the level that the
    origin turned out to have, as far as its total differs by more than chance. How much levels
    differ is learnt apart, from the ratios of the totals; a spread of 0 is four times as likely
    as another at first. Scores then recur at seven equally likely levels.

    With fewer than ``2 / a - 1`` scores the most extreme one stands in for an infinite bound.

    **Sums.** Chance has the sums of mean, variance and third moment of errors at each level, as a
    shifted gamma distribution; groups of a level may err together, and so may the whole period.

    References
    ----------
    .. [1] Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-Free Predictive
       Inference for Regression, Journal of the American Statistical Association 113(523),
       section 2.2.
    .. [2] Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, Springer,
       section 4.5 (Mondrian conformal predictors).
    .. [3] Romano, Patterson and Candes (2019), Conformalized Quantile Regression, NeurIPS 32.

    Examples
    --------
    >>> from clvkit.calibration import LevelIntervals
    >>> y_true = [1, 2, 4, 12, 5, 25, 31, 20, 60, 140]
    >>> y_pred = [2, 3, 5, 9, 10, 20, 30, 35, 60, 90]
    >>> intervals = LevelIntervals().fit(y_true, y_pred)
    >>> lower, upper = intervals.interval([5, 60], coverage=0.5)
    >>> lower.round(1), upper.round(1)
    (array([ 1.4, 41. ]), array([ 7.3, 72.2]))
    >>> intervals.interval([5], coverage=90)
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: coverage must be a number above 0 and below 1 (0.9 is 90 %); got
    90.
    """

    _parameter_constraints: dict = {
        "n_groups": [Interval(Integral, 1, None, closed="left")],
        "relative_scale": [Interval(Real, 0, None, closed="neither")],
        "floor": [Interval(Real, None, None, closed="neither"), None],
    }

    def __init__(
        self, *, n_groups: int = 10, relative_scale: float = 0.3, floor: float | None = 0.0
    ) -> None:
        self.n_groups = n_groups
        self.relative_scale = relative_scale
        self.floor = floor

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        origin: ArrayLike | None = None,
        tells_level: ArrayLike | None = None,
        level_error: ArrayLike | None = None,
        overlap: float = 0.5,
        distributions: Sequence[SpendDistribution] | None = None,
    ) -> LevelIntervals:
        """Learn from what came of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            What came.
        y_pred : array-like of shape (n_samples,)
            What had been predicted, by models that had not seen these rows.
        origin : array-like of shape (n_samples,), default=None
            Which origin each row belongs to, such as its cutoff. By default the rows are taken
            as they are, at a level that future rows have too, and nothing is known of levels.
        tells_level : array-like of bool of shape (n_samples,), default=None
            False for the rows of origins whose totals say nothing about the level of predictions
            to come: the model had seen labels of the same period, or lacked the season that it
            knows now. By default all do.
        level_error : array-like of shape (n_samples,), default=None
            Standard error of the logarithm of a factor in the predictions of the row's origin,
            such as that of a season.
        overlap : float, default=0.5
            Share of the period that successive origins have in common.
        distributions : sequence of SpendDistribution, default=None
            What was predicted of the rows beyond the mean, as
            :func:`~clvkit.calibration.predicted_distribution` tells it; together the rows of
            ``y_true`` in their order.

        Returns
        -------
        self
        """
        truth, predicted = as_column(y_true, "y_true"), as_column(y_pred, "y_pred")
        check_consistent_length(truth, predicted, origin, tells_level, level_error)
        distribution = None if distributions is None else join_distributions(distributions)
        if distribution is not None and len(distribution.zeros) != len(truth):
            raise ArgumentError(
                f"distributions hold {len(distribution.zeros)} rows, y_true {len(truth)}: give "
                "the same rows in the same order."
            )
        origins = read_origins(truth, predicted, origin, tells_level, level_error)
        self._learn_levels(origins, overlap)
        # From here on predictions are what they would have been at the level that came.
        predicted = predicted * origins.level
        if distribution is not None:
            distribution = distribution._replace(unit=distribution.unit * origins.level)
        self.scale_ = self.relative_scale * _usual(predicted, truth)
        self.n_scores_ = len(truth)
        self.edges_ = group_edges(predicted, self.n_groups)
        self.tails_ = TAILS.copy()
        self.distributional_ = distribution is not None
        self._learn_scores(truth, predicted, distribution)
        unit = error_unit(predicted, self.scale_)
        errors, group = (truth - predicted) / unit, self._group(predicted)
        self.moments_, self.units_, self.lean_ = learn_moments(
            errors, unit, group, len(self.edges_) + 1
        )
        return self

    def _learn_levels(self, origins: Origins, overlap: float) -> None:
        n = len(origins.log_ratios)
        share = (1.0 + (n - 1) * (1.0 - overlap)) / n if n else 1.0
        self.knows_levels_ = origins.told
        self.log_ratios_, self.ratio_errors_ = origins.log_ratios, origins.errors
        self.spread_weights_ = spread_weights(origins.log_ratios, origins.errors, share)

    def _learn_scores(
        self, truth: Array, predicted: Array, distribution: SpendDistribution | None
    ) -> None:
        group = self._group(predicted)
        members = [np.flatnonzero(group == number) for number in range(len(self.edges_) + 1)]
        least = -np.inf if self.floor is None else self.floor
        self.zeros_ = np.array([np.mean(truth[rows] <= least) for rows in members])
        nodes = level_nodes(self.spread_weights_, _N_LEVELS) if self.knows_levels_ else np.ones(1)
        errors = Errors(truth, predicted, error_unit(predicted, self.scale_), nodes)
        ends = [score_ends(errors, rows, distribution) for rows in members]
        self.lower_scores_, self.upper_scores_ = (np.array(end) for end in zip(*ends, strict=True))

    def interval(
        self,
        y_pred: ArrayLike,
        coverage: float = 0.9,
        *,
        distribution: SpendDistribution | None = None,
    ) -> tuple[Array, Array]:
        """Return the interval around each prediction.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,)
        coverage : float, default=0.9
            In (0, 1).
        distribution : SpendDistribution, default=None
            What is predicted beyond the mean, where distributions were learnt from.

        Returns
        -------
        lower, upper : ndarray of float64 of shape (n_samples,)
            ``lower <= y_pred <= upper``, and ``lower >= floor`` where the prediction is.

        Raises
        ------
        ArgumentError
            If the coverage is not a number between 0 and 1. It is a fraction, not a percentage.
        """
        check_is_fitted(self)
        predicted = as_column(y_pred, "y_pred")
        # Rounded, for (1 - 0.9) / 2 is a little less than 0.05.
        left_out = round(1.0 - check_coverage(coverage), 9)
        self._check_distribution(distribution)
        group = self._group(predicted)
        zeros = self.zeros_[group] if distribution is None else distribution.zeros
        above = 0.5 * left_out * (1.0 + one_sided(zeros))
        lower = self._end(predicted, group, left_out / 2.0, distribution, upper=False)
        upper = self._end(predicted, group, above, distribution, upper=True)
        return np.minimum(lower, predicted), np.maximum(upper, predicted)

    def quantiles(
        self,
        y_pred: ArrayLike,
        levels: ArrayLike,
        *,
        distribution: SpendDistribution | None = None,
    ) -> Array:
        """Return quantiles of what may come of each prediction.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,)
        levels : array-like of shape (n_levels,)
            Each in (0, 1).
        distribution : SpendDistribution, default=None
            As in :meth:`interval`.

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_levels)
        """
        check_is_fitted(self)
        predicted = as_column(y_pred, "y_pred")
        wanted = np.array(
            [check_coverage(level, "a level") for level in as_column(levels, "levels")]
        )
        self._check_distribution(distribution)
        group = self._group(predicted)
        out = np.empty((len(predicted), len(wanted)))
        order = np.argsort(wanted, kind="stable")
        for place in order:
            level = wanted[place]
            upper = bool(level > 0.5)
            tail = round(1.0 - level if upper else level, 9)
            out[:, place] = self._end(predicted, group, tail, distribution, upper=upper)
            if distribution is None and self.floor is not None:
                # Scores make of one truth of 0 as many values as there are predictions.
                out[level < self.zeros_[group], place] = self.floor
        out[:, order] = np.maximum.accumulate(out[:, order], axis=1)
        return out

    def total_interval(
        self,
        y_pred: ArrayLike,
        groups: ArrayLike | None = None,
        coverage: float = 0.9,
        *,
        level_error: float = 0.0,
    ) -> pd.DataFrame:
        """Return intervals for sums of what will come.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,)
        groups : array-like of shape (n_samples,), default=None
            Such as segments. By default there is one sum, ``"all"``.
        coverage : float, default=0.9
            Probability that a sum lies in its interval.
        level_error : float, default=0.0
            Standard error of the logarithm of a factor in the predictions.

        Returns
        -------
        DataFrame of shape (n_groups, 3)
            ``total``, ``lower`` and ``upper``, indexed by ``group`` in ascending order.
        """
        check_is_fitted(self)
        share = check_coverage(coverage)
        predicted = as_column(y_pred, "y_pred")
        labels = np.full(len(predicted), "all") if groups is None else groups
        check_consistent_length(predicted, labels)
        moments = Moments(self.moments_, self.units_, self.lean_)
        least = -np.inf if self.floor is None else self.floor
        nodes = level_nodes(self.spread_weights_, _N_NODES, level_error)
        unit = error_unit(predicted, self.scale_)
        return total_table(
            labels, predicted, unit, self._group(predicted), moments, nodes, share, least
        )

    def _end(
        self,
        predicted: Array,
        group: NDArray[np.intp],
        tail: Any,
        distribution: SpendDistribution | None,
        *,
        upper: bool,
    ) -> Array:
        """Return the value that leaves a share of truths (of each row, or of all) beyond it."""
        column = np.searchsorted(self.tails_, np.minimum(tail, self.tails_[-1]), side="right") - 1
        kept = self.tails_[column]
        scores = (self.upper_scores_ if upper else self.lower_scores_)[group, column]
        if distribution is None:
            base = predicted
        else:
            base = distribution.quantile(1.0 - kept if upper else kept)
        value = base + scores * error_unit(predicted, self.scale_)
        if self.floor is None:
            return value
        # Who may well buy nothing keeps that end, whatever others of his level do.
        nothing = distribution is not None and not upper
        value = np.where(base <= self.floor, self.floor, value) if nothing else value
        return np.maximum(value, self.floor)

    def _group(self, predicted: Array) -> NDArray[np.intp]:
        return level_group(predicted, self.edges_, self.scale_)

    def _check_distribution(self, distribution: SpendDistribution | None) -> None:
        if self.distributional_ and distribution is None:
            raise ArgumentError("the intervals were learnt with distributions: give distribution=.")
        if distribution is not None and not self.distributional_:
            raise ArgumentError("the intervals were learnt without distributions: give none.")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "upper_scores_")


def _usual(predicted: Array, truth: Array) -> float:
    """Return the mean level of predictions; where they are 0 that of truth, or 1."""
    level, actual = float(np.abs(predicted).mean()), float(np.abs(truth).mean())
    return max(level, 1e-9 * actual) if level else actual or 1.0
