"""The BG/NBD model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.btyd import _beta_geometric as bg
from clvkit.btyd._boundaries import dropout_boundaries, rate_boundaries
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._newton import Derivatives
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._summary import Rows
from clvkit.btyd._units import horizon_in_units

__all__ = ["BetaGeoNBD"]

Array = NDArray[np.float64]

#: Purchases per unit of time to assume where nobody has been observed for any time.
_NO_RATE = 1e-6


class BetaGeoNBD(PurchaseModel):
    r"""BG/NBD: Poisson purchases, and a chance to drop out after each repeat purchase.

    While alive a customer buys at random with rate :math:`\lambda`, and after each repeat
    purchase is lost with probability p; :math:`\lambda \sim Gamma(r, \alpha)` and
    :math:`p \sim Beta(a, b)` differ between customers, independently.

    Use it as the first model for non-contractual purchases at irregular times: it needs the
    least computation and fits sparse cohorts well. A customer who never came back cannot have
    dropped out in this model (``probability_alive`` is 1 at frequency 0), which makes it a poor
    judge of who is lost where most customers buy once. It also ignores season, trend and
    regular intervals between purchases.

    Parameters
    ----------
    time_unit : str, default="7D"
        The unit of time of ``alpha``, of numeric horizons and of summaries given as arrays. A
        calendar unit such as ``"1M"`` counts by its average length.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood, with respect to the
        logarithms of the parameters, exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps; ten are usual.

    Attributes
    ----------
    params_ : dict
        ``r``, ``alpha`` (in ``time_unit``), ``a`` and ``b``.
    covariance_ : ndarray of shape (4, 4)
        Covariance of the estimates of the **logarithms** of the parameters, in the order of
        ``params_``. Parameters on a boundary have NaN.
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
    GammaGamma : How much a purchase is worth.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting Your Customers" the Easy
    Way: An Alternative to the Pareto/NBD Model. Marketing Science 24(2), 275-284: likelihood
    eq. 6, P(X(t) = x) eq. 8, expectation eq. 9, conditional expectation eq. 10.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import BetaGeoNBD
    >>> model = BetaGeoNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> summary = pd.DataFrame({"frequency": [2, 0], "recency": [30.43, 0.0], "T": [38.86, 38.86]})
    >>> summary.attrs["time_unit"] = "7D"
    >>> model.expected_purchases(summary, horizon="39W").round(3)
    array([1.226, 0.195])
    >>> model.probability_alive(summary).round(3)
    array([0.727, 1.   ])

    Recency is an age, not the time that has passed since the last purchase:

    >>> model.expected_purchases(summary.assign(recency=[50.0, 0.0]), horizon="39W")
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the summary recency is after T in 1 of 2 rows, for example ...
    """

    _param_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    # Scaling a and b alike could not move the mean dropout a / (a + b), so each has its own.
    _effects: ClassVar[tuple[Effect, ...]] = (
        Effect("purchase", "purchase", "alpha", -1.0),
        Effect("dropout_a", "dropout", "a", 1.0),
        Effect("dropout_b", "dropout", "b", 1.0),
    )

    def simulate_summary(
        self, T: ArrayLike, random_state: int | np.random.Generator | None = None
    ) -> Array:
        """Draw the purchase histories of newcomers.

        Parameters
        ----------
        T : array-like of shape (n_customers,)
            Ages at the cutoff, in the model's unit of time.
        random_state : int or numpy.random.Generator, optional
            Seed, or the generator to draw from.

        Returns
        -------
        ndarray of shape (n_customers, 3)
            Frequency, recency and T, as :meth:`fit` takes them.
        """
        params = self._fitted_params()
        age = np.atleast_1d(horizon_in_units(T, self.time_unit))
        return bg.draw_histories(params, age, np.random.default_rng(random_state))

    def _start(self, rows: Rows, weights: Array) -> Array:
        # One purchase rate for all, a long-tailed spread of it, and moderate dropout.
        bought, observed = float(weights @ rows.frequency), float(weights @ rows.T)
        rate = (bought + 0.5) / observed if observed > 0 else _NO_RATE
        return np.log([0.5, 0.5 / rate, 1.0, 3.0])

    def _derivatives(self, log_params: Array, rows: Rows, weights: Array) -> Derivatives:
        return bg.derivatives(log_params, rows, weights)

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        return bg.row_derivatives(params, rows)

    def _log_likelihood(self, rows: Rows) -> Array:
        return bg.log_likelihood(self._params_with(rows.shifts), rows)

    def _alive(self, rows: Rows) -> Array:
        return bg.probability_alive(self._params_with(rows.shifts), rows)

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return bg.stays_alive(self._params_with(rows.shifts), rows, ahead)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return bg.purchases_if_alive(self._params_with(rows.shifts), rows, horizon)

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return bg.active_if_alive(self._params_with(rows.shifts), rows, horizon)

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        return bg.pmf_if_alive(self._params_with(rows.shifts), rows, horizon, n_max)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        return bg.draw(self._params_with(rows.shifts), rows, horizon, rng)

    def _time_scale(self, rows: Rows) -> Array:
        return self._params_with(rows.shifts)["alpha"] + rows.T

    def _given_alive(self, rows: Rows) -> Rows:
        return rows._replace(recency=np.zeros_like(rows.T))

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        return rate_boundaries(params, rows) + dropout_boundaries(params, rows)
