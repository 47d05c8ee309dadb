"""What purchase and spend models expect of each customer, as features."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted

from clvkit.btyd._btyd_regressor import BTYDRegressor
from clvkit.errors import BoundaryWarning, EmptyLogError, IndependenceWarning, SummaryError
from clvkit.features._base import check_granularity
from clvkit.history import get_histories, latest_rows, resolve_horizon, rfm_summary
from clvkit.utils._duration import parse_duration
from clvkit.utils._warnings import silenced

__all__ = ["PurchaseModelFeatures"]

_NAMES = (
    "expected_purchases",
    "probability_alive",
    "probability_active",
    "expected_spend",
    "clv",
)


class PurchaseModelFeatures(TransformerMixin, BaseEstimator):
    """What a purchase model and a spend model expect of each customer, as features.

    Put it beside :func:`clvkit.features.default_features` in front of a boosting regressor: a
    purchase model weighs frequency, recency and age against each other as no tree of a few
    leaves does, and the regressor adds what the model cannot know. Of no use in front of a
    regressor with few samples; take :class:`BTYDRegressor` itself then.

    ==================== =========== ===========================================================
    feature              unit        definition
    ==================== =========== ===========================================================
    expected_purchases   purchases   in the horizon after the cutoff
    probability_alive    probability of being alive at the cutoff
    probability_active   probability of at least one purchase in the horizon
    expected_spend       money       per purchase
    clv                  money       expected spend in the horizon: expected_purchases times
                                     expected_spend
    ==================== =========== ===========================================================

    **No future.** A model fitted at the last of several cutoffs knows, by its parameters, what
    came after the others. So there is a model for each cutoff among the rows given to fit, and a
    row is shown the last one fitted by its own cutoff. The model of a cutoff is fitted on the
    rows up to that cutoff, of each customer the latest one. Rows before the first model have NaN
    throughout, and so have all rows where nobody had bought again by any of the cutoffs.

    Parameters
    ----------
    purchase_model : estimator or None, default=None
        As of :class:`BTYDRegressor`: :class:`BetaGeoNBD` by default; one of known parameters in
        a :class:`sklearn.frozen.FrozenEstimator`.
    spend_model : estimator, "conditional" or None, default=None
        As of :class:`BTYDRegressor`: :class:`GammaGamma` by default.
    horizon : str or None, default=None
        Length of the period to predict, such as ``"26W"``. None takes the one that the samples
        were made with.
    step : str, default="7D"
        Least distance between the cutoffs at which models are fitted. Going forward from the
        first cutoff, those that are nearer to the model before are left out.

    Attributes
    ----------
    models_ : list of BTYDRegressor
        The fitted models, the oldest first.
    cutoffs_ : ndarray of int64 of shape (n_models,)
        Moment from which each of them is used.
    horizon_ : str
        The horizon in use.
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``; of other columns those are read that a model names as covariates.

    Raises
    ------
    HorizonError
        If no horizon is known, or if the samples were made with another one.
    EmptyLogError
        By ``fit``, if ``X`` has no rows.

    Warns
    -----
    BoundaryWarning, IndependenceWarning
        By ``fit``, as :class:`BTYDRegressor` does, of the latest model only.

    See Also
    --------
    BTYDRegressor : The same models as a regressor.
    clvkit.features.default_features : Features of the histories themselves.

    Examples
    --------
    >>> from clvkit import make_samples
    >>> from clvkit.btyd import PurchaseModelFeatures
    >>> from clvkit.datasets import load_cdnow
    >>> X, y = make_samples(load_cdnow(), "13W", cutoffs=["1997-09-30", "1997-12-31"])
    >>> step = PurchaseModelFeatures().set_output(transform="pandas").fit(X)
    >>> step.transform(X)[["expected_purchases", "expected_spend", "clv"]].head(2).round(2)
                            expected_purchases  expected_spend    clv
    customer_id cutoff
    1           1997-09-30                0.46           24.65  11.27
    2           1997-09-30                0.07           18.91   1.41
    >>> [round(model.purchase_model_.params_["r"], 3) for model in step.models_]
    [0.243, 0.248]
    >>> PurchaseModelFeatures(horizon="26W").fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.HorizonError: ...
    """

    _parameter_constraints: dict = {**BTYDRegressor._parameter_constraints, "step": [str]}

    def __init__(
        self,
        purchase_model: Any = None,
        spend_model: Any = None,
        horizon: str | None = None,
        *,
        step: str = "7D",
    ) -> None:
        self.purchase_model = purchase_model
        self.spend_model = spend_model
        self.horizon = horizon
        self.step = step

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> PurchaseModelFeatures:
        """Fit a model for each cutoff on what was known by then.

        Parameters
        ----------
        X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
            Of shape (n_samples, ...).
        y : ignored

        Returns
        -------
        self
        """
        X = _as_frame(X)
        histories = get_histories(X)
        if not len(histories):
            raise EmptyLogError(f"X has no rows, and {type(self).__name__} needs some to fit on.")
        self.horizon_ = str(resolve_horizon(self.horizon, histories))
        self.granularity_ = histories.dtype.granularity
        self.feature_names_in_ = np.array(["history"], dtype=object)
        self.n_features_in_ = 1
        moments = histories.cutoff_moments
        cutoffs = self._spaced(np.unique(moments), histories.dtype.resolution)
        models = {c: self._fit_model(X[moments <= c], c == cutoffs[-1]) for c in cutoffs}
        self.models_ = [model for model in models.values() if model is not None]
        known = [cutoff for cutoff, model in models.items() if model is not None]
        self.cutoffs_ = np.array(known, dtype=np.int64)
        return self

    def _spaced(self, cutoffs: NDArray[np.int64], resolution: str) -> list[int]:
        """Leave out cutoffs that are too near to the one before.

        Which ones are left out depends on earlier cutoffs only: what comes later must not change
        which model a row is shown.
        """
        step = parse_duration(self.step, name="step")
        kept = [int(cutoffs[0])]
        for cutoff in cutoffs.tolist():
            if cutoff >= step.after(kept[-1], resolution):
                kept.append(cutoff)
        return kept

    def _fit_model(self, X: pd.DataFrame, is_last: bool) -> BTYDRegressor | None:
        """Fit on rows up to a cutoff; None where nobody has bought again by then."""
        model = BTYDRegressor(self.purchase_model, self.spend_model, self.horizon_)
        quiet = nullcontext() if is_last else silenced(BoundaryWarning, IndependenceWarning)
        try:
            with quiet:
                return model.fit(_in_order(latest_rows(X)))
        except SummaryError:
            return None

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return what the models expect of each row.

        Parameters
        ----------
        X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
            Of shape (n_samples, ...).

        Returns
        -------
        ndarray of float64 of shape (n_samples, 5)
            Or a DataFrame, as :meth:`set_output` asks.
        """
        check_is_fitted(self)
        X = _as_frame(X)
        histories = get_histories(X)
        check_granularity(self, histories)
        resolve_horizon(self.horizon_, histories)
        features = np.full((len(X), len(_NAMES)), np.nan)
        which = np.searchsorted(self.cutoffs_, histories.cutoff_moments, side="right") - 1
        for k in np.unique(which[which >= 0]):
            rows = np.flatnonzero(which == k)
            parts = self.models_[k].predict_components(X.iloc[rows])
            clv = parts["expected_purchases"] * parts["expected_spend"]
            features[rows] = parts.assign(clv=clv)[list(_NAMES)].to_numpy()
        return features

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the features.

        Parameters
        ----------
        input_features : ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        return np.array(_NAMES, dtype=object)


def _in_order(X: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in an order that their values tell, so that sums are rounded alike."""
    return X.iloc[np.lexsort(rfm_summary(X).to_numpy().T)]


def _as_frame(X: Any) -> pd.DataFrame:
    if isinstance(X, pd.DataFrame):
        return X
    histories = get_histories(X)
    return pd.DataFrame({"history": histories}, index=getattr(X, "index", None))
