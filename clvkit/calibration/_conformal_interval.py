"""Prediction intervals by split conformal inference."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, column_or_1d

__all__ = ["ConformalInterval"]

#: Scores that are kept of a long list: a quantile is then off by at most a thousandth, outwards.
_GRID = 1_000


class ConformalInterval(BaseEstimator):
    """Intervals around predictions of spend that hold the truth as often as asked for.

    Learns from predictions of rows that the model had not seen how far the truth falls above and
    below them, relative to the level of the prediction, and carries these distances over to new
    predictions. Nothing is assumed about the distribution of spend: where new rows are
    exchangeable with those of ``fit``, an interval of coverage 0.9 holds at least 90 % of them.

    The promise is one on average over all customers, not for each group of them: intervals of
    customers in the middle of the range tend to be too wide and those at its upper end too
    narrow. And a future that differs from the past of ``fit`` (a season, a crisis) is not
    exchangeable with it.

    Parameters
    ----------
    floor : float or None, default=0.0
        Least possible truth: the lower bound is never below it. Spend is never negative; None
        for targets that may be.
    relative_scale : float, default=1.0
        Predictions well below this multiple of the mean prediction are given errors of equal
        size, predictions well above it errors in proportion.

    Attributes
    ----------
    scale_ : float
        The level at which errors turn from equal to proportional: ``relative_scale`` times the
        mean absolute prediction.
    scores_ : ndarray of float64 of shape (n_grid,)
        Scores ``(y - p) / (|p| + scale_)`` in ascending order, thinned to at most 1,000.
    ranks_ : ndarray of int64 of shape (n_grid,)
        The rank of each of them among all the scores, from 1.
    n_scores_ : int
        Number of predictions learnt from.

    See Also
    --------
    clvkit.serving.CLVModel : Takes a fitted one and gives ``lower`` and ``upper``.

    Notes
    -----
    With ``n`` scores the upper end of an interval of coverage ``1 - a`` is the score of rank
    ``ceil((n + 1)(1 - a / 2))`` and the lower end that of rank ``floor((n + 1) a / 2)``, which
    gives the finite-sample guarantee [1]_ for each side. The floor costs nothing: where it cuts
    an interval off, no possible truth is lost.

    Where the list was thinned, the next kept score outwards is taken. Where there are too few
    scores for the rank (fewer than ``2 / a - 1``: 19 for a coverage of 0.9), the most extreme
    score stands in for an infinite bound, and the guarantee is lost.

    The interval always contains the prediction.

    References
    ----------
    .. [1] Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-Free Predictive
       Inference for Regression, Journal of the American Statistical Association 113(523),
       section 2.2.

    Examples
    --------
    >>> from clvkit.calibration import ConformalInterval
    >>> y_true = [0, 0, 0, 12, 0, 25, 31, 0, 60, 140]
    >>> y_pred = [2, 3, 5, 9, 10, 20, 30, 35, 60, 90]
    >>> interval = ConformalInterval().fit(y_true, y_pred)
    >>> lower, upper = interval.interval([5, 60], coverage=0.5)
    >>> lower.round(1), upper.round(1)
    (array([ 0. , 36.3]), array([ 8.4, 69.3]))
    >>> interval.interval([5], coverage=90)
    Traceback (most recent call last):
        ...
    ValueError: coverage must be above 0 and below 1 (0.9 is 90 %); got 90.
    """

    _parameter_constraints: dict = {
        "floor": [Interval(Real, None, None, closed="neither"), None],
        "relative_scale": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, floor: float | None = 0.0, relative_scale: float = 1.0) -> None:
        self.floor = floor
        self.relative_scale = relative_scale

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, y_true: ArrayLike, y_pred: ArrayLike) -> ConformalInterval:
        """Learn from what came of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            What came.
        y_pred : array-like of shape (n_samples,)
            What had been predicted, by models that had not seen these rows.

        Returns
        -------
        self
        """
        truth, predicted = _column(y_true, "y_true"), _column(y_pred, "y_pred")
        check_consistent_length(truth, predicted)
        # Where all predictions are 0 the truth sets the scale, and where that is 0 too, 1 does.
        level = np.abs(predicted).mean() or np.abs(truth).mean() or 1.0
        self.scale_ = float(self.relative_scale * level)
        scores = np.sort((truth - predicted) / self._width(predicted))
        self.n_scores_ = len(scores)
        self.ranks_ = np.unique(np.linspace(1, len(scores), _GRID).round().astype(np.int64))
        self.scores_ = scores[self.ranks_ - 1]
        return self

    def interval(
        self, y_pred: ArrayLike, coverage: float = 0.9
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the interval around each prediction.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,)
        coverage : float, default=0.9
            Share of truths that the intervals shall hold, in (0, 1); half of the others may lie
            below and half above.

        Returns
        -------
        lower, upper : ndarray of float64 of shape (n_samples,)
            ``lower <= y_pred <= upper``, and ``lower >= floor`` where the prediction is.

        Raises
        ------
        ValueError
            If the coverage is not between 0 and 1. It is a fraction, not a percentage.
        """
        check_is_fitted(self)
        if not 0 < coverage < 1:
            raise ValueError(
                f"coverage must be above 0 and below 1 (0.9 is 90 %); got {coverage!r}."
            )
        predicted = _column(y_pred, "y_pred")
        down, up = self._quantiles((1 - coverage) / 2)
        width = self._width(predicted)
        lower, upper = predicted + down * width, predicted + up * width
        if self.floor is not None:
            lower = np.maximum(lower, self.floor)
        return np.minimum(lower, predicted), np.maximum(upper, predicted)

    def _width(self, predicted: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.abs(predicted) + self.scale_

    def _quantiles(self, tail: float) -> tuple[float, float]:
        """Return the scores that leave ``tail`` below and above, none nearer than 0."""
        # Rounded, for (1 - 0.9) / 2 is a little less than 0.05.
        below = int(np.floor(round((self.n_scores_ + 1) * tail, 9)))
        above = self.n_scores_ + 1 - below
        low = int(np.searchsorted(self.ranks_, below, side="right")) - 1
        high = int(np.searchsorted(self.ranks_, above, side="left"))
        down = self.scores_[max(low, 0)]
        up = self.scores_[min(high, len(self.scores_) - 1)]
        return min(float(down), 0.0), max(float(up), 0.0)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "scores_")


def _column(values: Any, name: str) -> NDArray[np.float64]:
    array = check_array(values, ensure_2d=False, dtype=np.float64, input_name=name)
    return column_or_1d(array)
