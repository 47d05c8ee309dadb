"""What the estimators of the Beta-geometric models share."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _beta_geometric as bg
from clvkit.btyd import _beta_geometric_future as future
from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd._beta_geometric_sum import LikelihoodSum
from clvkit.btyd._boundaries import dropout_boundaries, rate_boundaries
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._newton import Objective
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._simulated_histories import SimulatedHistories
from clvkit.btyd._summary import Rows

__all__ = ["BetaGeometricModel"]

Array = NDArray[np.float64]

#: Purchases per unit of time to assume where nobody has been observed for any time.
_NO_RATE = 1e-6


class BetaGeometricModel(PurchaseModel, SimulatedHistories):
    """Base of the models whose customers may drop out after a purchase.

    A subclass says in ``_first`` whether they may do so after the first one already (1, else 0).
    """

    _first: ClassVar[int]
    _dropout_params: ClassVar[tuple[str, ...]] = ("a", "b")
    _param_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    # Scaling a and b alike could not move the mean dropout a / (a + b), so each has its own.
    _effects: ClassVar[tuple[Effect, ...]] = (
        Effect("purchase", "purchase", "alpha", -1.0),
        Effect("dropout_a", "dropout", "a", 1.0),
        Effect("dropout_b", "dropout", "b", 1.0),
    )

    @property
    def _kind(self) -> bg.Kind:
        return bg.Kind(first=self._first)

    def _draw_histories(self, params: Params, age: Array, rng: np.random.Generator) -> Array:
        return future.draw_histories(self._kind, params, age, rng)

    def _start(self, rows: Rows, weights: Array) -> Array:
        # Customers are alive for something between the age at the last purchase and that now. Those
        # whose last purchase was long ago may have dropped out, at one of their purchases.
        x, t_x, T = rows[:3]
        bought, until_last, observed = (float(weights @ times) for times in (x, t_x, T))
        if not bought:
            return self._typical(rows, weights)
        rate = bought / np.sqrt(until_last * observed)
        chances = 1.0 + bought / float(weights.sum())
        dropout = np.clip((1.0 - until_last / observed) / chances, 0.1, 0.9)
        r, a = 0.4, 0.8
        return np.log([r, r / (self._kind.k * rate), a, a * (1.0 - dropout) / dropout])

    def _typical(self, rows: Rows, weights: Array) -> Array:
        # One purchase rate for all, a long-tailed spread of it, and moderate dropout.
        bought, observed = float(weights @ rows.frequency), float(weights @ rows.T)
        rate = (bought + 0.5) / observed if observed > 0 else _NO_RATE
        return np.log([0.5, 0.5 / (self._kind.k * rate), 1.0, 3.0])

    def _objective(self, rows: Rows, weights: Array) -> Objective:
        return LikelihoodSum(self._kind, rows, weights)

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        return bg.row_derivatives(self._kind, params, rows)

    def _without_dropout(self, params: Params, rows: Rows) -> RowDerivatives:
        return nbd.row_derivatives(params["r"], params["alpha"], rows.frequency, rows.T)

    def _log_likelihood(self, rows: Rows) -> Array:
        return bg.log_likelihood(self._kind, self._params_with(rows.shifts), rows)

    def _alive(self, rows: Rows) -> Array:
        return bg.probability_alive(self._kind, self._params_with(rows.shifts), rows)

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return future.stays_alive(self._kind, self._params_with(rows.shifts), rows, ahead)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return future.purchases_if_alive(self._kind, self._params_with(rows.shifts), rows, horizon)

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return future.active_if_alive(self._kind, self._params_with(rows.shifts), rows, horizon)

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        return future.pmf_if_alive(self._kind, self._params_with(rows.shifts), rows, horizon, n_max)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        return future.draw(self._kind, self._params_with(rows.shifts), rows, horizon, rng)

    def _time_scale(self, rows: Rows) -> Array:
        return self._params_with(rows.shifts)["alpha"] + rows.T

    def _given_alive(self, rows: Rows) -> Rows:
        return rows._replace(recency=np.zeros_like(rows.T))

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        first = "first" if self._first else "first repeat"
        return rate_boundaries(params, rows) + dropout_boundaries(
            params, rows, first=first, nested=self._nested
        )
