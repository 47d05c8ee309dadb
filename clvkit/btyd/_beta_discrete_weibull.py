"""The Beta-discrete-Weibull model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._contractual_model import ContractualModel
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._renewal_boundaries import churn_boundaries, churn_starts
from clvkit.btyd._tenures import Tenures

__all__ = ["BetaDiscreteWeibull"]

Array = NDArray[np.float64]

#: Shapes to start from: the first is the shifted Beta-geometric model, which it contains.
_SHAPES = (1.0, 0.5, 2.0)


class BetaDiscreteWeibull(ContractualModel):
    r"""Beta-discrete-Weibull: a chance to leave that differs, and changes with tenure.

    As :class:`ShiftedBetaGeo`, but a customer is still there after t renewals with probability
    :math:`(1-\theta)^{t^c}`. With c < 1 a customer's own chance to leave falls with his
    tenure, with c > 1 it rises; c = 1 is the shifted Beta-geometric model. Retention rates of
    a cohort may then fall first and rise later, or the reverse.

    Use it where :class:`ShiftedBetaGeo` misses the first periods or bends away from the last
    ones; ``likelihood_ratio_test`` tells whether the third parameter is worth it. It takes more
    data: with few periods heterogeneity and duration dependence are hard to tell apart, which
    shows in wide intervals beyond the data.

    Parameters
    ----------
    time_unit : str, default="1M"
        Length of a contract period. It counts for discounting and for horizons given as
        durations only; data are in periods.
    covariates : list of str, dict of lists, or None, default=None
        Columns of the tenures that move ``alpha`` and ``beta``, as in :class:`ShiftedBetaGeo`.
    prior : {"weak"}, dict or None, default=None
        As in :class:`ShiftedBetaGeo`; the weak prior of ``c`` has the median 1.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood, with respect to the
        logarithms of the parameters, exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps.

    Attributes
    ----------
    params_ : dict
        ``alpha``, ``beta`` (the paper's :math:`\gamma` and :math:`\delta`) and ``c``, then the
        coefficients.
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
    ShiftedBetaGeo : A customer's own chance stays what it is.
    likelihood_ratio_test : Is c worth it?

    References
    ----------
    Fader, P. S., Hardie, B. G. S., Liu, Y., Davin, J. and Steenburgh, T. (2018), "How to Project
    Customer Retention" Revisited: The Role of Duration Dependence. Journal of Interactive
    Marketing 43, 1-16.

    Examples
    --------
    >>> from clvkit.btyd import (
    ...     BetaDiscreteWeibull,
    ...     ShiftedBetaGeo,
    ...     likelihood_ratio_test,
    ...     tenures_from_cohorts,
    ... )
    >>> high_end = tenures_from_cohorts([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> model = BetaDiscreteWeibull(time_unit="1Y").fit(high_end)
    >>> round(model.params_["c"], 2)
    1.72
    >>> likelihood_ratio_test(ShiftedBetaGeo().fit(high_end), model).p_value < 0.001
    True
    >>> model.survival([1, 2, 3]).round(3)
    array([0.869, 0.74 , 0.655])
    >>> model.survival(1.5)
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: periods=1.5 must be whole: it counts renewals.
    """

    _param_names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "c")

    def _starts(self, rows: Tenures, weights: Array) -> list[Array]:
        return churn_starts(rows, weights, _SHAPES)

    def _boundaries(
        self, params: dict[str, float], rows: Tenures, weights: Array
    ) -> list[Boundary]:
        return churn_boundaries(params, rows, weights, nested="a discrete Weibull lifetime")
