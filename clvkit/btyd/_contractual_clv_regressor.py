"""A contractual model as a regressor from histories of payments to spend."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from clvkit.btyd._acquired import read_acquired
from clvkit.btyd._contracts import (
    Contracts,
    Terms,
    learn_terms,
    read_contracts,
    read_payments,
    renewals_due,
)
from clvkit.btyd._contractual_model import ContractualModel
from clvkit.btyd._design import covariate_names
from clvkit.btyd._shifted_beta_geo import ShiftedBetaGeo
from clvkit.errors import UnknownNameError
from clvkit.history import HistoryArray, Purchases, get_histories, latest_rows, resolve_horizon
from clvkit.history._net_amount import net_amount
from clvkit.utils._duration import RESOLUTIONS, Duration, parse_duration

__all__ = ["ContractualCLVRegressor"]

Array = NDArray[np.float64]
Days = NDArray[np.int64]

_COMPONENTS = ("expected_purchases", "probability_alive", "probability_active", "expected_spend")
_METHODS = ["fit", "survival", "expected_residual_lifetime"]


class ContractualCLVRegressor(RegressorMixin, BaseEstimator):
    """Predict spend of subscribers: renewals that will be taken, times what one is worth.

    A history of payments is read as contracts. A payment a period later renews; who does not pay
    when a renewal is due, and not within a grace after it, has left. From how long contracts
    lasted a contractual model learns who will renew; what a customer pays a period he is taken to
    go on paying.

    Use it for subscriptions, memberships, rents: where payments come at regular intervals and it
    shows when somebody stops. Where customers buy when they like take :class:`BTYDRegressor`.
    A customer who has left is predicted to spend nothing; that some come back, with a new
    contract, is not modelled.

    Parameters
    ----------
    model : estimator or None, default=None
        :class:`ShiftedBetaGeo`, the default, or :class:`BetaDiscreteWeibull`; cloned and fitted.
        Its covariates are columns of ``X`` beside the history.
    horizon : str or None, default=None
        Length of the period to predict, such as ``"12M"``. None takes the one that the samples
        were made with.
    period : str or None, default=None
        Length of a contract period, such as ``"1M"``, ``"1Y"`` or ``"28D"``. None finds the one
        that explains the times between payments best.
    grace : int or None, default=None
        How many days after it is due a payment still renews. None learns it: what 199 of 200
        renewals keep to, at most half a period, and in calendar periods at least three days.
    payment : {"mean", "last"}, default="mean"
        What a period is worth: the mean net amount a period of the present contract, in which
        further purchases and refunds are counted, or that of the last renewal, where prices
        change.
    acquired : str or None, default=None
        Column of ``X`` with the date on which a customer's first contract began, for customers
        who are older than the log. They are known to have stayed until the log begins, and
        their tenure counts from that date. Missing where it is not known, or is the first payment.

    Attributes
    ----------
    model_ : estimator
        The fitted model, whose ``time_unit`` is the period.
    period_ : str
    grace_ : int
        The terms in use.
    horizon_ : str
        The horizon in use.
    n_contracts_ : int
        How many contracts the model was fitted to.

    Raises
    ------
    HorizonError
        If no horizon is known, or if the samples were made with another one.
    ShortLogError
        At fit, if no period is given and payments show none.

    See Also
    --------
    payments_from_contracts : A log of payments from a table of contracts.
    BTYDRegressor : For customers without a contract.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import ContractualCLVRegressor, payments_from_contracts
    >>> from clvkit.history import latest_histories
    >>> contracts = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 2, 3, 4, 5],
    ...         "start": ["2023-01-15"] * 3 + ["2023-03-01"] * 2,
    ...         "end": [None, "2023-02-15", "2023-06-15", None, "2023-04-01"],
    ...         "amount": [10.0, 10.0, 20.0, 10.0, 10.0],
    ...     }
    ... )
    >>> log = payments_from_contracts(contracts, "1M", until="2023-12-31")
    >>> X = latest_histories(log, "2023-12-31")
    >>> model = ContractualCLVRegressor(horizon="12M").fit(X)
    >>> model.period_, model.n_contracts_
    ('1M', 5)
    >>> model.predict(X).round(2)
    array([111.21,   0.  ,   0.  , 109.82,   0.  ])
    >>> model.predict_components(X).iloc[0].round(3)
    expected_purchases    11.121
    probability_alive      1.000
    probability_active     0.985
    expected_spend        10.000
    Name: (1, 2023-12-31 00:00:00), dtype: float64
    >>> ContractualCLVRegressor().fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.HorizonError: no horizon is known: ...
    """

    _parameter_constraints: dict = {
        "model": [HasMethods(_METHODS), None],
        "horizon": [str, None],
        "period": [str, None],
        "grace": [Interval(Integral, 0, None, closed="left"), None],
        "payment": [StrOptions({"mean", "last"})],
        "acquired": [str, None],
    }

    def __init__(
        self,
        model: Any = None,
        horizon: str | None = None,
        *,
        period: str | None = None,
        grace: int | None = None,
        payment: str = "mean",
        acquired: str | None = None,
    ) -> None:
        self.model = model
        self.horizon = horizon
        self.period = period
        self.grace = grace
        self.payment = payment
        self.acquired = acquired

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: pd.DataFrame, y: Any = None) -> ContractualCLVRegressor:
        """Fit the model on the contracts in the latest history of each customer.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``. Of several rows of a customer the latest one counts.
        y : ignored

        Returns
        -------
        self
        """
        if isinstance(self.model, type):
            raise TypeError(
                f"model={self.model.__name__} is a class: give an instance of it, "
                f"model={self.model.__name__}()."
            )
        latest = latest_rows(X)
        array = get_histories(latest)
        self.horizon_ = str(resolve_horizon(self.horizon, array))
        payments = read_payments(array)
        period = None if self.period is None else parse_duration(self.period, name="period")
        terms = learn_terms(payments, period, self.grace)
        self.period_, self.grace_ = str(terms.period), terms.grace
        contracts = read_contracts(payments, terms, self._acquired(latest))
        model = ShiftedBetaGeo() if self.model is None else clone(self.model)
        if isinstance(model, ContractualModel):
            model.set_params(time_unit=self.period_)
        tenures = pd.DataFrame(contracts.tenures()._asdict())
        for name, values in _columns(latest, covariate_names(model)).items():
            tenures[name] = values.to_numpy()[contracts.row]
        self.model_ = model.fit(tenures, None)
        self.n_contracts_ = len(tenures)
        return self

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
        table = self._components(X)
        return table["expected_purchases"] * table["expected_spend"]

    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the prediction is made of.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``.

        Returns
        -------
        DataFrame of shape (n_samples, 4)
            With the index of ``X``: ``expected_purchases``, the renewals that will be taken in
            the horizon; ``probability_alive`` (1 under contract, 0 after it, and the chance of
            renewal while a payment is overdue); ``probability_active`` (at least one renewal in
            the horizon) and ``expected_spend``, what a renewal is worth.
        """
        return pd.DataFrame(self._components(X), index=getattr(X, "index", None))

    def _components(self, X: pd.DataFrame) -> dict[str, Array]:
        check_is_fitted(self)
        array = get_histories(X)
        horizon = resolve_horizon(self.horizon_, array)
        payments = read_payments(array)
        terms = Terms(parse_duration(self.period_), self.grace_)
        contracts = read_contracts(payments, terms, self._acquired(X))
        until = _end_of_horizon(array, horizon)
        last = np.append(contracts.row[1:] != contracts.row[:-1], True)[: len(contracts.row)]
        out = {name: np.zeros(len(array)) for name in _COMPONENTS}
        latest = contracts.take(last)
        out["expected_spend"][latest.row] = self._worth(payments, latest)
        current = contracts.take(contracts.open)
        row, tenure = current.row, current.entry + current.renewals
        due = renewals_due(current, terms, until[row])
        names = covariate_names(self.model_)
        some = _columns(X, names).iloc[row] if names else None
        expected = self.model_.expected_residual_lifetime(tenure, 0.0, due, covariates=some)
        renews = self.model_.survival(1, tenure=tenure, covariates=some)
        out["expected_purchases"][row] = expected
        out["probability_alive"][row] = np.where(current.overdue, renews, 1.0)
        out["probability_active"][row] = np.where(due > 0, renews, 0.0)
        return out

    def _worth(self, payments: Purchases, contracts: Contracts) -> Array:
        begin = contracts.begin if self.payment == "mean" else contracts.last_main
        spend = net_amount(payments.amount, begin, contracts.end)
        periods = contracts.renewals + 1 if self.payment == "mean" else 1
        return np.maximum(spend / periods, 0.0)

    def _acquired(self, X: pd.DataFrame) -> Days | None:
        if self.acquired is None:
            return None
        return read_acquired(X, self.acquired)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _end_of_horizon(array: HistoryArray, horizon: Duration) -> Days:
    """Return the last day of each row's horizon, which is counted from its cutoff."""
    resolution = array.dtype.resolution
    moments = horizon.after(array.cutoff_moments, resolution)
    return moments // (86_400 // RESOLUTIONS[resolution][1])


def _columns(X: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise UnknownNameError(
            f"X has no column {missing[0]!r}, which the model names as a covariate; its columns: "
            f"{list(map(str, X.columns))}. Give the door a covariates table."
        )
    return X[names]
