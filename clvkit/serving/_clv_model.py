"""The small fitted object that people save, register, promote and serve."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from clvkit.calibration._coverage import check_coverage
from clvkit.history import HistoryArray, latest_histories, latest_rows
from clvkit.serving import _components, _histories
from clvkit.serving._bounds import values_in_blocks
from clvkit.serving._explain import ExplainMixin, learn_typical
from clvkit.serving._intervals import ServedIntervals, shape_for
from clvkit.serving._learning import (
    attribute_names,
    attribute_types,
    covariate_types,
    door_of,
    fit_clone,
    stream_attributes,
    training_end,
)
from clvkit.serving._load import load
from clvkit.serving._segments import learn_edges
from clvkit.serving._store import SCHEMA_VERSION, card_of, save_folder

__all__ = ["CLVModel"]


class CLVModel(ExplainMixin, ServedIntervals, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """A fitted lifetime value model with all it takes to score a raw log anywhere.

    It holds the door settings with which logs are read, the horizon, the pipeline from histories
    to spend and the intervals, and no customer's data: it is small, it is stored without pickle,
    and what it says of a customer at a given cutoff depends on that customer's rows alone.

    :class:`clvkit.AutoCLV` makes one (``model_``). Make one yourself to put a pipeline of your
    own into production without a search. For experiments inside scikit-learn take the pipeline
    itself (:attr:`pipeline_`).

    Parameters
    ----------
    estimator : estimator
        Unfitted, fitted on latest histories: a :class:`clvkit.model_selection.SnapshotRegressor`
        around a pipeline, a :class:`clvkit.btyd.BTYDRegressor`, a baseline, or a pipeline that
        ends in one of the last two.
    horizon : str
        Length of the period to predict, such as ``"26W"``. An estimator without one of its own
        takes it; one with another raises.
    interval : LevelIntervals or None, default=None
        Fitted on out-of-fold predictions. It is used as it is, and kept by ``clone`` and
        :meth:`refit`. None leaves ``lower`` and ``upper`` NaN, unless the estimator is a
        :class:`~clvkit.calibration.ConformalInterval`, which learns its own.
    customer_id, date, amount, attributes : str, sequence of str, or dict by the name of the log
        Columns of the log; ``attributes`` are further ones that the events carry.
    refunds, duplicates, granularity : str, default="net", "keep" and "D"
        See :func:`clvkit.history.latest_histories`.
    coverage : float, default=0.9
        Share of customers whose spend shall lie within the interval.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    shape_ : SpendShape or None
        The distribution of spend that the estimator predicts, where ``interval`` needs it.
    segment_edges_ : ndarray of float64 of shape (9,)
        Values between the tenths of the predictions for the rows of ``fit``.
    typical_ : dict
        Medians of features or components, with which :meth:`explain` compares.
    training_end_ : str
        The last day that ``fit`` knew of, as an ISO date: the latest cutoff, or with ``y`` the
        end of the labels.
    n_customers_ : int
        Number of customers in ``fit``.
    customer_type_ : str
        ``"integer"`` or ``"string"``: how the log of ``fit`` named its customers.
    attribute_types_ : dict of str to str
        ``"number"`` or ``"string"`` for each attribute column.
    covariate_types_ : dict of str to str
        ``"number"``, ``"date"`` or ``"string"`` for each covariate.
    streams_ : dict of str to list of str
        The further logs (history columns beside ``history``), and their events' attributes.
    schema_version_ : int
        Version of the stored form.
    feature_names_in_ : ndarray of str
        ``"history"``, the other history columns and the covariates.

    Raises
    ------
    HorizonError
        If estimator or samples have another horizon.
    HistoryTypeError
        If histories have another granularity or other attributes.
    ArgumentError
        If ``fit`` lacks labels, or for covariates that the model was not trained with.

    See Also
    --------
    clvkit.serving.load : From a folder or from MLflow's registry.

    Examples
    --------
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> from clvkit.serving import CLVModel
    >>> log = load_cdnow()
    >>> model = CLVModel(HistoricalRate(), horizon="13W").fit(latest_histories(log))
    >>> model
    CLVModel(HistoricalRate, horizon='13W', 2,357 customers to 1998-06-30)
    >>> model.predict_customers(log)[["clv", "segment"]].head(2).round(2)
                   clv  segment
    customer_id
    1            16.75        8
    2            12.52        7

    A request with a single customer is scored as of the end of training, not as of his last
    purchase:

    >>> model.predict_customers(log[log["customer_id"] == 1])[["clv", "segment"]].round(2)
                   clv  segment
    customer_id
    1            16.75        8
    >>> model.predict_customers(log.drop(columns="amount"))
    Traceback (most recent call last):
        ...
    clvkit.errors.MissingColumnError: the log has no column 'amount' (amount). ...
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "horizon": [str],
        "interval": [HasMethods(["interval"]), None],
        "customer_id": [str, dict],
        "date": [str, dict],
        "amount": [str, dict],
        "attributes": ["array-like", str, dict],
        "refunds": [StrOptions({"net", "drop", "raise"})],
        "duplicates": [StrOptions({"keep", "drop", "raise"})],
        "granularity": [StrOptions({"D", "W", "h", "min", "s"})],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        horizon: str,
        interval: Any = None,
        customer_id: str | dict[str, str] = "customer_id",
        date: str | dict[str, str] = "date",
        amount: str | dict[str, str | None] = "amount",
        attributes: str | Sequence[str] | dict[str, Sequence[str]] = (),
        refunds: str = "net",
        duplicates: str = "keep",
        granularity: str = "D",
        coverage: float = 0.9,
    ) -> None:
        self.estimator = estimator
        self.horizon = horizon
        self.interval = interval
        self.customer_id = customer_id
        self.date = date
        self.amount = amount
        self.attributes = attributes
        self.refunds = refunds
        self.duplicates = duplicates
        self.granularity = granularity
        self.coverage = coverage

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> CLVModel:
        """Fit the estimator on histories, and learn what serving needs.

        Parameters
        ----------
        X : DataFrame of shape (n_customers, 1 + n_covariates)
            Latest histories, as :func:`clvkit.history.latest_histories` returns them for a log
            and the settings of this model; or samples, for an estimator that learns from ``y``.
        y : array-like of shape (n_customers,), default=None
            Spend in the horizon after each cutoff. Passed on to the estimator; most need none.

        Returns
        -------
        self
        """
        array = self._check_histories(X)
        validate_data(self, X, skip_check_array=True)
        X = _histories.record_horizon(X, self.horizon)
        self.estimator_ = fit_clone(self.estimator, X, y)
        latest = latest_rows(X)
        self.shape_ = shape_for(self.interval, self.estimator_, latest)
        self.segment_edges_ = learn_edges(self.estimator_.predict(latest))
        self.typical_ = learn_typical(self.estimator_, latest)
        self.training_end_ = training_end(array, self.horizon, labelled=y is not None)
        self.n_customers_ = len(latest)
        numbered = pd.api.types.is_integer_dtype(X.index.get_level_values(0).dtype)
        self.customer_type_ = "integer" if numbered else "string"
        self.attribute_types_ = attribute_types(array)
        self.covariate_types_ = covariate_types(X)
        self.streams_ = stream_attributes(X)
        self.schema_version_ = SCHEMA_VERSION
        return self

    def refit(self, log: Any, *, cutoff: Any = None, covariates: Any = None) -> CLVModel:
        """Return a new model with the same estimator and parameters, fitted on a new log.

        Nothing is searched or validated anew, and the interval is kept.

        Parameters
        ----------
        log : table or path
            See :func:`clvkit.history.latest_histories`.
        cutoff : date-like or None, default=None
            The last known day, by default that of the last event.
        covariates : table, path or None, default=None

        Returns
        -------
        CLVModel
        """
        log = _histories.check_logs(log, getattr(self, "streams_", {}))
        X = latest_histories(log, cutoff, covariates=covariates, **self._door())
        return clone(self).fit(X)

    @property
    def pipeline_(self) -> Any:
        """The plain fitted pipeline from histories to spend, without what is around it."""
        check_is_fitted(self)
        return getattr(self.estimator_, "pipeline_", self.estimator_)

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the expected spend of each row in the horizon after its cutoff.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        X = self._check_samples(X)
        return np.asarray(self.estimator_.predict(X), dtype=np.float64)

    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each prediction is made of.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, 1 + n_covariates)
            With a column ``history``.

        Returns
        -------
        DataFrame of shape (n_samples, 4)
            ``expected_purchases``, ``probability_alive``, ``probability_active`` and
            ``expected_spend`` (per purchase) with the index of ``X``; NaN throughout where the
            model family has none, as a boosting regressor.
        """
        X = self._check_samples(X)
        return _components.predict_components(self.pipeline_, X)

    def predict_customers(
        self,
        log: Any,
        cutoff: Any = None,
        coverage: float | None = None,
        *,
        covariates: Any = None,
    ) -> pd.DataFrame:
        """Score a raw log: one row a customer.

        Parameters
        ----------
        log : table or path
            All the transactions of the customers to score (and the other logs of training).
        cutoff : date-like or None, default=None
            The last known day. Later events are left out, and with them customers who bought
            nothing before. By default the later of the end of training and the log's last day;
            give it where a request holds some customers only, lest it hang on who is among them.
        coverage : float or None, default=None
            Of the interval, in (0, 1); by default that of the model.
        covariates : table, path or None, default=None
            Where the model was trained with covariates. See
            :func:`clvkit.history.latest_histories`.

        Returns
        -------
        DataFrame of shape (n_customers, 6)
            Indexed by ``customer_id`` in ascending order:

            - ``clv``: expected spend in the horizon after the cutoff;
            - ``lower``, ``upper``: the interval around it;
            - ``expected_purchases``, ``probability_alive``: NaN where the family has none;
            - ``segment``: from 10, the tenth of customers of highest value at training, to 1.

            At a given cutoff a row depends on that customer's transactions alone, never on who
            else is asked for. ``attrs["cutoff"]`` names the cutoff that was used. With
            ``refunds="drop"`` customers of whom the log holds refunds only have no row.

        Raises
        ------
        LogError, LogTypeError, CutoffError
            For a log or a cutoff that cannot be used.
        ArgumentError
            For a coverage out of range, or covariates that the model was not trained with.
        """
        check_is_fitted(self)
        wanted = check_coverage(self.coverage if coverage is None else coverage)
        return self._value(_histories.read_to_score(self, log, cutoff, covariates), wanted)

    def _value(self, X: pd.DataFrame, coverage: float) -> pd.DataFrame:
        """Return the table of values of histories that share a cutoff."""
        return values_in_blocks(self, X, coverage)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model into a folder that :meth:`load` reads, on any machine.

        Parameters
        ----------
        path : str or path-like
            A new or empty folder, or one with a model, which is replaced. It gets
            ``model.skops`` (the model, without pickle) and ``model.json`` (for people and
            programs: versions, horizon, settings, checksum).

        Raises
        ------
        OutputError
            If the folder holds anything else, or cannot be made.
        ModelFormatError
            If the model cannot be stored.
        UntrustedModelError
            If the model holds types off the fixed list: the estimators of clvkit, the common
            ones of scikit-learn, and LightGBM's regressor.
        """
        check_is_fitted(self)
        save_folder(self, Path(path), {"door": self._door(), **card_of(self)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CLVModel:
        """Read a model that :meth:`save` wrote; see :func:`clvkit.serving.load`."""
        return load(Path(path))

    def _check_histories(self, X: pd.DataFrame) -> HistoryArray:
        names = attribute_names(self.attributes)
        return _histories.check_histories(X, self.horizon, self.granularity, names)

    def _check_samples(self, X: pd.DataFrame) -> pd.DataFrame:
        check_is_fitted(self)
        self._check_histories(X)
        return _histories.take_columns(X, self.feature_names_in_, self.streams_)

    def _door(self) -> dict[str, Any]:
        """Return the settings with which logs are read."""
        return door_of(self, getattr(self, "streams_", {}))

    def __sklearn_clone__(self) -> CLVModel:
        # No log of a refit can tell again what the interval was fitted on, so a clone keeps it.
        params = self.get_params(deep=False)
        return type(self)(**params | {"estimator": clone(self.estimator)})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        names = _components.step_names(self.estimator)
        state = "not fitted"
        if hasattr(self, "estimator_"):
            state = f"{self.n_customers_:,} customers to {self.training_end_}"
        return f"CLVModel({' > '.join(names)}, horizon={self.horizon!r}, {state})"
