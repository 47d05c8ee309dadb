"""The NBD model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd._boundaries import rate_boundaries
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._newton import Derivatives, Objective
from clvkit.btyd._purchase_counts import negative_binomial_pmf
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._simulated_histories import SimulatedHistories
from clvkit.btyd._summary import Rows

__all__ = ["NBD"]

Array = NDArray[np.float64]


class NBD(PurchaseModel, SimulatedHistories):
    r"""NBD: Poisson purchases by customers who are never lost.

    A customer buys at random with rate :math:`\lambda`, for ever;
    :math:`\lambda \sim Gamma(r, \alpha)` differs between customers.

    Use it as the yardstick that a model with dropout must beat: it is nested in
    :class:`ParetoNBD` and :class:`BetaGeoNBD`, which amount to it where no dropout is detected.
    Do not use it where customers leave, which is nearly everywhere: it overstates what will be
    bought, the more the longer ago the last purchase was.

    Parameters
    ----------
    time_unit : str, default="7D"
        The unit of time of ``alpha``, of numeric horizons and of summaries given as arrays. A
        calendar unit such as ``"1M"`` counts by its average length.
    covariates : list of str or mapping, optional
        Columns of the summary that move the purchase rate,
        :math:`\alpha_i = \alpha e^{-\gamma' z_i}`; the only process is ``"purchase"``.
    shared_covariates : sequence of str, default=()
        Of no use with one process.
    prior : {"weak"} or mapping, optional
        Normal priors on the log scale. A mapping gives a parameter its median and the standard
        deviation of its logarithm, and ``"purchase"`` the standard deviation of coefficients
        about 0. Maximum likelihood without.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood, with respect to the
        logarithms of the parameters, exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps; five are usual.

    Attributes
    ----------
    params_ : dict
        ``r`` and ``alpha`` (in ``time_unit``), then the coefficients, such as ``purchase.age``.
    covariance_ : ndarray of shape (k, k)
        Covariance of the estimates of the **logarithms** of the parameters and of the
        coefficients, in the order of ``params_``. Parameters on a boundary have NaN.
    standard_errors_ : dict
        Standard errors of the parameters themselves (delta method).
    log_likelihood_, aic_, bic_ : float
        Of the data that the model was fitted to, without the factor :math:`T^x / x!` that no
        parameter moves, as in the models with dropout, so that they can be compared; the sample
        size is the number of customers (the sum of weights).
    converged_ : bool
        Whether the slope vanished at the end of the search.
    n_iter_ : int
        Number of Newton steps.
    boundary_ : list of str
        Parameters that ran to the boundary of their range, of which a warning told.

    See Also
    --------
    ParetoNBD : With a lifetime.
    BetaGeoNBD : With dropout after a purchase.

    References
    ----------
    Ehrenberg, A. S. C. (1959), The Pattern of Consumer Purchases. Applied Statistics 8(1), 26-41.

    Examples
    --------
    >>> from clvkit.btyd import NBD
    >>> model = NBD.from_params(r=0.385, alpha=12.07)
    >>> model.expected_purchases([[2, 30.43, 38.86], [0, 0.0, 38.86]], horizon="39W").round(3)
    array([1.826, 0.295])
    >>> model.probability_alive([[2, 30.43, 38.86]])
    array([1.])

    There is no dropout that a covariate could move:

    >>> NBD(covariates={"dropout": ["age"]}).fit([[2, 30.43, 38.86, 35.0, 40.0]])
    Traceback (most recent call last):
        ...
    clvkit.errors.UnknownNameError: covariates names the process 'dropout'; this model has ...
    """

    _param_names: ClassVar[tuple[str, ...]] = ("r", "alpha")
    _effects: ClassVar[tuple[Effect, ...]] = (Effect("purchase", "purchase", "alpha", -1.0),)

    def _draw_histories(self, params: Params, age: Array, rng: np.random.Generator) -> Array:
        x = rng.poisson(rng.gamma(params["r"], size=len(age)) / params["alpha"] * age)
        # The last of x times that are uniform in the age is Beta(x, 1) of it.
        recency = np.where(x > 0, age * rng.beta(np.maximum(x, 1), 1.0), 0.0)
        return np.column_stack([x, recency, age])

    def _start(self, rows: Rows, weights: Array) -> Array:
        return np.log(nbd.start(rows.frequency, rows.T, weights))

    def _objective(self, rows: Rows, weights: Array) -> Objective:
        x, _, T = rows[:3]
        counts = nbd.CountSum(x, weights)

        def objective(log_params: Array) -> Derivatives:
            r, alpha = np.exp(log_params).tolist()
            time = RowDerivatives(*nbd.time_rows(r, alpha, x, T)).sum(weights)
            return counts.added_to(time, r)

        return objective

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        return nbd.row_derivatives(params["r"], params["alpha"], rows.frequency, rows.T)

    def _posterior(self, rows: Rows) -> tuple[Array, Array]:
        """Return shape and rate of the Gamma distribution of the customer's own rate."""
        params = self._params_with(rows.shifts)
        return params["r"] + rows.frequency, params["alpha"] + rows.T

    def _log_likelihood(self, rows: Rows) -> Array:
        params = self._params_with(rows.shifts)
        return nbd.log_likelihood(params["r"], params["alpha"], rows.frequency, rows.T)

    def _alive(self, rows: Rows) -> Array:
        return np.ones_like(rows.T)

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return np.ones_like(rows.T)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        shape, rate = self._posterior(rows)
        return shape / rate * horizon

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        shape, rate = self._posterior(rows)
        return -np.expm1(-shape * np.log1p(horizon / rate))

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        shape, rate = self._posterior(rows)
        return negative_binomial_pmf(shape, horizon / rate, n_max)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        shape, rate = self._posterior(rows)
        return rng.poisson(rng.gamma(shape) / rate * horizon).astype(np.int64)

    def _time_scale(self, rows: Rows) -> Array:
        return self._posterior(rows)[1]

    def _given_alive(self, rows: Rows) -> Rows:
        return rows._replace(recency=np.zeros_like(rows.T))

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        return rate_boundaries(params, rows)
