"""The Pareto/NBD model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd import _pareto as pareto
from clvkit.btyd._boundaries import lifetime_boundaries, rate_boundaries
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._newton import Objective
from clvkit.btyd._pareto_counts import pmf_if_alive
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._simulated_histories import SimulatedHistories
from clvkit.btyd._summary import Rows

__all__ = ["ParetoNBD"]

Array = NDArray[np.float64]

#: Factors of s and beta from which the peak is found at which many are lost at once.
_AT_ONCE = ((0.3, 1e-2), (0.05, 1e-5))


class ParetoNBD(PurchaseModel, SimulatedHistories):
    r"""Pareto/NBD: Poisson purchases until an exponential lifetime ends.

    While alive a customer buys at random with rate :math:`\lambda`, and is lost at random with
    rate :math:`\mu`, whether he buys or not; :math:`\lambda \sim Gamma(r, \alpha)` and
    :math:`\mu \sim Gamma(s, \beta)` differ between customers, independently.

    Use it where customers may be lost without having come back: unlike in :class:`BetaGeoNBD`,
    somebody who bought once and long ago is probably lost. It is the reference that other
    models are compared with. Do not expect it to know season, trend or regular intervals
    between purchases; with little data s and beta are hard to tell apart, which shows in their
    standard errors and hardly in predictions.

    Parameters
    ----------
    time_unit : str, default="7D"
        The unit of time of ``alpha`` and ``beta``, of numeric horizons and of summaries given as
        arrays. A calendar unit such as ``"1M"`` counts by its average length.
    covariates : list of str or mapping, optional
        Columns of the summary that move the purchase rate and the dropout rate:
        :math:`\alpha_i = \alpha e^{-\gamma' z_i}` and :math:`\beta_i = \beta e^{-\delta' z_i}`, so
        that positive coefficients mean more purchases and earlier dropout. A list holds for
        both processes; a mapping has the keys ``"purchase"`` and ``"dropout"``.
    shared_covariates : sequence of str, default=()
        Those of ``covariates`` that have one coefficient for both processes.
    prior : {"weak"} or mapping, optional
        Normal priors on the log scale. A mapping gives a parameter its median and the standard
        deviation of its logarithm, and ``"purchase"`` or ``"dropout"`` the standard deviation of
        coefficients about 0. Maximum likelihood without.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood, with respect to the
        logarithms of the parameters, exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps; ten are usual.

    Attributes
    ----------
    params_ : dict
        ``r``, ``alpha``, ``s`` and ``beta`` (``alpha`` and ``beta`` in ``time_unit``), then the
        coefficients, such as ``purchase.age``, ``dropout.age`` or ``shared.age``.
    covariance_ : ndarray of shape (k, k)
        Covariance of the estimates of the **logarithms** of the parameters and of the
        coefficients, in the order of ``params_``. Parameters on a boundary have NaN.
    standard_errors_ : dict
        Standard errors of the parameters themselves (delta method).
    log_likelihood_, aic_, bic_ : float
        Of the data that the model was fitted to, with the number of customers (the sum of
        weights) as sample size.
    converged_ : bool
        Whether the slope vanished at the end of the search.
    n_iter_ : int
        Number of Newton steps.
    boundary_ : list of str
        Parameters that ran to the boundary of their range, of which a warning told.

    See Also
    --------
    BetaGeoNBD : Dropout after a purchase instead of at any time; the fastest to fit.
    NBD : The model without dropout.
    GammaGamma : How much a purchase is worth.

    References
    ----------
    Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting Your Customers: Who Are
    They and What Will They Do Next? Management Science 33(1), 1-24.

    Fader, P. S. and Hardie, B. G. S. (2005), A Note on Deriving the Pareto/NBD Model and Related
    Expressions, brucehardie.com/notes/009: likelihood eq. 18, conditional expectation eq. 41.

    Fader, P. S. and Hardie, B. G. S. (2007), Incorporating Time-Invariant Covariates into the
    Pareto/NBD and BG/NBD Models, brucehardie.com/notes/019.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import ParetoNBD
    >>> model = ParetoNBD.from_params(r=0.553, alpha=10.58, s=0.606, beta=11.67)
    >>> summary = pd.DataFrame({"frequency": [2, 0], "recency": [30.43, 0.0], "T": [38.86, 38.86]})
    >>> summary.attrs["time_unit"] = "7D"
    >>> model.expected_purchases(summary, horizon="39W").round(3)
    array([1.455, 0.107])
    >>> model.probability_alive(summary).round(3)
    array([0.869, 0.295])

    Recency is an age, not the time that has passed since the last purchase:

    >>> model.expected_purchases(summary.assign(recency=[50.0, 0.0]), horizon="39W")
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the summary recency is after T in 1 of 2 rows, for example ...
    """

    _dropout_params: ClassVar[tuple[str, ...]] = ("s", "beta")
    _many_rows: ClassVar[int] = 10_000
    _param_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    _effects: ClassVar[tuple[Effect, ...]] = (
        Effect("purchase", "purchase", "alpha", -1.0),
        Effect("dropout", "dropout", "beta", -1.0),
    )

    def _draw_histories(self, params: Params, age: Array, rng: np.random.Generator) -> Array:
        return pareto.draw_histories(params, age, rng)

    def _start(self, rows: Rows, weights: Array) -> Array:
        # Customers buy faster than it seems, for many are lost, most of those early.
        r, alpha, s, beta = self._typical(rows, weights)
        return np.array([r, alpha - 0.35, s + np.log(0.5), beta + np.log(0.3)])

    def _typical(self, rows: Rows, weights: Array) -> Array:
        # Half of the customers are lost within the typical age.
        r, alpha = nbd.start(rows.frequency, rows.T, weights)
        typical = float(weights @ rows.T / weights.sum())
        return np.log([r, alpha, 1.0, typical if typical > 0 else 1.0])

    def _other_starts(self, start: Array, params: dict[str, float], rows: Rows) -> list[Array]:
        # Where many never come back, there is a second peak, at which they are lost at once.
        if not lifetime_boundaries(params, rows) or not rows.frequency.any():
            return []
        return [start + np.log([1.0, 1.0, s, beta]) for s, beta in _AT_ONCE]

    def _objective(self, rows: Rows, weights: Array) -> Objective:
        return pareto.LikelihoodSum(rows, weights)

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        return pareto.row_derivatives(params, rows)

    def _without_dropout(self, params: Params, rows: Rows) -> RowDerivatives:
        return nbd.row_derivatives(params["r"], params["alpha"], rows.frequency, rows.T)

    def _log_likelihood(self, rows: Rows) -> Array:
        return pareto.log_likelihood(self._params_with(rows.shifts), rows)

    def _alive(self, rows: Rows) -> Array:
        return pareto.probability_alive(self._params_with(rows.shifts), rows)

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return pareto.stays_alive(self._params_with(rows.shifts), rows, ahead)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return pareto.purchases_if_alive(self._params_with(rows.shifts), rows, horizon)

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return pareto.active_if_alive(self._params_with(rows.shifts), rows, horizon)

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        return pmf_if_alive(self._params_with(rows.shifts), rows, horizon, n_max)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        return pareto.draw(self._params_with(rows.shifts), rows, horizon, rng)

    def _time_scale(self, rows: Rows) -> Array:
        return self._params_with(rows.shifts)["beta"] + rows.T

    def _given_alive(self, rows: Rows) -> Rows:
        return rows._replace(recency=np.zeros_like(rows.T))

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        return rate_boundaries(params, rows) + lifetime_boundaries(params, rows)
