"""The shifted Beta-geometric model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._contractual_model import ContractualModel
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._renewal_boundaries import churn_boundaries, churn_starts
from clvkit.btyd._tenures import Tenures

__all__ = ["ShiftedBetaGeo"]

Array = NDArray[np.float64]


class ShiftedBetaGeo(ContractualModel):
    r"""Shifted Beta-geometric: a chance to leave at each renewal, which differs between customers.

    Each time a contract is due a customer refuses with probability :math:`\theta`, always the
    same for him; :math:`\theta \sim Beta(\alpha, \beta)` differs between customers. Those who
    stay are those who leave rarely, so that the retention rate of a cohort rises with its age
    although nobody changes.

    Use it for subscriptions, memberships, insurances: wherever it is seen that a customer has left.
    Two parameters and a few periods are enough to project a retention curve well beyond the data.
    Where a customer's own chance changes with his tenure :class:`BetaDiscreteWeibull` fits
    better. It knows neither season nor price. Where customers leave without saying so take
    :class:`BetaGeoNBD`.

    Parameters
    ----------
    time_unit : str, default="1M"
        Length of a contract period. It counts for discounting and for horizons given as
        durations only; data are in periods.
    covariates : list of str, dict of lists, or None, default=None
        Columns of the tenures that move ``alpha`` and ``beta``, each multiplied by the
        exponential of coefficients of its own (Fader and Hardie 2007b). The difference of a
        covariate's two coefficients is what it adds to the logit of the mean churn at the first
        renewal. A mapping has the key ``"churn"``.
    prior : {"weak"}, dict or None, default=None
        Normal priors on the logarithms of the parameters. ``"weak"`` centres them on the mean
        churn of the data, with a standard deviation of 2; a mapping gives
        ``{"alpha": (median, sd)}`` for parameters and ``{"churn_alpha": sd}`` for coefficients.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood, with respect to the
        logarithms of the parameters, exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps.

    Attributes
    ----------
    params_ : dict
        ``alpha`` and ``beta``, then the coefficients, such as ``churn_alpha.age`` and
        ``churn_beta.age``.
    covariance_ : ndarray of shape (n_params, n_params)
        Covariance of the estimates of the **logarithms** of the parameters and of the
        coefficients, in the order of ``params_``. Parameters on a boundary have NaN.
    information_ : ndarray of shape (n_params, n_params)
        Its inverse, in which a boundary does no harm: minus the second derivatives.
    standard_errors_ : dict
        Standard errors of the parameters themselves (delta method).
    log_likelihood_, aic_, bic_ : float
        Of the data that the model was fitted to, with the number of customers as sample size.
    converged_ : bool
        Whether the slope vanished at the end of the search.
    n_iter_ : int
        Number of Newton steps.
    boundary_ : list of str
        Parameters that ran to the boundary of their range, of which a warning told.

    See Also
    --------
    BetaDiscreteWeibull : A customer's own chance changes with his tenure.
    tenures_from_cohorts : Tenures of counts by cohort.
    ContractualCLVRegressor : From a log of payments to expected spend.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2007), How to Project Customer Retention. Journal of
    Interactive Marketing 21(1), 76-90: survival eq. 6, retention eq. 8, data table 1.

    Fader, P. S. and Hardie, B. G. S. (2010), Customer-Base Valuation in a Contractual Setting:
    The Perils of Ignoring Heterogeneity. Marketing Science 29(1), 85-93: residual lifetime eq. 6.

    Fader, P. S. and Hardie, B. G. S. (2007b), Incorporating Time-Invariant Covariates into the
    Pareto/NBD and BG/NBD Models. http://www.brucehardie.com/notes/019/

    Examples
    --------
    The "regular" customers of the paper, of whom seven years were observed:

    >>> from clvkit.btyd import ShiftedBetaGeo, tenures_from_cohorts
    >>> regular = tenures_from_cohorts([1000, 631, 468, 382, 326, 289, 262, 241])
    >>> model = ShiftedBetaGeo(time_unit="1Y").fit(regular)
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'alpha': 0.704, 'beta': 1.182}
    >>> round(model.survival(12), 3)
    0.17
    >>> model.retention_curve(3).frame().round(3)
            retention  lower  upper
    period
    1           0.627  0.602  0.651
    2           0.756  0.742  0.769
    3           0.819  0.805  0.832

    Somebody who has renewed once, and is to renew in a year, discounted at 10 % a year:

    >>> round(model.expected_residual_lifetime(1, discount_rate=0.1), 2)
    3.73
    >>> ShiftedBetaGeo().fit([[0, 1]])
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the tenures a customer was lost before a renewal was due, ...
    """

    _param_names: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def _starts(self, rows: Tenures, weights: Array) -> list[Array]:
        return churn_starts(rows, weights, (1.0,))

    def _boundaries(
        self, params: dict[str, float], rows: Tenures, weights: Array
    ) -> list[Boundary]:
        return churn_boundaries(params, rows, weights, nested="a geometric lifetime")
