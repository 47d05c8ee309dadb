"""What every purchase model can be asked: one door for data, units and horizons."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._dedup import group_rows
from clvkit.btyd._design import one_row
from clvkit.btyd._discounting import discounted
from clvkit.btyd._purchase_hooks import PurchaseHooks
from clvkit.btyd._summary import Rows, newcomers, read_rows
from clvkit.btyd._units import Horizon, horizon_in_units, horizon_per_row, rate_per_unit
from clvkit.errors import ArgumentError, HorizonError

__all__ = ["PurchaseVocabulary"]

Array = NDArray[np.float64]

#: Below this many rows looking for equal ones costs more than it saves.
_WORTH_SORTING = 2_000


class PurchaseVocabulary(PurchaseHooks):
    """The public methods of purchase models, which hand plain arrays to a model's hooks."""

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
        return self._expected(rows, horizon_per_row(horizon, len(rows.T), self.time_unit))

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
            return self._discounted_if_alive(rows, lengths, rate)

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

    def expected_purchases_newcomer(
        self, horizon: Horizon, covariates: Any = None
    ) -> float | Array:
        """Return the expected repeat purchases of a customer who has just bought first.

        Parameters
        ----------
        horizon : str, float or array-like of shape (n,)
            Time since the first purchase; an array gives an array.
        covariates : mapping or DataFrame of 1 or n rows, optional
            Values of the covariates, such as ``{"age": 40}``, which a model that has any needs:
            who is meant cannot be guessed. One row holds for every horizon.

        Returns
        -------
        float or ndarray of shape (n,)

        Raises
        ------
        ArgumentError
            When the model has covariates and none are given, or the reverse, or not one row or
            one for each horizon.
        """
        self._fitted_params()
        lengths = horizon_in_units(horizon, self.time_unit)
        flat = np.atleast_1d(lengths)
        rows = self._newcomers(len(flat), covariates)
        expected = self._alive(rows) * self._purchases_if_alive(rows, flat)
        return expected if lengths.ndim else float(expected[0])

    def purchase_pmf_newcomer(self, horizon: Horizon, n_max: int, covariates: Any = None) -> Array:
        """Return P(X(t) = 0), ..., P(X(t) = n_max) for a customer who has just bought first.

        Parameters
        ----------
        horizon : str, float or array-like of shape (n,)
            Time since the first purchase; an array gives a row for each.
        n_max : int
            Largest number of purchases.
        covariates : mapping or DataFrame of 1 or n rows, optional
            As in :meth:`expected_purchases_newcomer`.

        Returns
        -------
        ndarray of shape (n_max + 1,) or (n, n_max + 1)

        Raises
        ------
        ArgumentError
            As :meth:`expected_purchases_newcomer` does.
        """
        self._fitted_params()
        lengths = horizon_in_units(horizon, self.time_unit)
        flat = np.atleast_1d(lengths)
        pmf = self._pmf(self._newcomers(len(flat), covariates), flat, n_max)
        return pmf if lengths.ndim else pmf[0]

    def _newcomers(self, n: int, covariates: Any) -> Rows:
        """Return n customers in the moment of their first purchase, with their covariates."""
        names = self._covariate_names()
        name = type(self).__name__
        if not names:
            if covariates is not None:
                raise ArgumentError(f"This {name} has no covariates: leave covariates out.")
            return newcomers(n)
        if covariates is None:
            example = ", ".join(f"{one!r}: ..." for one in names)
            raise ArgumentError(
                f"This {name} has the covariates {', '.join(map(repr, names))}, so that newcomers "
                f"differ: say which one is meant, as in covariates={{{example}}}."
            )
        moved = self._read_shifts(one_row(covariates))
        rows = {len(shift) for shift in moved}
        if not rows <= {1, n}:
            raise ArgumentError(
                f"covariates has {max(rows)} rows for {n} newcomers: give one row for all of them, "
                "or one for each."
            )
        return newcomers(n)._replace(shifts=tuple(np.broadcast_to(one, n) for one in moved))

    def _rows(self, summary: Any) -> Rows:
        self._fitted_params()
        rows = self._read_rows(summary)
        return rows._replace(shifts=self._read_shifts(summary))

    def _discounted_if_alive(self, rows: Rows, horizon: Array, rate: float) -> Array:
        """Return the discounted purchases in (T, T + horizon], given alive at T.

        ``rate`` is continuous, per unit of time. By quadrature over time; a model whose
        purchases come at known times adds them up.
        """
        scale = self._time_scale(rows)
        return discounted(self._purchases_if_alive, rows, horizon, rate=rate, scale=scale)

    def _expected(self, rows: Rows, lengths: Array) -> Array:
        return self._alive(rows) * self._if_alive(self._purchases_if_alive, rows, lengths)

    def _read_rows(self, summary: Any) -> Rows:
        """Read what the model wants of a summary, without covariates."""
        return read_rows(summary, time_unit=self.time_unit)

    def _if_alive(self, hook: Callable[[Rows, Array], Array], rows: Rows, lengths: Array) -> Array:
        """Evaluate a costly hook once per distinct row."""
        rows = self._given_alive(rows)
        if len(lengths) < _WORTH_SORTING:
            return hook(rows, lengths)
        groups = group_rows(*rows.columns, lengths)
        return hook(rows.take(groups.first), lengths[groups.first])[groups.code]

    def _pmf(self, rows: Rows, lengths: Array, n_max: int) -> Array:
        if isinstance(n_max, bool) or not isinstance(n_max, Integral) or n_max < 0:
            raise ValueError(f"n_max={n_max!r} must be a whole number of 0 or more, such as 10.")
        alive = self._alive(rows)
        pmf_if_alive = self._if_alive(partial(self._pmf_if_alive, n_max=int(n_max)), rows, lengths)
        pmf = alive[:, None] * pmf_if_alive
        pmf[:, 0] += 1.0 - alive
        return pmf
