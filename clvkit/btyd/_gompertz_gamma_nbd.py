"""The GGompertz/NBD model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _gompertz_likelihood as gompertz
from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd._boundaries import ageing_boundaries, rate_boundaries
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._gompertz import remaining
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._maximum_likelihood import Estimate
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._simulated_histories import SimulatedHistories
from clvkit.btyd._summary import Rows

__all__ = ["GompertzGammaNBD"]

Array = NDArray[np.float64]

#: b, in typical ages, from which a lifetime is sought that is nearly that of the Pareto/NBD.
_HARDLY = 1e-2


class GompertzGammaNBD(PurchaseModel, SimulatedHistories):
    r"""GGompertz/NBD: Poisson purchases until a lifetime ends whose risk grows with age.

    While alive a customer buys at random with rate :math:`\lambda \sim Gamma(r, \alpha)`, and at
    age t is lost at the rate :math:`b \eta e^{b t}` with :math:`\eta \sim Gamma(s, \beta)`.
    Over all customers the share that is left falls at first slowly and then fast if
    :math:`\beta > s + 1`, so that the distribution of lifetimes has a mode; otherwise it falls
    fastest at first, as in the Pareto/NBD.

    Use it where customers tire of a shop rather than leave it at random: where those of a cohort
    go within a while of each other, as with baby goods, courses or games. Where risk does not grow
    with age, b goes to 0 and the model becomes :class:`ParetoNBD`, which then is the better choice;
    a warning says so. It knows no season, trend or rhythm.

    Parameters
    ----------
    time_unit : str, default="7D"
        The unit of time of ``alpha`` and 1 / ``b``, of numeric horizons and of summaries given as
        arrays. A calendar unit such as ``"1M"`` counts by its average length.
    covariates : list of str or mapping, optional
        Columns of the summary that move the purchase rate and the risk of being lost:
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
        Largest number of Newton steps.

    Attributes
    ----------
    params_ : dict
        ``r``, ``alpha``, ``b``, ``s`` and ``beta`` (``alpha`` in ``time_unit``, ``b`` per
        ``time_unit``), then the coefficients, such as ``purchase.age`` or ``dropout.age``.
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
    ParetoNBD : Lifetimes that end at random, whatever the age.
    likelihood_ratio_test : Whether one model fits better than another that it contains.

    Notes
    -----
    No closed form is known for the integrals over the time of death. They are Gauss-Legendre sums
    of positive terms, exact to about 12 digits. Conditional expectations are the purchase rate
    times the expected time alive; the paper has it for newcomers.

    References
    ----------
    Bemmaor, A. C. and Glady, N. (2012), Modeling Purchasing Behavior with Sudden "Death": A
    Flexible Customer Lifetime Model. Management Science 58(5), 1012-1021.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import GompertzGammaNBD
    >>> model = GompertzGammaNBD.from_params(r=0.55, alpha=10.6, b=0.05, s=0.6, beta=4.0)
    >>> summary = pd.DataFrame({"frequency": [2, 0], "recency": [30.43, 0.0], "T": [38.86, 38.86]})
    >>> summary.attrs["time_unit"] = "7D"
    >>> model.expected_purchases(summary, horizon="39W").round(3)
    array([1.063, 0.141])
    >>> model.probability_alive(summary).round(3)
    array([0.814, 0.5  ])

    Risk grows with age, so b is positive; without that it is another model:

    >>> GompertzGammaNBD.from_params(r=0.55, alpha=10.6, b=0.0, s=0.6, beta=4.0)
    Traceback (most recent call last):
        ...
    sklearn.utils._param_validation.InvalidParameterError: The 'b' parameter of ...
    """

    #: Customers that ``check_purchase_model`` tries the model on.
    _example: ClassVar[str] = "ageing"
    _dropout_params: ClassVar[tuple[str, ...]] = ("s", "beta")
    _param_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "b", "s", "beta")
    _effects: ClassVar[tuple[Effect, ...]] = (
        Effect("purchase", "purchase", "alpha", -1.0),
        Effect("dropout", "dropout", "beta", -1.0),
    )

    def _draw_histories(self, params: Params, age: Array, rng: np.random.Generator) -> Array:
        return gompertz.draw_histories(params, age, rng)

    def _start(self, rows: Rows, weights: Array) -> Array:
        # Half of the customers are lost within the typical age, at a risk that grows e-fold.
        r, alpha = nbd.start(rows.frequency, rows.T, weights)
        typical = float(weights @ rows.T / weights.sum())
        b = 1.0 / typical if typical > 0 else 1.0
        return np.log([r, alpha, b, 1.0, np.expm1(1.0)])

    def _other_starts(self, start: Array, params: dict[str, float], rows: Rows) -> list[Array]:
        # A risk that hardly grows; and cohorts that leave together, late.
        if not rows.frequency.any():
            return []
        hardly = np.log([1.0, 1.0, _HARDLY, 1.0, np.expm1(_HARDLY) / np.expm1(1.0)])
        late = np.log([1.0, 1.0, 4.0, 1.0, np.expm1(4.0) / np.expm1(1.0)])
        return [start + hardly, start + late]

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        return gompertz.row_derivatives(params, rows)

    def _without_dropout(self, params: Params, rows: Rows) -> RowDerivatives:
        return nbd.row_derivatives(params["r"], params["alpha"], rows.frequency, rows.T)

    def _log_likelihood(self, rows: Rows) -> Array:
        return gompertz.log_likelihood(self._params_with(rows.shifts), rows)

    def _alive(self, rows: Rows) -> Array:
        return gompertz.probability_alive(self._params_with(rows.shifts), rows)

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return gompertz.stays_alive(self._params_with(rows.shifts), rows, ahead)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return gompertz.purchases_if_alive(self._params_with(rows.shifts), rows, horizon)

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return gompertz.active_if_alive(self._params_with(rows.shifts), rows, horizon)

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        return gompertz.pmf_if_alive(self._params_with(rows.shifts), rows, horizon, n_max)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        return gompertz.draw(self._params_with(rows.shifts), rows, horizon, rng)

    def _time_scale(self, rows: Rows) -> Array:
        params = self._params_with(rows.shifts)
        scale: Array = np.log1p(remaining(params["b"], params["beta"], rows.T)) / params["b"]
        return scale

    def _given_alive(self, rows: Rows) -> Rows:
        return rows._replace(recency=np.zeros_like(rows.T))

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        return rate_boundaries(params, rows) + ageing_boundaries(params, rows)

    def _diagnose(
        self, found: Estimate, rows: Rows, design: Array, weights: Array
    ) -> list[Boundary]:
        boundaries = super()._diagnose(found, rows, design, weights)
        # Where nobody is lost nothing tells how the risk grows either.
        return [
            boundary._replace(parameters=("b", *self._dropout_params))
            if boundary.parameters == self._dropout_params
            else boundary
            for boundary in boundaries
        ]
