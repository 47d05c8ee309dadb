"""Histories of newcomers, drawn from a purchase model."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.btyd._purchase_hooks import Params, PurchaseHooks
from clvkit.btyd._summary import Rows
from clvkit.btyd._units import horizon_in_units

__all__ = ["SimulatedHistories"]

Array = NDArray[np.float64]


class SimulatedHistories(PurchaseHooks):
    """Adds ``simulate_summary`` to models that can draw what happened since a first purchase."""

    time_unit: str

    def simulate_summary(
        self,
        T: ArrayLike,
        random_state: int | np.random.Generator | None = None,
        *,
        covariates: Any = None,
    ) -> Array:
        """Draw the purchase histories of newcomers.

        Parameters
        ----------
        T : array-like of shape (n_customers,)
            Ages at the cutoff, in the model's unit of time (where it counts opportunities, these
            since the first purchase).
        random_state : int or numpy.random.Generator, optional
            Seed, or the generator to draw from.
        covariates : mapping or DataFrame of 1 or n_customers rows, optional
            As in :meth:`expected_purchases_newcomer`.

        Returns
        -------
        ndarray of shape (n_customers, 3)
            Frequency, recency and T, as :meth:`fit` takes them (but for covariates).
        """
        self._fitted_params()
        age = self._read_ages(np.atleast_1d(horizon_in_units(T, self.time_unit)))
        params = self._params_with(self._newcomers(len(age), covariates).shifts)
        return self._draw_histories(params, age, np.random.default_rng(random_state))

    @abstractmethod
    def _draw_histories(self, params: Params, age: Array, rng: np.random.Generator) -> Array:
        """Draw frequency and recency of newcomers of these ages; return them with the ages."""

    def _read_ages(self, T: Array) -> Array:
        return T

    @abstractmethod
    def _newcomers(self, n: int, covariates: Any) -> Rows:
        """Return rows of newcomers, whose only news are their covariates."""
