"""Training on labels that the histories themselves contain."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from clvkit.errors import ShortLogError
from clvkit.history import (
    HistoryArray,
    customers_of,
    get_histories,
    latest_rows,
    least_history,
    past_cutoffs,
    replace_histories,
    resolve_horizon,
    take_snapshots,
)
from clvkit.history._access import check_same_cutoffs
from clvkit.history._moments import format_moment
from clvkit.model_selection._snapshot_weights import (
    fit_weighted,
    same_season,
    sample_customers,
    snapshot_weights,
)
from clvkit.utils._components import ask_components, has_components
from clvkit.utils._duration import Duration, parse_duration

__all__ = ["SnapshotRegressor"]


def _has_components(model: SnapshotRegressor) -> bool:
    return has_components(getattr(model, "pipeline_", model.pipeline))


class SnapshotRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Fit a regressor that needs labels on histories alone.

    A history at a cutoff contains its own labels for every earlier cutoff. This estimator cuts
    the latest history of each customer back to past cutoffs ("snapshots"), reads from the same
    histories what was spent in the horizon after each, and fits the pipeline on these rows. The
    latest snapshot ends one horizon before the latest cutoff, so no label reaches beyond what
    the histories know.

    Use it around any pipeline from histories to a number, so that it is fitted on the same rows
    as a probabilistic model. Where samples with labels are at hand, fit the pipeline itself.

    Parameters
    ----------
    pipeline : estimator
        A regressor that takes a DataFrame with a ``history`` column and a ``y``.
    horizon : str or None, default=None
        Length of the period to predict, such as ``"13W"``. None takes the one that the samples
        were made with.
    step : str or None, default=None
        Distance between snapshots; by default a quarter of the horizon.
    n_snapshots : int or None, default=6
        At most so many, the latest ones; None is as many as the histories allow.
    target : {"spend", "purchases", "active"}, default="spend"
        What to predict.
    floor : float or None, default=0.0
        Least spend of a customer who returned more than he bought; None keeps the sign.
    labels : {"histories", "given"}, default="histories"
        Where the labels come from. ``"given"`` fits the pipeline on ``X`` and ``y`` as they are,
        for samples of :func:`clvkit.make_samples`, whose labels reach beyond their histories;
        where no ``y`` is given, the histories are asked after all.
    half_life : str or None, default=None
        A snapshot so much older than the latest one weighs half, such as ``"1Y"``. None weighs
        all alike.
    season_weight : float or None, default=None
        How much more the season to predict counts: snapshots are added whole years before the
        latest cutoff, as many as the histories allow, and weigh so many times as much as the
        others. One whose horizon overlaps theirs weighs in between. None adds none.
    max_rows : int or None, default=None
        At most so many rows to fit on. Customers are drawn at random, and all rows of a drawn one
        are kept. None is no limit.
    random_state : int, RandomState instance or None, default=None
        Seed of that draw.

    Attributes
    ----------
    pipeline_ : estimator
        The fitted pipeline: a plain one, from histories to spend.
    horizon_ : str
        The horizon in use.
    snapshots_ : list of str
        Cutoffs of the snapshots, the oldest first: ISO dates, with a time of day where the
        granularity of the histories is finer than days.
    snapshot_weights_ : ndarray of shape (n_snapshots,)
        Weight of a row of each snapshot.
    n_samples_ : int
        Rows that the pipeline was fitted on.

    Raises
    ------
    ShortLogError
        At fit, if the histories are too short for one snapshot.
    HorizonError
        If no horizon is known, or if the samples were made with another one.

    Notes
    -----
    Weights go to the estimator that is fitted last, the end of a pipeline or the regressor of a
    :class:`sklearn.compose.TransformedTargetRegressor`, as ``sample_weight``. Where it takes none,
    all rows count alike.

    See Also
    --------
    clvkit.history.make_samples : The same rows from a log.
    RollingOrigin : Splits samples by time.

    Examples
    --------
    >>> from clvkit.baselines import PopulationMean
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> from clvkit.model_selection import SnapshotRegressor
    >>> X = latest_histories(load_cdnow())
    >>> model = SnapshotRegressor(PopulationMean(), horizon="13W", n_snapshots=2).fit(X)
    >>> model.snapshots_
    ['1998-03-09', '1998-03-31']
    >>> model.predict(X).round(2)[:2]
    array([8.09, 8.09])
    >>> SnapshotRegressor(PopulationMean(), horizon="1Y").fit(X.iloc[:0])
    Traceback (most recent call last):
        ...
    clvkit.errors.ShortLogError: there are no histories to fit on...
    """

    _parameter_constraints: dict = {
        "pipeline": [HasMethods(["fit", "predict"])],
        "horizon": [str, None],
        "step": [str, None],
        "n_snapshots": [Interval(Integral, 1, None, closed="left"), None],
        "target": [StrOptions({"spend", "purchases", "active"})],
        "floor": [Interval(Real, None, None, closed="neither"), None],
        "labels": [StrOptions({"histories", "given"})],
        "half_life": [str, None],
        "season_weight": [Interval(Real, 0, None, closed="neither"), None],
        "max_rows": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        pipeline: Any,
        horizon: str | None = None,
        step: str | None = None,
        n_snapshots: int | None = 6,
        *,
        target: str = "spend",
        floor: float | None = 0.0,
        labels: str = "histories",
        half_life: str | None = None,
        season_weight: float | None = None,
        max_rows: int | None = None,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.horizon = horizon
        self.step = step
        self.n_snapshots = n_snapshots
        self.target = target
        self.floor = floor
        self.labels = labels
        self.half_life = half_life
        self.season_weight = season_weight
        self.max_rows = max_rows
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> SnapshotRegressor:
        """Fit the pipeline on snapshots of the histories.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``. Of several rows of a customer the latest one counts:
            it contains the others. All history columns are cut back to the snapshots.
        y : array-like of shape (n_samples,), default=None
            Used with ``labels="given"`` only.

        Returns
        -------
        self
        """
        horizon = resolve_horizon(self.horizon, get_histories(X))
        check_same_cutoffs(X)
        if self.labels == "given" and y is not None:
            samples, labels = X, y
        else:
            samples, labels = self._snapshots(latest_rows(X), horizon)
        if self.max_rows is not None and len(samples) > self.max_rows:
            rng = check_random_state(self.random_state)
            rows = sample_customers(customers_of(samples), self.max_rows, rng)
            samples, labels = samples.iloc[rows], _safe_indexing(labels, rows)
        self.horizon_ = str(horizon)
        self.n_samples_ = len(samples)
        self.pipeline_ = self._fit_pipeline(samples, labels, horizon)
        return self

    def _fit_pipeline(self, samples: pd.DataFrame, labels: Any, horizon: Duration) -> Any:
        """Fit on the samples, each weighing what its snapshot does."""
        histories = get_histories(samples)
        resolution = histories.dtype.resolution
        cutoffs, which = np.unique(histories.cutoff_moments, return_inverse=True)
        self.snapshots_ = [format_moment(moment, resolution) for moment in cutoffs]
        self.snapshot_weights_ = np.ones(len(cutoffs))
        pipeline = clone(self.pipeline)
        if self.half_life is None and self.season_weight is None:
            return pipeline.fit(samples, labels)
        half_life = self.half_life and parse_duration(self.half_life, name="half_life")
        self.snapshot_weights_ = snapshot_weights(
            cutoffs,
            # The last label ends where the period to predict begins.
            int(horizon.after(cutoffs[-1], resolution)),
            horizon,
            resolution,
            half_life=half_life or None,
            season_weight=self.season_weight,
        )
        return fit_weighted(pipeline, samples, labels, self.snapshot_weights_[which])

    def _snapshots(self, latest: pd.DataFrame, horizon: Duration) -> tuple[pd.DataFrame, pd.Series]:
        known = get_histories(latest)
        cutoffs = self._cutoffs(known, horizon)
        rows, histories, labels = take_snapshots(
            known, cutoffs, horizon, target=self.target, floor=self.floor
        )
        samples = replace_histories(latest.iloc[rows], histories)
        return samples, pd.Series(labels, index=samples.index, name=self.target)

    def _cutoffs(self, known: HistoryArray, horizon: Duration) -> list[int]:
        if not known.n_events.sum():
            raise ShortLogError("there are no histories to fit on: X has no rows with events.")
        resolution = known.dtype.resolution
        start = int(known.flat_events().time.min())
        end = int(known.cutoff_moments.max())
        step = horizon.part(4) if self.step is None else parse_duration(self.step, name="step")
        cutoffs = past_cutoffs(
            start, end, horizon, step=step, n=self.n_snapshots, resolution=resolution
        )
        if not cutoffs:
            raise ShortLogError(
                f"the histories are too short for labels with a horizon of {horizon}: this takes "
                f"the horizon and {least_history(horizon).count} days before it. Give a shorter "
                "horizon, or use a model that needs no labels, such as BTYDRegressor."
            )
        if self.season_weight is not None:
            cutoffs = sorted({*cutoffs, *same_season(start, end, horizon, resolution)})
        return cutoffs

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the predicted target of each row in the horizon after its cutoff.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        resolve_horizon(self.horizon_, get_histories(X))
        check_same_cutoffs(X)
        return self.pipeline_.predict(X)

    @available_if(_has_components)
    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the prediction is made of, where the pipeline can tell."""
        check_is_fitted(self)
        return ask_components(self.pipeline_, X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags
