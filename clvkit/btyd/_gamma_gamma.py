"""The Gamma-Gamma model of spend per purchase."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from clvkit.btyd import _gamma_gamma_likelihood as gg
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._likelihood_model import ALIKE, Boundary, LikelihoodModel, shifted
from clvkit.btyd._maximum_likelihood import Estimate, Problem, estimate
from clvkit.btyd._newton import Objective
from clvkit.btyd._summary import read_spend, read_weights
from clvkit.errors import SummaryError

__all__ = ["GammaGamma"]

Array = NDArray[np.float64]

#: The mean spend of the population is p gamma / (q - 1): q must stay clear of 1.
_LEAST_Q = 1.1
#: Spends that differ by less are equal.
_SAME = 1e-9


class GammaGamma(LikelihoodModel):
    r"""Gamma-Gamma: how much a customer spends per purchase.

    A customer's purchases are :math:`Gamma(p, \nu)` about an own mean, and
    :math:`\nu \sim Gamma(q, \gamma)` differs between customers. The conditional expectation of
    the mean spend is the customer's own average, drawn towards that of the population the more
    the fewer purchases there are.

    Use it beside a purchase model. It assumes that spend does not depend on how often
    customers buy, and that it does not change with time.

    Parameters
    ----------
    covariates : list of str, dict of lists, or None, default=None
        Columns of the summary that move the scale of spend: ``gamma`` is multiplied by the
        exponential of the coefficients. Numbers enter as they are, categories as indicators.
    prior : {"weak"}, dict or None, default=None
        Normal priors on the logarithms of the parameters. ``"weak"`` centres them on values
        typical for data of this scale, with a standard deviation of 2; a mapping gives
        ``{"q": (median, sd)}`` for parameters and ``{"spend": sd}`` for coefficients.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood, with respect to the
        logarithms of the parameters, exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps.

    Attributes
    ----------
    params_ : dict
        ``p``, ``q`` and ``gamma`` (in the currency of the data). Where the likelihood is
        highest at a q below 1.1, q is 1.1: at q of 1 or less the population's mean spend would be
        infinite.
    covariance_ : ndarray of shape (3, 3)
        Covariance of the estimates of the **logarithms** of the parameters. Parameters on a
        boundary have NaN.
    standard_errors_ : dict
        Standard errors of the parameters themselves (delta method).
    log_likelihood_, aic_, bic_ : float
        Of the customers that the model was fitted to.
    converged_ : bool
        Whether the slope vanished at the end of the search.
    n_iter_ : int
        Number of Newton steps.
    boundary_ : list of str
        Parameters that ran to the boundary of their range, of which a warning told.

    See Also
    --------
    BetaGeoNBD : When customers buy.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013), The Gamma-Gamma Model of Monetary Value:
    likelihood eq. 1a, conditional expectation eq. 5.
    http://www.brucehardie.com/notes/025/

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import GammaGamma
    >>> model = GammaGamma.from_params(p=6.25, q=3.74, gamma=15.44)
    >>> summary = pd.DataFrame({"frequency": [2, 1, 0], "monetary_value": [22.35, 100.0, 0.0]})
    >>> model.expected_spend(summary).round(2)
    array([24.66, 80.26, 35.22])

    Only customers with a repeat purchase tell about spend:

    >>> GammaGamma().fit(summary.tail(1))
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: None of 1 customers has frequency > 0 and monetary_value > 0: ...
    """

    _param_names: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")
    _effects: ClassVar[tuple[Effect, ...]] = (Effect("spend", "spend", "gamma", 1.0),)
    _param_floors: ClassVar[dict[str, float]] = {"q": 1.0}
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "covariates": ["array-like", dict, None],
        "prior": [StrOptions({"weak"}), dict, None],
        "tol": [Interval(Real, 0.0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        covariates: list[str] | dict[str, list[str]] | None = None,
        prior: str | dict[str, Any] | None = None,
        tol: float = 1e-8,
        max_iter: int = 200,
    ) -> None:
        self.covariates = covariates
        self.prior = prior
        self.tol = tol
        self.max_iter = max_iter

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, summary: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 4)
            A frame with the columns ``frequency`` (repeat purchases) and ``monetary_value``
            (mean amount of a repeat purchase), or an array with frequency, recency, T and
            monetary value in this order. Customers with 0 in either are left out.
        y : ignored
            Present for the API of scikit-learn.
        sample_weight : array-like of shape (n_customers,), optional
            How many customers each row stands for.

        Returns
        -------
        self

        Raises
        ------
        SummaryError
            When the summary holds what no customer can have, or no spend at all.

        Warns
        -----
        BoundaryWarning
            When customers do not differ, purchases of one customer do not differ, or the
            spends have so long a tail that their mean cannot be told.
        CovariateWarning
            When covariates are the same for every customer, or collinear: their coefficients have
            no standard errors.
        """
        summary = self._prepare(summary)
        x, spend = read_spend(summary)
        design = self._learn_design(summary)
        weights = read_weights(sample_weight, len(x))
        used = (x > 0) & (spend > 0) & (weights > 0)
        if not used.any():
            raise SummaryError(
                f"None of {len(x)} customers has frequency > 0 and monetary_value > 0: there is "
                "nothing to learn about spend. Fit on customers with repeat purchases, or use "
                "GammaGamma.from_params."
            )
        x, spend, design, weights = x[used], spend[used], design[used], weights[used]
        if np.ptp(spend) <= _SAME * spend.max():
            found = self._constant(x, spend, weights)
        else:
            found = self._search(x, spend, design, weights)
        params = self._as_params(found.central)
        self._keep(found, float(weights.sum()), _boundaries(params))
        return self

    def log_likelihood(self, summary: Any) -> Array:
        """Return the log-likelihood of each customer's mean spend.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 4)
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers,)
            0 for customers who are left out of a fit.
        """
        self._fitted_params()
        summary = self._prepare(summary)
        x, spend = read_spend(summary)
        used = (x > 0) & (spend > 0)
        params = self._params_with(tuple(shift[used] for shift in self._read_shifts(summary)))
        out = np.zeros(len(x))
        out[used] = gg.log_likelihood(params, x[used], spend[used])
        return out

    def expected_spend(self, summary: Any) -> Array:
        """Return the expected spend per purchase of each customer.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 4)
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers,)
            The mean of the population where frequency or monetary value is 0.
        """
        params, x, spend = self._known(summary)
        p, q, gamma = (params[name] for name in self._param_names)
        # Eq. 5 as one fraction: as a weighted mean of the population's and the own mean it would
        # multiply 0 by infinity near q = 1.
        return p * (gamma + x * spend) / (p * x + (q - 1.0))

    def posterior(self, summary: Any) -> tuple[float, Array, Array]:
        r"""Return what is known of each customer's own distribution of spend.

        Given :math:`\nu` a purchase is worth :math:`Gamma(p, \nu)`, and :math:`\nu` is
        :math:`Gamma(shape, rate)` given the customer's history (Fader and Hardie 2013, eq. 4).

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 4)
            As in :meth:`fit`.

        Returns
        -------
        p : float
        shape, rate : ndarrays of shape (n_customers,)
            Those of the population where frequency or monetary value is 0.
        """
        params, x, spend = self._known(summary)
        p = params["p"]
        return p, p * x + params["q"], params["gamma"] + x * spend

    def _known(self, summary: Any) -> tuple[dict[str, Any], Array, Array]:
        """Return parameters, purchases that tell about spend, and their mean, row by row."""
        self._fitted_params()
        summary = self._prepare(summary)
        x, spend = read_spend(summary)
        params = self._params_with(self._read_shifts(summary))
        return params, np.where(spend > 0, x, 0.0), spend

    def _prepare(self, summary: Any) -> Any:
        """Return the summary with what the model needs beyond its columns."""
        return summary

    def _search(self, x: Array, spend: Array, design: Array, weights: Array) -> Estimate:
        def objective_of(index: Any, own: Array) -> Objective:
            return gg.Spends(x[index], spend[index], own).derivatives

        def row_derivatives(index: Any, log_params: Array, moved: Any) -> RowDerivatives:
            params = shifted(dict(self._as_params(log_params)), self._effects, moved)
            return gg.row_derivatives(params, x[index], spend[index])

        lower = np.array([-np.inf, np.log(_LEAST_Q), -np.inf])
        start = gg.start(spend, weights)
        return estimate(
            Problem(self._param_names, start, objective_of, row_derivatives, lower),
            weights,
            design=design,
            names_and_terms=self._names_and_terms(),
            prior=self.prior,
            tol=self.tol,
            max_iter=self.max_iter,
        )

    def _constant(self, x: Array, spend: Array, weights: Array) -> Estimate:
        names, _ = self._names_and_terms()
        optimum = gg.constant_spend(x, spend, weights, len(names))
        fixed = np.ones(len(names), dtype=bool)
        return Estimate(optimum, names, 0.0, fixed, optimum.log_params[:3])


def _boundaries(params: dict[str, float]) -> list[Boundary]:
    p, q = params["p"], params["q"]
    if p > ALIKE and q > ALIKE:
        return [
            Boundary(
                ("p", "q", "gamma"),
                "all spends are practically equal, so there is no variation to estimate. "
                "The expected spend of a customer who spent that is that.",
            )
        ]
    found = []
    if p > ALIKE:
        meaning = "the purchases of one customer are all of the same amount."
        found.append(Boundary(("p", "gamma"), meaning))
    if q > ALIKE:
        meaning = "customers do not differ in their mean spend; everyone is expected to spend it."
        found.append(Boundary(("q", "gamma"), meaning))
    if q <= _LEAST_Q * (1.0 + 1e-9):
        meaning = (
            f"the spends have so long a tail that their population mean, which is finite only "
            f"for q > 1, cannot be told from them. It is kept at {_LEAST_Q}; look for outliers, "
            "or cap monetary_value."
        )
        found.append(Boundary(("q",), meaning))
    return found
