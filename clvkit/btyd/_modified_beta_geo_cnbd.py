"""The MBG/CNBD-k model."""

from __future__ import annotations

from clvkit.btyd._regular_model import RegularModel

__all__ = ["ModifiedBetaGeoCNBD"]


class ModifiedBetaGeoCNBD(RegularModel):
    r"""MBG/CNBD-k: purchases at regular intervals, and dropout after any purchase.

    While alive a customer buys at intervals that are Erlang-k with rate :math:`\lambda`, which are
    the more regular the larger k is, and after each purchase, **the first one too**, is lost with
    probability p. :math:`\lambda \sim Gamma(r, \alpha)` and :math:`p \sim Beta(a, b)` differ
    between customers, independently, and k is the same for all.

    Use it where customers have a rhythm, as in groceries, refills or donations: a lull then tells
    much more than where purchases are random. On irregular logs k is 1, which is
    :class:`ModifiedBetaGeoNBD`. It ignores season and trend, and a rhythm that differs between
    customers.

    How regular purchases are is seen best in the times between them. A summary of
    ``clvkit.history.rfm_summary(X, gaps=True)`` has their logarithms in the column ``log_gaps``; in
    an array they stand behind the four columns and any covariates. :class:`BTYDRegressor` gives
    them by itself. Without them k is judged by what frequency, recency and T tell of it, the
    likelihood of all purchase times that lead there; for a fixed k the estimates of the other
    parameters are the same with them and without, and only the log-likelihood is shifted.

    Parameters
    ----------
    k : int or None, default=None
        Phases of the intervals between purchases, at most 50: 1 is Poisson, and the larger, the
        more regular. None takes the one of 1 to 12 with the highest likelihood.
    time_unit : str, default="7D"
        The unit of time of ``alpha``, of numeric horizons and of summaries given as arrays. A
        calendar unit such as ``"1M"`` counts by its average length.
    covariates : list of str, dict of lists, or None, default=None
        Columns of the summary that move the parameters: for each process in a mapping
        (``{"purchase": [...], "dropout": [...]}``), or a list for both. Numbers enter as they
        are, categories as indicators. A coefficient of ``purchase`` divides ``alpha`` by its
        exponential; ``a`` and ``b`` are multiplied, each with coefficients of its own.
    shared_covariates : sequence of str, default=()
        Those of ``covariates`` that have one coefficient for all processes.
    prior : {"weak"}, dict or None, default=None
        Normal priors on the logarithms of the parameters. ``"weak"`` centres them on values
        typical for data of this scale, with a standard deviation of 2; a mapping gives
        ``{"b": (median, sd)}`` for parameters and ``{"purchase": sd}`` for coefficients.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood, with respect to the
        logarithms of the parameters, exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps; ten are usual.

    Attributes
    ----------
    params_ : dict
        ``r``, ``alpha`` (in ``time_unit``), ``a`` and ``b``. r / alpha is the mean rate of phases;
        that of purchases is a k-th of it. Then the coefficients of covariates.
    k_ : int
        The number of phases in use. It is not among ``params_``; ``aic_`` and ``bic_`` count it
        where the data chose it.
    log_likelihood_by_k_ : list of float
        Of k = 1, ..., 12, or of the k that was given.
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
    ModifiedBetaGeoNBD : The same at k = 1.
    BetaGeoCNBD : Nobody drops out before the second purchase.
    clvkit.history.rfm_summary : Makes summaries, with ``gaps=True`` for the choice of k.

    Notes
    -----
    Expectations are exact: phases of the current interval that have ended already are summed over.
    The approximation of the paper, and of BTYDplus, takes a customer for one with Poisson
    purchases of rate :math:`\lambda / k`, and is off by some percent.

    References
    ----------
    Reutterer, T., Platzer, M. and Schröder, N. (2021), Leveraging Purchase Regularity for
    Predicting Customer Behavior the Easy Way. International Journal of Research in Marketing
    38(1), 194-215.

    Platzer, M. and Reutterer, T. (2016), Ticking Away the Moments: Timing Regularity Helps to
    Better Predict Customer Activity. Marketing Science 35(5), 779-799.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import ModifiedBetaGeoCNBD
    >>> model = ModifiedBetaGeoCNBD.from_params(k=2, r=1.33, alpha=2.81, a=0.42, b=0.79)
    >>> summary = pd.DataFrame({"frequency": [9, 9], "recency": [40.0, 50.0], "T": [52.0, 52.0]})
    >>> summary.attrs["time_unit"] = "7D"
    >>> model.expected_purchases(summary, horizon="52W").round(2)
    array([4.26, 7.71])
    >>> model.probability_alive(summary).round(3)
    array([0.507, 0.951])

    Parameters belong to a k, which cannot be chosen without data:

    >>> ModifiedBetaGeoCNBD.from_params(r=1.33, alpha=2.81, a=0.42, b=0.79)
    Traceback (most recent call last):
        ...
    clvkit.errors.UnknownNameError: ModifiedBetaGeoCNBD.from_params: 'k' missing. ...
    """

    _first = 1
