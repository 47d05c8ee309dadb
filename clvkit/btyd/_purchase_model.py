"""The base class of purchase models: one door for data, units and horizons."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from clvkit.btyd._dedup import group_rows
from clvkit.btyd._discounting import discounted
from clvkit.btyd._likelihood_model import Boundary, LikelihoodModel
from clvkit.btyd._newton import Derivatives, Objective, Optimum, maximize_over_rows
from clvkit.btyd._summary import Rows, newcomers, read_rows, read_weights
from clvkit.btyd._units import Horizon, horizon_in_units, horizon_per_row, rate_per_unit
from clvkit.errors import HorizonError, SummaryError
from clvkit.utils._duration import parse_duration

__all__ = ["PurchaseModel"]

Array = NDArray[np.float64]

#: Below this many rows looking for equal ones costs more than it saves.
_WORTH_SORTING = 2_000


class PurchaseModel(LikelihoodModel, ABC):
    """Base of models of when customers buy, and whether they will again.

    Public methods check the summary, convert units and horizons, and hand plain arrays in the
    model's unit to the hooks below. A new model implements the hooks and nothing else;
    ``clvkit.testing.check_purchase_model`` tells whether they fit together.

    All hooks are elementwise: a row's result depends on that row alone.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "time_unit": [str],
        "tol": [Interval(Real, 0.0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, time_unit: str = "7D", tol: float = 1e-8, max_iter: int = 200) -> None:
        self.time_unit = time_unit
        self.tol = tol
        self.max_iter = max_iter

    def _validate_params(self) -> None:
        super()._validate_params()
        parse_duration(self.time_unit, name="time_unit")

    # --- hooks ---------------------------------------------------------------------------

    @abstractmethod
    def _start(self, rows: Rows, weights: Array) -> Array:
        """Return log-parameters from which the search starts."""

    @abstractmethod
    def _derivatives(self, log_params: Array, rows: Rows, weights: Array) -> Derivatives:
        """Return the weighted log-likelihood with gradient and Hessian in log-parameters."""

    @abstractmethod
    def _log_likelihood(self, rows: Rows) -> Array:
        """Return the log-likelihood of every row."""

    @abstractmethod
    def _alive(self, rows: Rows) -> Array:
        """Return the probability that the customer is alive at T."""

    @abstractmethod
    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        """Return the probability of being alive at T + ahead, given alive at T."""

    @abstractmethod
    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        """Return the expected purchases in (T, T + horizon], given alive at T."""

    @abstractmethod
    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        """Return the probability of a purchase in (T, T + horizon], given alive at T."""

    @abstractmethod
    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        """Return the probabilities of 0 .. n_max purchases, given alive at T."""

    @abstractmethod
    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the purchases in (T, T + horizon] of every row."""

    def _time_scale(self, rows: Rows) -> Array:
        """Return the time over which the purchase rate changes; it places quadrature nodes."""
        return 1.0 + rows.T

    def _given_alive(self, rows: Rows) -> Rows:
        """Return rows without what no longer matters once the customer is known to be alive.

        Where that is the recency, as with Poisson purchases, few distinct rows remain.
        """
        return rows

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        """Say which parameters ran to a boundary, and what that means."""
        return []

    # --- fitting -------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, summary: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            A frame with the columns ``frequency`` (repeat purchases), ``recency`` (age at the
            last one) and ``T`` (age at the cutoff), whose ``attrs["time_unit"]`` says the unit
            of its times, or an array with these columns in this order, in the model's unit.
        y : ignored
            Present for the API of scikit-learn.
        sample_weight : array-like of shape (n_customers,), optional
            How many customers each row stands for.

        Returns
        -------
        self

        Raises
        ------
        SummaryError
            When the summary holds what no customer can have, or no customer at all.

        Warns
        -----
        BoundaryWarning
            When a simpler model fits as well; predictions are those of that model.
        UnitWarning
            When a frame does not say its unit of time.
        """
        rows = read_rows(summary, time_unit=self.time_unit)
        weights = read_weights(sample_weight, len(rows.T))
        rows, weights = _distinct(rows, weights)
        n = float(weights.sum())
        if n == 0.0:
            raise SummaryError(
                "The summary has no customer (or none of positive weight): there is nothing to "
                "fit. A model with known parameters comes from from_params."
            )
        optimum = self._search(rows, weights)
        self._keep(optimum, n, self._boundaries(self._as_params(optimum.log_params), rows))
        return self

    def _search(self, rows: Rows, weights: Array) -> Optimum:
        def objective_of(index: Any) -> Objective:
            part, part_weights = rows.take(index), weights[index]
            return lambda log_params: self._derivatives(log_params, part, part_weights)

        start = self._start(rows, weights)
        return maximize_over_rows(
            objective_of, start, weights, tol=self.tol, max_iter=self.max_iter
        )

    # --- predictions ---------------------------------------------------------------------

    def log_likelihood(self, summary: Any) -> Array:
        """Return the log-likelihood of each customer.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers,)
            Densities, so they depend on the unit of time (that of the model).
        """
        return self._log_likelihood(self._rows(summary))

    def expected_purchases(self, summary: Any, horizon: Horizon) -> Array:
        """Return the expected purchases of each customer in the horizon after the cutoff.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        horizon : str, float or array-like of shape (n_customers,)
            A duration such as ``"26W"``, a number in the model's unit of time, or an array
            with a number **for each customer** (not several horizons for all: call the
            method once for each of those). Calendar months and years count by their average
            length.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        rows = self._rows(summary)
        lengths = horizon_per_row(horizon, len(rows.T), self.time_unit)
        return self._alive(rows) * self._if_alive(self._purchases_if_alive, rows, lengths)

    def probability_alive(self, summary: Any, ahead: Horizon = 0.0) -> Array:
        """Return the probability that each customer is, or will be, alive.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        ahead : str, float or array-like of shape (n_customers,), default=0
            How long after the cutoff; like ``horizon`` in :meth:`expected_purchases`.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        rows = self._rows(summary)
        lengths = horizon_per_row(ahead, len(rows.T), self.time_unit)
        alive = self._alive(rows)
        if not lengths.any():
            return alive
        return alive * np.where(lengths > 0, self._if_alive(self._stays_alive, rows, lengths), 1.0)

    def probability_active(self, summary: Any, horizon: Horizon) -> Array:
        """Return the probability of at least one purchase in the horizon.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        horizon : str, float or array-like of shape (n_customers,)
            As in :meth:`expected_purchases`.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        rows = self._rows(summary)
        lengths = horizon_per_row(horizon, len(rows.T), self.time_unit)
        return self._alive(rows) * self._active_if_alive(rows, lengths)

    def purchase_pmf(self, summary: Any, horizon: Horizon, n_max: int) -> Array:
        """Return the probabilities of 0, 1, ... purchases in the horizon, given the history.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        horizon : str, float or array-like of shape (n_customers,)
            As in :meth:`expected_purchases`.
        n_max : int
            Largest number of purchases. The probability of more is one minus the row's sum.

        Returns
        -------
        ndarray of shape (n_customers, n_max + 1)
        """
        rows = self._rows(summary)
        lengths = horizon_per_row(horizon, len(rows.T), self.time_unit)
        return self._pmf(rows, lengths, n_max)

    def expected_discounted_purchases(
        self, summary: Any, discount_rate: float, horizon: Horizon | None = None
    ) -> Array:
        """Return the present value, at the cutoff, of a customer's purchases at 1 each.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        discount_rate : float
            Effective **annual** rate, such as 0.1. It is compounded continuously, with
            log(1 + rate) / units a unit of time: a year has 52 weeks, 365.25 days or 12
            months.
        horizon : str, float or array-like of shape (n_customers,), optional
            As in :meth:`expected_purchases`; the whole residual lifetime when left out.

        Returns
        -------
        ndarray of shape (n_customers,)

        Raises
        ------
        HorizonError
            When neither a positive rate nor a horizon bounds the sum.
        """
        rows = self._rows(summary)
        rate = rate_per_unit(discount_rate, self.time_unit)
        if horizon is None and rate == 0.0:
            raise HorizonError(
                "Without a horizon and with discount_rate=0 the purchases of a lifetime need "
                "not have a finite expectation: give a positive discount_rate or a horizon."
            )
        lengths = horizon_per_row(
            np.finfo(float).max if horizon is None else horizon, len(rows.T), self.time_unit
        )

        def value(rows: Rows, lengths: Array) -> Array:
            scale = self._time_scale(rows)
            return discounted(self._purchases_if_alive, rows, lengths, rate=rate, scale=scale)

        return self._alive(rows) * self._if_alive(value, rows, lengths)

    def simulate(
        self,
        summary: Any,
        horizon: Horizon,
        random_state: int | np.random.Generator | None = None,
    ) -> NDArray[np.int64]:
        """Draw each customer's purchases in the horizon, given the history.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            As in :meth:`fit`.
        horizon : str, float or array-like of shape (n_customers,)
            As in :meth:`expected_purchases`.
        random_state : int or numpy.random.Generator, optional
            Seed, or the generator to draw from.

        Returns
        -------
        ndarray of int64, of shape (n_customers,)
        """
        rows = self._rows(summary)
        lengths = horizon_per_row(horizon, len(rows.T), self.time_unit)
        return self._draw(rows, lengths, np.random.default_rng(random_state))

    def expected_purchases_newcomer(self, horizon: Horizon) -> float | Array:
        """Return the expected repeat purchases of a customer who has just bought first.

        Parameters
        ----------
        horizon : str, float or array-like of shape (n,)
            Time since the first purchase; an array gives an array.

        Returns
        -------
        float or ndarray of shape (n,)
        """
        self._fitted_params()
        lengths = horizon_in_units(horizon, self.time_unit)
        flat = np.atleast_1d(lengths)
        expected = self._purchases_if_alive(newcomers(len(flat)), flat)
        return expected if lengths.ndim else float(expected[0])

    def purchase_pmf_newcomer(self, horizon: Horizon, n_max: int) -> Array:
        """Return P(X(t) = 0), ..., P(X(t) = n_max) for a customer who has just bought first.

        Parameters
        ----------
        horizon : str, float or array-like of shape (n,)
            Time since the first purchase; an array gives a row for each.
        n_max : int
            Largest number of purchases.

        Returns
        -------
        ndarray of shape (n_max + 1,) or (n, n_max + 1)
        """
        self._fitted_params()
        lengths = horizon_in_units(horizon, self.time_unit)
        flat = np.atleast_1d(lengths)
        pmf = self._pmf(newcomers(len(flat)), flat, n_max)
        return pmf if lengths.ndim else pmf[0]

    def _rows(self, summary: Any) -> Rows:
        self._fitted_params()
        return read_rows(summary, time_unit=self.time_unit)

    def _if_alive(self, hook: Callable[[Rows, Array], Array], rows: Rows, lengths: Array) -> Array:
        """Evaluate a costly hook once per distinct row."""
        rows = self._given_alive(rows)
        if len(lengths) < _WORTH_SORTING:
            return hook(rows, lengths)
        groups = group_rows(*rows, lengths)
        return hook(rows.take(groups.first), lengths[groups.first])[groups.code]

    def _pmf(self, rows: Rows, lengths: Array, n_max: int) -> Array:
        if isinstance(n_max, bool) or not isinstance(n_max, Integral) or n_max < 0:
            raise ValueError(f"n_max={n_max!r} must be a whole number of 0 or more, such as 10.")
        alive = self._alive(rows)
        pmf_if_alive = self._if_alive(partial(self._pmf_if_alive, n_max=int(n_max)), rows, lengths)
        pmf = alive[:, None] * pmf_if_alive
        pmf[:, 0] += 1.0 - alive
        return pmf


def _distinct(rows: Rows, weights: Array) -> tuple[Rows, Array]:
    """Merge equal rows, adding their weights; rows of weight 0 vanish."""
    used = weights > 0
    if not used.all():
        rows, weights = rows.take(used), weights[used]
    groups = group_rows(*rows)
    merged = np.bincount(groups.code, weights, len(groups.first)).astype(float)
    return rows.take(groups.first), merged
