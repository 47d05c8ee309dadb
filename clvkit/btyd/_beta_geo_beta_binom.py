"""The BG/BB model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _opportunity_future as future
from clvkit.btyd import _opportunity_likelihood as likelihood
from clvkit.btyd._boundaries import opportunity_boundaries
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._simulated_histories import SimulatedHistories
from clvkit.btyd._summary import Rows, read_rows
from clvkit.btyd._units import whole_horizon

__all__ = ["BetaGeoBetaBinom"]

Array = NDArray[np.float64]

#: The PMF takes one step for each opportunity; beyond so many it would never come.
_MOST_STEPS = 1e6


class BetaGeoBetaBinom(PurchaseModel, SimulatedHistories):
    r"""BG/BB: opportunities to buy one by one, and a chance to be lost before each.

    At each opportunity (a year's donation campaign, a weekly market, an annual conference) a
    customer who is alive buys with probability p, once at most; before each he is lost with
    probability :math:`\theta`. :math:`p \sim Beta(\alpha, \beta)` and
    :math:`\theta \sim Beta(\gamma, \delta)` differ between customers, independently.

    Use it where purchases can be made at known occasions only, or are recorded by period so that
    most of the periods have none or one. Do not use it where customers buy at any time: counting
    by period throws away what the exact times tell, and the answer depends on the period. It
    ignores season, trend and regular intervals, as the other models do.

    Parameters
    ----------
    time_unit : str, default="1Y"
        From one opportunity to the next: the unit of numeric horizons and of summaries given as
        arrays, and of the annual discount rate. ``recency`` and ``T`` are whole numbers of it:
        ``T`` opportunities since the first purchase, the last one used being number ``recency``.
    covariates : list of str or mapping, optional
        Columns of the summary that move ``alpha`` and ``beta``, each with coefficients of its own
        (process ``"purchase"``), or ``gamma`` and ``delta`` (process ``"dropout"``), as
        :math:`\alpha_i = \alpha e^{c' z_i}`; a list holds for both processes. Coefficients are
        named ``purchase_alpha.age``, ``purchase_beta.age``, ``dropout_gamma.age`` and
        ``dropout_delta.age``.
    shared_covariates : sequence of str, default=()
        Covariates with one coefficient for all four, which changes how much customers differ and
        not their mean: of little use here.
    prior : {"weak"} or mapping, optional
        Normal priors on the log scale. A mapping gives a parameter its median and the standard
        deviation of its logarithm, and a process the standard deviation of coefficients about 0.
        Maximum likelihood without.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood, with respect to the
        logarithms of the parameters, exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps; ten are usual.

    Attributes
    ----------
    params_ : dict
        ``alpha``, ``beta``, ``gamma`` and ``delta``, none of which has a unit, then the
        coefficients.
    covariance_ : ndarray of shape (k, k)
        Covariance of the estimates of the **logarithms** of the parameters and of the
        coefficients, in the order of ``params_``. Parameters on a boundary have NaN.
    standard_errors_ : dict
        Standard errors of the parameters themselves (delta method).
    log_likelihood_, aic_, bic_ : float
        Of the data that the model was fitted to, with the number of customers (the sum of
        weights) as sample size. They are probabilities of histories: not to be compared with
        the densities of models in continuous time.
    converged_ : bool
        Whether the slope vanished at the end of the search.
    n_iter_ : int
        Number of Newton steps.
    boundary_ : list of str
        Parameters that ran to the boundary of their range, of which a warning told.

    See Also
    --------
    BetaGeoNBD : For purchases at any time.
    ModifiedBetaGeoNBD : The same with dropout after the first purchase too.

    Notes
    -----
    Methods count in opportunities. ``probability_alive(summary)`` is the probability of having
    been there at opportunity T, which is 1 for whoever bought then;
    ``probability_alive(summary, ahead=1)`` is that of being there at the next one, the "alive at
    n + 1" of the paper. Horizons are whole numbers of opportunities. The discount rate is an
    annual one, so that it is the rate of a period with ``time_unit="1Y"``; purchases at the
    next opportunity are discounted by one period.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-Base Analysis in a Discrete-Time
    Noncontractual Setting. Marketing Science 29(6), 1086-1108: P(X(n) = x) eq. 7, conditional
    expectation eq. 13.

    Examples
    --------
    Donors who gave in 1995, and in how many of the six years since:

    >>> from clvkit.btyd import BetaGeoBetaBinom
    >>> model = BetaGeoBetaBinom.from_params(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
    >>> donors = [[0, 0, 6], [2, 4, 6], [6, 6, 6]]
    >>> model.expected_purchases(donors, horizon="5Y").round(2)
    array([0.07, 1.06, 3.75])
    >>> model.probability_alive(donors, ahead="1Y").round(2)
    array([0.11, 0.59, 0.93])
    >>> model.expected_discounted_purchases(donors, discount_rate=0.1).round(2)
    array([0.11, 1.67, 5.91])

    Ages between opportunities mean nothing here:

    >>> model.expected_purchases([[2, 4.3, 6.5]], horizon=5)
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the summary recency is no whole number of opportunities, ...
    """

    #: Time is counted in opportunities, whole numbers of ``time_unit``.
    _discrete: ClassVar[bool] = True
    _param_names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")
    # Scaling both parameters of a Beta alike could not move its mean, so each has its own.
    _effects: ClassVar[tuple[Effect, ...]] = (
        Effect("purchase_alpha", "purchase", "alpha", 1.0),
        Effect("purchase_beta", "purchase", "beta", 1.0),
        Effect("dropout_gamma", "dropout", "gamma", 1.0),
        Effect("dropout_delta", "dropout", "delta", 1.0),
    )

    def __init__(
        self,
        *,
        time_unit: str = "1Y",
        covariates: list[str] | dict[str, list[str]] | None = None,
        shared_covariates: Sequence[str] = (),
        prior: str | dict[str, Any] | None = None,
        tol: float = 1e-8,
        max_iter: int = 200,
    ) -> None:
        super().__init__(
            time_unit=time_unit,
            covariates=covariates,
            shared_covariates=shared_covariates,
            prior=prior,
            tol=tol,
            max_iter=max_iter,
        )

    def _draw_histories(self, params: Params, age: Array, rng: np.random.Generator) -> Array:
        return future.draw_histories(params, age, rng)

    def _read_ages(self, T: Array) -> Array:
        return self._whole(T)

    def _whole(self, horizon: Array) -> Array:
        return whole_horizon(horizon, self.time_unit)

    def _read_rows(self, summary: Any) -> Rows:
        return read_rows(summary, time_unit=self.time_unit, whole=True)

    def _start(self, rows: Rows, weights: Array) -> Array:
        # One purchase probability with a long-tailed spread, and a lifetime of the order of the
        # time observed.
        bought, offered = float(weights @ rows.frequency), float(weights @ rows.T)
        p = (bought + 0.5) / (offered + 1.0)
        return np.log([0.5, 0.5 * (1.0 - p) / p, 0.5, 0.5 * (1.0 + offered / weights.sum())])

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        return likelihood.row_derivatives(params, rows)

    def _log_likelihood(self, rows: Rows) -> Array:
        return likelihood.log_likelihood(self._params_with(rows.shifts), rows)

    def _alive(self, rows: Rows) -> Array:
        return likelihood.probability_alive(self._params_with(rows.shifts), rows)

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return future.stays_alive(self._params_with(rows.shifts), rows, self._whole(ahead))

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        params = self._params_with(rows.shifts)
        return future.purchases_if_alive(params, rows, self._whole(horizon))

    def _discounted_if_alive(self, rows: Rows, horizon: Array, rate: float) -> Array:
        params = self._params_with(rows.shifts)
        return future.purchases_if_alive(params, rows, self._whole(horizon), rate)

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return future.active_if_alive(self._params_with(rows.shifts), rows, self._whole(horizon))

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        steps = whole_horizon(horizon, self.time_unit, most=_MOST_STEPS)
        return future.pmf_if_alive(self._params_with(rows.shifts), rows, steps, n_max)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        return future.draw(self._params_with(rows.shifts), rows, self._whole(horizon), rng)

    def _given_alive(self, rows: Rows) -> Rows:
        return rows._replace(recency=np.zeros_like(rows.T))

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        return opportunity_boundaries(params, rows)
