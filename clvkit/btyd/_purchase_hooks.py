"""What a purchase model must know, and nothing of how it is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._dedup import CHUNK
from clvkit.btyd._likelihood_model import Boundary, LikelihoodModel
from clvkit.btyd._newton import MANY_ROWS, Derivatives, Objective
from clvkit.btyd._summary import Rows

__all__ = ["Params", "PurchaseHooks"]

Array = NDArray[np.float64]
#: A number for each parameter, or an array with one a row where covariates move it.
Params = dict[str, Any]


class PurchaseHooks(LikelihoodModel, ABC):
    """The hooks that a new purchase model implements.

    All are elementwise: a row's result depends on that row alone. Parameters of the rows come
    from ``self._params_with(rows.shifts)``.
    """

    time_unit: str
    #: The parameters that nothing tells about where nobody drops out.
    _dropout_params: ClassVar[tuple[str, ...]] = ()
    #: Above so many rows a search starts from the optimum of a sample: fewer where rows are dear.
    _many_rows: ClassVar[int] = MANY_ROWS

    @abstractmethod
    def _start(self, rows: Rows, weights: Array) -> Array:
        """Return log-parameters from which the search starts."""

    def _typical(self, rows: Rows, weights: Array) -> Array:
        """Return log-parameters typical for data of this scale, the centre of a weak prior."""
        return self._start(rows, weights)

    def _other_starts(self, start: Array, params: dict[str, float], rows: Rows) -> list[Array]:
        """Return where else to start, given what the search from ``start`` ended at.

        A likelihood with several peaks needs it; the highest end counts.
        """
        return []

    @abstractmethod
    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        """Return each row's log-likelihood and its derivatives in its own log-parameters.

        ``params`` has a number for each parameter, or an array where covariates move it.
        """

    def _objective(self, rows: Rows, weights: Array) -> Objective:
        """Return the weighted log-likelihood of some rows as a function of the log-parameters.

        The search asks it many times: a model without covariates may know a faster way than row by
        row, and what is the same each time.
        """

        def objective(log_params: Array) -> Derivatives:
            params = self._as_params(log_params)
            total = None
            for begin in range(0, len(weights), CHUNK):
                part = slice(begin, begin + CHUNK)
                some = self._row_derivatives(params, rows.take(part)).sum(weights[part])
                total = some if total is None else total.plus(some)
            assert total is not None  # a fit without rows has been refused
            return total

        return objective

    def _derivatives(self, log_params: Array, rows: Rows, weights: Array) -> Derivatives:
        """Return the weighted log-likelihood with gradient and Hessian in log-parameters."""
        return self._objective(rows, weights)(log_params)

    @property
    def _nested(self) -> str:
        """What the model is where nobody drops out, in words."""
        return "NBD"

    def _without_dropout(self, params: Params, rows: Rows) -> RowDerivatives:
        """Return each row's log-likelihood if nobody dropped out, by log r and log alpha.

        A model that names its ``_dropout_params`` has it.
        """
        raise NotImplementedError

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
