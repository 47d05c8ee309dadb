"""The Pareto/GGG model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd import _rhythm_draws as draws
from clvkit.btyd import _rhythm_future as future
from clvkit.btyd import _rhythm_likelihood as rhythm
from clvkit.btyd._boundaries import lifetime_boundaries, rate_boundaries, rhythm_boundaries
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._dedup import group_rows
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._rhythm_one_purchase import along_age
from clvkit.btyd._rhythm_outlook import outlook
from clvkit.btyd._summary import COLUMNS, Rows, read_rows
from clvkit.btyd._units import horizon_in_units

__all__ = ["ParetoGGG"]

Array = NDArray[np.float64]

#: Discount factors below e^-24 are nothing beside what else is left out.
_FAR = 24.0


class ParetoGGG(PurchaseModel):
    r"""Pareto/GGG: purchases at intervals as regular as each customer's own, until a lifetime ends.

    While alive a customer buys at intervals that are Gamma(k, k lambda): of mean
    :math:`1 / \lambda` and coefficient of variation :math:`1 / \sqrt k`. k = 1 is Poisson, a
    larger k a rhythm and a smaller one bursts. A lifetime is exponential with rate :math:`\mu`.
    :math:`k \sim Gamma(t, \gamma)`, :math:`\lambda \sim Gamma(r, \alpha)` and
    :math:`\mu \sim Gamma(s, \beta)` differ between customers, independently: three gammas.

    Use it where some customers have a rhythm and others have none: it learns from each customer's
    own intervals how soon a lull means that he is lost. Where purchases are random
    (:func:`regularity` about 1) it gains nothing over :class:`ParetoNBD`, which is much
    faster; where all are about equally regular :class:`ModifiedBetaGeoCNBD` does as well. It knows
    no season and no trend.

    The sum of the logarithms of a customer's intervals tells how regular they are. A summary of
    ``clvkit.history.rfm_summary(X, gaps=True)`` has it in the column ``log_gaps``; in an array it
    stands behind the four columns and any covariates. :class:`BTYDRegressor` gives it by itself.
    Without it the likelihood is that of frequency, recency and T alone, which tell little of k.

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
        ``t``, ``gamma``, ``r``, ``alpha``, ``s`` and ``beta`` (``alpha`` and ``beta`` in
        ``time_unit``), then the coefficients, such as ``purchase.age`` or ``dropout.age``.
    covariance_ : ndarray of shape (n_params, n_params)
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
    regularity : Whether purchases have a rhythm at all.
    ParetoNBD : The model of random purchases.
    ModifiedBetaGeoCNBD : One regularity for all customers, and dropout after a purchase.
    clvkit.history.rfm_summary : Makes summaries, with ``gaps=True`` for this model.

    Notes
    -----
    The paper estimates by MCMC and predicts by simulation. Here the likelihood is maximised and
    expectations are computed: lambda integrates out, the next purchase and k are integrated
    numerically, and the purchases after it follow from tables of the renewal function. Expected
    purchases and chances of being alive are good to about a millionth. Chances of a number of
    purchases and discounted purchases sum over the purchases of the horizon, which costs many
    times as much.

    Where t is 1 or less, so many customers come in endless bursts that a newcomer's expected
    purchases are infinite; what is returned then is large and means nothing. Those of customers
    with a history are finite.

    References
    ----------
    Platzer, M. and Reutterer, T. (2016), Ticking Away the Moments: Timing Regularity Helps to
    Better Predict Customer Activity. Marketing Science 35(5), 779-799.

    Examples
    --------
    Two customers bought five times and have been silent for 12 weeks. One had bought every
    eighth week, the other at any time:

    >>> import pandas as pd
    >>> from clvkit.btyd import ParetoGGG
    >>> model = ParetoGGG.from_params(t=1.7, gamma=0.37, r=0.95, alpha=5.2, s=0.43, beta=4.3)
    >>> summary = pd.DataFrame({"frequency": [5, 5], "recency": [40.0, 40.0], "T": [52.0, 52.0]})
    >>> summary["log_gaps"] = [10.39, 5.0]
    >>> summary.attrs["time_unit"] = "7D"
    >>> model.probability_alive(summary).round(2)
    array([0.59, 0.82])
    >>> model.expected_purchases(summary, horizon="52W").round(2)
    array([3.1 , 3.75])

    The sum of the logarithms cannot exceed that of equal intervals:

    >>> model.expected_purchases(summary.assign(log_gaps=12.0), horizon="52W")
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the summary log_gaps is missing, or more than gaps that ...
    """

    #: Asks for the sums of log gaps wherever histories are summarised for this model.
    _needs_log_gaps: ClassVar[bool] = True
    #: Customers that ``check_purchase_model`` tries the model on.
    _example: ClassVar[str] = "rhythms"
    _dropout_params: ClassVar[tuple[str, ...]] = ("s", "beta")
    _param_names: ClassVar[tuple[str, ...]] = ("t", "gamma", "r", "alpha", "s", "beta")
    _effects: ClassVar[tuple[Effect, ...]] = (
        Effect("purchase", "purchase", "alpha", -1.0),
        Effect("dropout", "dropout", "beta", -1.0),
    )

    def simulate_summary(
        self,
        T: ArrayLike,
        random_state: int | np.random.Generator | None = None,
        *,
        covariates: Any = None,
        gaps: bool = True,
    ) -> Array:
        """Draw the purchase histories of newcomers.

        Parameters
        ----------
        T : array-like of shape (n_customers,)
            Ages at the cutoff, in the model's unit of time.
        random_state : int or numpy.random.Generator, optional
            Seed, or the generator to draw from.
        covariates : mapping or DataFrame of 1 or n_customers rows, optional
            As in :meth:`expected_purchases_newcomer`.
        gaps : bool, default=True
            Whether to return what tells of the times between purchases too.

        Returns
        -------
        ndarray of shape (n_customers, 5 or 3)
            Frequency, recency and T, as :meth:`fit` takes them; with ``gaps`` a monetary value
            of 0 and the sum of the logarithms of the gaps besides.
        """
        self._fitted_params()
        age = np.atleast_1d(horizon_in_units(T, self.time_unit))
        params = self._params_with(self._newcomers(len(age), covariates).shifts)
        rng = np.random.default_rng(random_state)
        drawn, logs = draws.draw_histories(params, age, rng)
        return np.column_stack([drawn, np.zeros(len(age)), logs]) if gaps else drawn

    @property
    def _nested(self) -> str:
        return "the model without dropout"

    def _read_rows(self, summary: Any) -> Rows:
        place = len(COLUMNS) + len(self._covariate_names())
        return read_rows(summary, time_unit=self.time_unit, gaps_at=place)

    def _start(self, rows: Rows, weights: Array) -> Array:
        # As the Pareto/NBD, with k about 1.5 give or take its own size.
        r, alpha = nbd.start(rows.frequency, rows.T, weights)
        typical = float(weights @ rows.T / weights.sum())
        return np.log([1.5, 1.0, r, alpha, 1.0, typical if typical > 0 else 1.0])

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        return rhythm.row_derivatives(params, rows)

    def _without_dropout(self, params: Params, rows: Rows) -> RowDerivatives:
        at = rhythm.row_derivatives({**params, "s": 0.0}, rows)
        return RowDerivatives(at.value, at.gradient[2:4], at.hessian[2:4, 2:4])

    def _log_likelihood(self, rows: Rows) -> Array:
        return rhythm.log_likelihood(self._params_with(rows.shifts), rows)

    def _alive(self, rows: Rows) -> Array:
        return self._outlook(rows)[0]

    def _expected(self, rows: Rows, lengths: Array) -> Array:
        alive, expected = self._outlook(rows, lengths)
        return alive * expected

    def _outlook(self, rows: Rows, lengths: Array | None = None) -> tuple[Array, Array]:
        # Those who never came back are alike where they are of an age.
        ahead = np.zeros(len(rows.T)) if lengths is None else lengths
        groups = group_rows(*rows.columns, ahead)
        found = self._outlook_of_groups(rows.take(groups.first), ahead[groups.first])
        return found[0, groups.code], found[1, groups.code]

    def _outlook_of_groups(self, rows: Rows, ahead: Array) -> Array:
        by_age = (rows.frequency == 0.0) & (rows.T > 0.0)
        if rows.shifts or not by_age.any() or np.ptp(ahead) > 0.0:
            return self._each_outlook(rows, ahead)

        def at_ages(T: Array) -> Array:
            n = len(T)
            alike = rows.take(np.repeat(np.argmax(by_age), n))._replace(T=T)
            return self._each_outlook(alike, np.full(n, ahead[0]))

        found = np.empty((2, len(by_age)))
        found[:, by_age] = along_age(at_ages, rows.T[by_age])
        found[:, ~by_age] = self._each_outlook(rows.take(~by_age), ahead[~by_age])
        return found

    def _each_outlook(self, rows: Rows, ahead: Array) -> Array:
        alive, expected = outlook(self._params_with(rows.shifts), rows, ahead)
        # A timetable is beyond the tables, and newcomers may come in bursts without end.
        other = np.isnan(alive) | (rows.T == 0.0)
        if other.any():
            few = rows.take(other)
            params = self._params_with(few.shifts)
            alive[other] = rhythm.probability_alive(params, few)
            expected[other] = future.purchases_if_alive(params, few, ahead[other])
        return np.stack([alive, expected])

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return future.stays_alive(self._params_with(rows.shifts), rows, ahead)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return self._outlook(rows, horizon)[1]

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return future.active_if_alive(self._params_with(rows.shifts), rows, horizon)

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        return future.pmf_if_alive(self._params_with(rows.shifts), rows, horizon, n_max)

    def _if_alive(self, hook: Callable[[Rows, Array], Array], rows: Rows, lengths: Array) -> Array:
        groups = group_rows(*rows.columns, lengths)
        return hook(rows.take(groups.first), lengths[groups.first])[groups.code]

    def _discounted_if_alive(self, rows: Rows, horizon: Array, rate: float) -> Array:
        if rate == 0.0:
            return self._purchases_if_alive(rows, horizon)
        end = np.minimum(horizon, _FAR / rate)
        return future.purchases_if_alive(self._params_with(rows.shifts), rows, end, rate)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        return draws.draw(self._params_with(rows.shifts), rows, horizon, rng)

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        return [
            *rhythm_boundaries(params, rows),
            *rate_boundaries(params, rows),
            *lifetime_boundaries(params, rows, nested=self._nested),
        ]
