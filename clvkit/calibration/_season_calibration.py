"""Totals that know the season: what the same model missed in the same weeks a year ago."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from clvkit.calibration._origins import total_error, total_ratio
from clvkit.calibration._past_windows import find_horizon
from clvkit.calibration._shrinkage import shrinkage_error, shrunk_log_ratio
from clvkit.errors import ArgumentError, CalibrationWarning, ShortLogError, SummaryError
from clvkit.history import (
    HistoryArray,
    get_histories,
    latest_rows,
    least_history,
    replace_histories,
    resolve_horizon,
    take_snapshots,
)
from clvkit.history._moments import format_moment, parse_cutoff
from clvkit.utils._components import ask_components, has_components
from clvkit.utils._duration import Duration, parse_duration
from clvkit.utils._warnings import warn_user

__all__ = ["SeasonCalibration", "find_season"]

Array = NDArray[np.float64]

_YEAR = parse_duration("1Y")


class _Window(NamedTuple):
    """What the estimator predicted of a past window, and what came."""

    y: Array
    predicted: Array
    groups: NDArray[Any]


def _has_components(model: SeasonCalibration) -> bool:
    return has_components(getattr(model, "estimator_", model.estimator))


class SeasonCalibration(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    r"""Correct an estimator's totals by what it missed in the same weeks a year ago.

    A model of customers knows no calendar: it predicts an average quarter, also where the next
    one holds Christmas. This cuts the histories back by a year, fits the same estimator on what
    was known then, and compares its prediction of the same calendar window with what came. The
    ratio of the totals, shrunk towards 1 as far as chance may have made it, multiplies the
    predictions. Only the level changes, never the order of customers (of one group).

    Use it where a log has a season and reaches back a year and half a horizon (at least 28 days)
    before the window. Where it does not, predictions are left as they are, and a warning says
    so: guessing a season from part of a year made totals worse in trials.

    Parameters
    ----------
    estimator : estimator
        A regressor that is fitted on histories alone, such as
        :class:`~clvkit.btyd.BTYDRegressor`, or a pipeline inside a
        :class:`~clvkit.model_selection.SnapshotRegressor`.
    target_cutoff : date-like str or None, default=None
        The cutoff that will be predicted at. By default the latest one of ``fit``. The window a
        year before it must lie inside the histories of ``fit``.
    horizon : str or None, default=None
        Length of the period to predict, of at most a year. None takes that of the samples, or of
        the estimator.
    group : str or None, default=None
        A column of ``X`` beside the history, such as a country: each of its values gets a ratio
        of its own, shrunk towards that of all. A value that was not there a year ago gets that
        of all.
    trend : bool, default=False
        Whether to correct also by what the latest known window tells beyond its own season: the
        ratio there over the ratio a year before it. It takes two years and more of log. In
        trials on a real log it made four of five totals worse, so it is off.
    on_missing : {"warn", "ignore"}, default="warn"
        Whether a warning says so where nothing can be corrected. ``reason_`` always does.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on all of ``X``.
    factor_ : float
        What predictions are multiplied by; 1 where nothing is corrected.
    factors_ : dict of str to float
        The factors of the groups, by the text of their values; empty without ``group``.
    ratio_, standard_error_ : float
        Actual total over predicted total a year ago, and the standard error of its logarithm; NaN
        where nothing is corrected.
    factor_error_ : float
        Standard deviation of the logarithm of the season, given what was seen of it; 0 where
        nothing is corrected.
    trend_factor_ : float
        The part of ``factor_`` that is trend; 1 without.
    horizon_, target_cutoff_ : str
        In use.
    year_ago_ : str
        The cutoff a year before the target.
    reason_ : str
        Why nothing is corrected; empty where it is.

    Raises
    ------
    HorizonError
        If no horizon is known, or if the samples were made with another one.
    ArgumentError
        If ``target_cutoff`` lies before the latest cutoff of ``fit``, or ``group`` is no column.

    Warns
    -----
    CalibrationWarning
        When nothing can be corrected; when rows of another cutoff than the target are predicted.

    Notes
    -----
    With :math:`\hat p_i` predicted a year ago, :math:`y_i` what came and :math:`\rho = \sum y_i /
    \sum \hat p_i`, the standard error of :math:`\log \rho` is :math:`(\sum (y_i - \rho \hat
    p_i)^2)^{1/2} / \sum y_i`: customers are taken to be independent. The estimate is the posterior
    mean of the log-ratio under a prior that says "no season" with probability one half, and is
    normal with a standard deviation of 0.3 otherwise, so that noise is left alone and a clear
    season is hardly shrunk.

    Examples
    --------
    >>> from clvkit.btyd import BTYDRegressor
    >>> from clvkit.calibration import SeasonCalibration
    >>> from clvkit.datasets import simulate_log
    >>> from clvkit.history import latest_histories
    >>> simulated = simulate_log("bg_nbd", n_customers=4_000, start="2020-01-01",
    ...     cutoff="2022-10-31", horizon="61D", season={12: 2.0}, random_state=0)
    >>> X = latest_histories(simulated.log, "2022-10-31")
    >>> plain = BTYDRegressor(horizon="61D").fit(X)
    >>> seasonal = SeasonCalibration(BTYDRegressor(horizon="61D")).fit(X)
    >>> truth = simulated.truth["expected_spend"].sum()
    >>> [float((m.predict(X).sum() / truth).round(1)) for m in (plain, seasonal)]
    [0.7, 1.0]
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "target_cutoff": [str, None],
        "horizon": [str, None],
        "group": [str, None],
        "trend": ["boolean"],
        "on_missing": [StrOptions({"warn", "ignore"})],
    }

    def __init__(
        self,
        estimator: Any,
        target_cutoff: str | None = None,
        *,
        horizon: str | None = None,
        group: str | None = None,
        trend: bool = False,
        on_missing: str = "warn",
    ) -> None:
        self.estimator = estimator
        self.target_cutoff = target_cutoff
        self.horizon = horizon
        self.group = group
        self.trend = trend
        self.on_missing = on_missing

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> SeasonCalibration:
        """Fit the estimator now and a year ago, and compare.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``; of several rows of a customer the latest one counts for the
            comparison.
        y : ignored
            The histories contain what the comparison needs. It is handed to the estimator.

        Returns
        -------
        self
        """
        histories = get_histories(X)
        own = self.horizon if self.horizon is not None else find_horizon(self.estimator)
        horizon = resolve_horizon(own, histories)
        if self.group is not None and self.group not in X.columns:
            raise ArgumentError(
                f"group={self.group!r} is no column of X; its columns: {list(X.columns)[:8]}."
            )
        self.horizon_ = str(horizon)
        resolution = histories.dtype.resolution
        target = self._target(histories)
        self.target_cutoff_ = format_moment(target, resolution)
        self._learn(latest_rows(X), horizon, target)
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    def predict(self, X: pd.DataFrame) -> Array:
        """Return the corrected expected spend of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        self.check_cutoffs(X)
        return np.asarray(self.estimator_.predict(X), dtype=np.float64) * self._factors(X)

    @available_if(_has_components)
    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the prediction is made of, with the expected purchases corrected.

        A season moves when and how often people buy; what a purchase is worth is left alone, and
        probabilities are those of the estimator.
        """
        check_is_fitted(self)
        components = ask_components(self.estimator_, X)
        if "expected_purchases" in components:
            components = components.assign(
                expected_purchases=components["expected_purchases"] * self._factors(X)
            )
        return components

    def _target(self, histories: HistoryArray) -> int:
        latest = int(histories.cutoff_moments.max())
        if self.target_cutoff is None:
            return latest
        target = int(parse_cutoff(self.target_cutoff, histories.dtype.period))
        if target < latest:
            resolution = histories.dtype.resolution
            raise ArgumentError(
                f"target_cutoff={self.target_cutoff!r} lies before the latest cutoff of fit, "
                f"{format_moment(latest, resolution)}: what is predicted comes after what is known."
            )
        return target

    def _learn(self, latest: pd.DataFrame, horizon: Duration, target: int) -> None:
        histories = get_histories(latest)
        resolution = histories.dtype.resolution
        year_ago = int(_YEAR.before(target, resolution))
        self.year_ago_ = format_moment(year_ago, resolution)
        self.factor_, self.trend_factor_, self.factors_ = 1.0, 1.0, {}
        self.ratio_ = self.standard_error_ = np.nan
        self.factor_error_ = 0.0
        found, self.reason_ = self._look_back(latest, year_ago, horizon)
        if found is None:
            if self.on_missing == "warn":
                warn_user(f"totals are left without a season: {self.reason_}", CalibrationWarning)
            return
        self.ratio_, self.standard_error_ = total_ratio(found.y, found.predicted)
        log_ratio = float(np.log(self.ratio_))
        log_factor = shrunk_log_ratio(log_ratio, self.standard_error_)
        self.factor_error_ = shrinkage_error(log_ratio, self.standard_error_)
        if self.trend:
            known_to = int(histories.cutoff_moments.max())
            self.trend_factor_ = self._learn_trend(latest, known_to, horizon)
        self.factor_ = float(np.exp(log_factor)) * self.trend_factor_
        if self.group is not None:
            self.factors_ = self._learn_groups(found)

    def _look_back(
        self, latest: pd.DataFrame, cutoff: int, horizon: Duration
    ) -> tuple[_Window | None, str]:
        """Predict the horizon after a past cutoff from what was known then."""
        histories = get_histories(latest)
        resolution = histories.dtype.resolution
        name = format_moment(cutoff, resolution)
        end = int(histories.cutoff_moments.max())
        if int(horizon.after(cutoff, resolution)) > end:
            return None, f"the window after {name} is not over by {format_moment(end, resolution)}."
        needed = int(least_history(horizon).before(cutoff, resolution))
        times = histories.flat_events().time
        if not len(times) or int(times.min()) > needed:
            return None, (
                f"the year-ago cutoff is {name}, and the log would have to reach back to "
                f"{format_moment(needed, resolution)} to fit there."
            )
        past = take_snapshots(histories, [cutoff], horizon)
        X = replace_histories(latest.iloc[past.rows], past.histories)
        try:
            predicted = np.asarray(clone(self.estimator).fit(X).predict(X), dtype=np.float64)
        except (ShortLogError, SummaryError) as error:
            return None, f"the estimator cannot be fitted at the year-ago cutoff {name}: {error}"
        if not past.y.sum() > 0 or not predicted.sum() > 0:
            return None, f"nothing was spent, or predicted, in the window after {name}."
        return _Window(past.y, predicted, self._group_of(X)), ""

    def _learn_trend(self, latest: pd.DataFrame, known_to: int, horizon: Duration) -> float:
        resolution = get_histories(latest).dtype.resolution
        recent = int(horizon.latest_start(known_to, resolution))
        before = int(_YEAR.before(recent, resolution))
        now, _ = self._look_back(latest, recent, horizon)
        then, _ = self._look_back(latest, before, horizon)
        if now is None or then is None:
            return 1.0
        (ratio, error), (old_ratio, old_error) = (
            total_ratio(w.y, w.predicted) for w in (now, then)
        )
        log_trend = np.log(ratio / old_ratio)
        return float(np.exp(shrunk_log_ratio(log_trend, np.hypot(error, old_error))))

    def _learn_groups(self, found: _Window) -> dict[str, float]:
        factors = {}
        for value in np.unique(found.groups):
            some = found.groups == value
            y, predicted = found.y[some], found.predicted[some]
            if y.sum() > 0 and predicted.sum() > 0:
                ratio, _ = total_ratio(y, predicted)
                # Around the ratio of all: one customer has no spread around his own.
                error = total_error(y, predicted, self.ratio_)
                beyond = shrunk_log_ratio(np.log(ratio / self.ratio_), error)
                factors[str(value)] = self.factor_ * float(np.exp(beyond))
        return factors

    def _group_of(self, X: pd.DataFrame) -> NDArray[Any]:
        if self.group is None:
            return np.full(len(X), "")
        return X[self.group].astype(str).to_numpy(dtype=str)

    def _factors(self, X: pd.DataFrame) -> Array:
        if not self.factors_:
            return np.full(len(X), self.factor_)
        values, code = np.unique(self._group_of(X), return_inverse=True)
        return np.array([self.factors_.get(value, self.factor_) for value in values])[code]

    def check_cutoffs(self, X: pd.DataFrame) -> None:
        """Warn where rows have another cutoff than the one whose season was learnt.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.
        """
        histories = get_histories(X)
        target = int(parse_cutoff(self.target_cutoff_, histories.dtype.period))
        other = histories.cutoff_moments != target
        if self.factor_ != 1.0 and other.any():
            first = format_moment(histories.cutoff_moments[other][0], histories.dtype.resolution)
            warn_user(
                f"the season was learnt for the horizon after {self.target_cutoff_}, and "
                f"{int(other.sum())} of {len(other)} rows have another cutoff, such as {first}. "
                "Their season may differ: fit again with that target_cutoff.",
                CalibrationWarning,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def find_season(estimator: Any) -> SeasonCalibration | None:
    """Return the season calibration that sets the level of a fitted estimator, if there is one."""
    while estimator is not None and not isinstance(estimator, SeasonCalibration):
        if isinstance(estimator, Pipeline) and len(estimator) == 1:
            estimator = estimator[-1]
            continue
        # Of two parts the one that the level comes from.
        level = getattr(estimator, "total_", None)
        estimator = getattr(estimator, "estimator_", None) if level is None else level
    return estimator
