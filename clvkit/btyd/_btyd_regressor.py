"""A purchase model and a spend model as one regressor from histories to spend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from clvkit.btyd._beta_geo_nbd import BetaGeoNBD
from clvkit.btyd._conditional_gamma_gamma import ConditionalGammaGamma
from clvkit.btyd._design import covariate_names
from clvkit.btyd._gamma_gamma import GammaGamma
from clvkit.btyd._independence import warn_of_dependence
from clvkit.btyd._inference import check_coverage
from clvkit.btyd._spend_intervals import joint_quantiles
from clvkit.btyd._summary import read_spend
from clvkit.errors import NoComponentsError, SummaryError, UnknownNameError
from clvkit.history import HistoryArray, get_histories, latest_rows, resolve_horizon, rfm_summary
from clvkit.utils._duration import RESOLUTIONS, parse_duration

__all__ = ["BTYDRegressor", "Lesson"]

_PURCHASE_METHODS = ["fit", "expected_purchases", "probability_alive", "probability_active"]


class Lesson(NamedTuple):
    """A model, the summary that it is fitted on, and how many customers each row stands for."""

    model: Any
    summary: Any
    weights: Any = None

    def learn(self) -> Any:
        """Return the fitted model."""
        if self.weights is None:
            return self.model.fit(self.summary, None)
        return self.model.fit(self.summary, None, sample_weight=self.weights)


class BTYDRegressor(RegressorMixin, BaseEstimator):
    """Predict spend as expected purchases times expected spend per purchase.

    The purchase model says how often a customer will come back, the spend model what a purchase
    of his is worth; both are fitted on the RFM summary of the latest history of each customer.
    No labels are needed, so it works on logs too short for anything else, and it is hard to beat
    where purchases are few. It knows neither season nor what is bought.

    Parameters
    ----------
    purchase_model : estimator or None, default=None
        Such as :class:`BetaGeoNBD`, the default. It is cloned and fitted; a model of known
        parameters is kept as it is inside a :class:`sklearn.frozen.FrozenEstimator`.
    spend_model : estimator, "conditional" or None, default=None
        Such as :class:`GammaGamma`, the default. As above. ``"conditional"`` is
        :class:`ConditionalGammaGamma`, for spend that depends on how often a customer buys.
    horizon : str or None, default=None
        Length of the period to predict, such as ``"26W"``; months and years are counted from
        each row's cutoff in the calendar. None takes the one that the samples were made with.

    Attributes
    ----------
    purchase_model_, spend_model_ : estimators
        The fitted models.
    horizon_ : str
        The horizon in use.

    Raises
    ------
    HorizonError
        If no horizon is known, or if the samples were made with another one.
    TypeError
        At fit, if a model is a class, or lacks what is needed of it.
    SummaryError
        At fit, if no customer can be used for one of the models (nobody bought twice).

    Warns
    -----
    IndependenceWarning
        At fit, when frequent customers spend much more or less per purchase than others, and the
        spend model does not know.

    Notes
    -----
    Covariates that a model names are taken from the columns of ``X`` beside the history.

    See Also
    --------
    clvkit.history.rfm_summary : What the models are fitted on.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: Using Iso-Value Curves for Customer Base
    Analysis, Journal of Marketing Research 42(4): spend and purchases are taken to be
    independent.

    Examples
    --------
    >>> from clvkit.btyd import BTYDRegressor
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    >>> model = BTYDRegressor(horizon="39W").fit(X)
    >>> model.predict(X)[:3].round(2)
    array([30.23,  3.85,  6.85])
    >>> model.predict_components(X).iloc[0].round(3)
    expected_purchases     1.226
    probability_alive      0.727
    probability_active     0.555
    expected_spend        24.654
    Name: (1, 1997-09-30 00:00:00), dtype: float64
    >>> BTYDRegressor().fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.HorizonError: no horizon is known: ...
    """

    _parameter_constraints: dict = {
        "purchase_model": [HasMethods(_PURCHASE_METHODS), None],
        "spend_model": [HasMethods(["fit", "expected_spend"]), StrOptions({"conditional"}), None],
        "horizon": [str, None],
    }

    def __init__(
        self, purchase_model: Any = None, spend_model: Any = None, horizon: str | None = None
    ) -> None:
        self.purchase_model = purchase_model
        self.spend_model = spend_model
        self.horizon = horizon

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> BTYDRegressor:
        """Fit both models on the latest history of each customer.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``. Of several rows of a customer the latest one counts;
            earlier ones would count the same purchases again.
        y : ignored

        Returns
        -------
        self
        """
        self._check_models()
        latest = latest_rows(X)
        horizon = str(resolve_horizon(self.horizon, get_histories(latest)))
        purchases, spend = self._make_models()
        return self._fit_models(
            horizon,
            Lesson(purchases, _summary(latest, purchases, purchases)),
            Lesson(spend, _summary(latest, purchases, spend)),
        )

    def _make_models(self) -> tuple[Any, Any]:
        """Return the two models, not yet fitted."""
        purchases = BetaGeoNBD() if self.purchase_model is None else clone(self.purchase_model)
        if self.spend_model is None:
            return purchases, GammaGamma()
        conditional = self.spend_model == "conditional"
        return purchases, ConditionalGammaGamma() if conditional else clone(self.spend_model)

    def _fit_models(self, horizon: str, purchases: Lesson, spend: Lesson) -> BTYDRegressor:
        """Fit the models on their summaries, of customers or of counts of equal ones."""
        self.horizon_ = horizon
        self.spend_model_ = _fit_spend(spend)
        self.purchase_model_ = purchases.learn()
        if type(self.spend_model_) is GammaGamma:
            warn_of_dependence(spend.summary, spend.weights)
        return self

    def _check_models(self) -> None:
        for name in ("purchase_model", "spend_model"):
            model = getattr(self, name)
            if isinstance(model, type):
                raise TypeError(
                    f"{name}={model.__name__} is a class: give an instance of it, "
                    f"{name}={model.__name__}()."
                )
        unit = getattr(self.purchase_model, "time_unit", None)
        if self.purchase_model is not None and not isinstance(unit, str):
            raise TypeError(
                f"purchase_model={type(self.purchase_model).__name__} has no time_unit, so nobody "
                "knows in which unit it counts time. Give it an attribute time_unit, such as "
                "'7D' for weeks, or take a model of clvkit.btyd."
            )

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the expected spend of each row in the horizon after its cutoff.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        horizon = self._prepare(X)
        purchases = self.purchase_model_.expected_purchases(self._of_purchases(X), horizon)
        return purchases * self.spend_model_.expected_spend(self._of_spend(X))

    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the prediction is made of.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.

        Returns
        -------
        DataFrame of shape (n_samples, 4)
            With the index of ``X``: ``expected_purchases`` in the horizon,
            ``probability_alive`` at the cutoff, ``probability_active`` (at least one purchase in
            the horizon) and ``expected_spend`` per purchase.
        """
        horizon = self._prepare(X)
        model, summary = self.purchase_model_, self._of_purchases(X)
        return pd.DataFrame(
            {
                "expected_purchases": model.expected_purchases(summary, horizon),
                "probability_alive": model.probability_alive(summary),
                "probability_active": model.probability_active(summary, horizon),
                "expected_spend": self.spend_model_.expected_spend(self._of_spend(X)),
            },
            index=getattr(X, "index", None),
        )

    def predict_quantiles(self, X: pd.DataFrame, quantiles: Sequence[float]) -> pd.DataFrame:
        """Return quantiles of what each customer will spend in the horizon.

        They come from the conditional distribution of the spend: how often the customer will
        buy and what it will be worth, together, and what is not known of the parameters.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.
        quantiles : sequence of float
            Levels strictly between 0 and 1.

        Returns
        -------
        DataFrame of shape (n_samples, n_quantiles)
            With the index of ``X`` and the levels as columns.

        Raises
        ------
        NoComponentsError
            When a model tells its expectation only: its distribution must be known, as that of
            the purchase models of clvkit and of :class:`GammaGamma` is.
        ArgumentError
            When a level does not lie between 0 and 1.
        """
        levels = np.array([check_coverage(level) for level in quantiles])
        self._check_distributions()
        data = (self._of_purchases(X), self._prepare(X), self._of_spend(X))
        values = joint_quantiles(self.purchase_model_, self.spend_model_, data, levels)
        return pd.DataFrame(values, index=getattr(X, "index", None), columns=levels)

    def _active_quantiles(self, X: pd.DataFrame, levels: NDArray[np.float64]) -> NDArray:
        """Return quantiles given at least one purchase."""
        self._check_distributions()
        data = (self._of_purchases(X), self._prepare(X), self._of_spend(X))
        models = self.purchase_model_, self.spend_model_
        return joint_quantiles(*models, data, levels, given_any=True)

    def _check_distributions(self) -> None:
        """Refuse models that tell no more than what is expected."""
        check_is_fitted(self)
        for name, method in (("purchase_model", "predictive_pmf"), ("spend_model", "posterior")):
            if not hasattr(getattr(self, f"{name}_"), method):
                raise NoComponentsError(
                    f"{name}={getattr(self, f'{name}_')!r} tells what is expected and not how it "
                    "is distributed, so there are no quantiles. Take a model of clvkit.btyd, or "
                    "intervals of clvkit.calibration."
                )

    def predict_interval(self, X: pd.DataFrame, coverage: float = 0.9) -> pd.DataFrame:
        """Return an interval for what each customer will spend in the horizon.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.
        coverage : float, default=0.9
            Probability that the spend lies within, if the model holds.

        Returns
        -------
        DataFrame of shape (n_samples, 2)
            ``lower`` and ``upper`` with the index of ``X``, by :meth:`predict_quantiles`: as
            much probability is left out below as above, and ``lower`` is 0 for whoever may well
            buy nothing.
        """
        tail = 0.5 * (1.0 - check_coverage(coverage))
        return self.predict_quantiles(X, [tail, 1.0 - tail]).set_axis(["lower", "upper"], axis=1)

    def _prepare(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Check the samples, and return the horizon of each in the model's unit."""
        check_is_fitted(self)
        array = get_histories(X)
        resolve_horizon(self.horizon_, array)
        return _horizons(array, self.horizon_, self._unit)

    def _of_purchases(self, X: pd.DataFrame) -> Any:
        return _summary(X, self.purchase_model_, self.purchase_model_)

    def _of_spend(self, X: pd.DataFrame) -> Any:
        return _summary(X, self.purchase_model_, self.spend_model_)

    @property
    def _unit(self) -> str:
        return self.purchase_model_.time_unit

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _summary(X: pd.DataFrame, purchase_model: Any, model: Any) -> Any:
    """Return what a model reads of the samples, in the purchase model's unit of time.

    By position, so that nothing hangs on attrs; by name where covariates stand beside it.
    """
    if hasattr(model, "summarise"):  # it knows of more than frequency, recency and T
        return model.summarise(X)
    unit = purchase_model.time_unit
    summary = rfm_summary(X, time_unit=unit, gaps=getattr(model, "_needs_log_gaps", False))
    names = covariate_names(model)
    if not names:
        return summary.to_numpy()
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise UnknownNameError(
            f"X has no column {missing[0]!r}, which {type(model).__name__} names as a covariate; "
            f"its columns: {list(map(str, X.columns))}. Give the door a covariates table."
        )
    frame = pd.concat([summary, X[names]], axis=1)
    frame.attrs["time_unit"] = unit
    return frame


def _fit_spend(lesson: Lesson) -> Any:
    """Fit the spend model; it comes first, for it is the one that can lack anything to learn."""
    try:
        return lesson.learn()
    except SummaryError as error:
        x, spend = read_spend(lesson.summary)
        if ((x > 0) & (spend > 0)).any():
            raise
        n = len(x) if lesson.weights is None else int(np.sum(lesson.weights))
        raise SummaryError(
            f"none of {n} customers has bought again for an amount above 0, so there "
            "is nothing to learn about what a repeat purchase is worth. Wait for repeat "
            "purchases, take a baseline such as HistoricalRate, or give a spend_model of known "
            "parameters: FrozenEstimator(GammaGamma.from_params(p=6, q=4, gamma=15))."
        ) from error


def _horizons(array: HistoryArray, horizon: str, time_unit: str) -> NDArray[np.float64]:
    """Return each row's horizon in the model's unit; calendar months differ in length."""
    resolution = array.dtype.resolution
    cutoff = array.cutoff_moments
    ticks = parse_duration(horizon).after(cutoff, resolution) - cutoff
    unit = parse_duration(time_unit, name="time_unit").ticks("s")
    return np.asarray(ticks * (RESOLUTIONS[resolution][1] / unit), dtype=np.float64)
