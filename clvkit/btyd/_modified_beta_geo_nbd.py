"""The MBG/NBD model."""

from __future__ import annotations

from clvkit.btyd._beta_geometric_model import BetaGeometricModel

__all__ = ["ModifiedBetaGeoNBD"]


class ModifiedBetaGeoNBD(BetaGeometricModel):
    r"""MBG/NBD: Poisson purchases, and a chance to drop out after every purchase.

    While alive a customer buys at random with rate :math:`\lambda`, and after each purchase, **the
    first one too**, is lost with probability p; :math:`\lambda \sim Gamma(r, \alpha)` and
    :math:`p \sim Beta(a, b)` differ between customers, independently. In the BG/NBD nobody is lost
    before the second purchase.

    Use it instead of :class:`BetaGeoNBD` where many customers buy once and it matters who of them
    is lost: ``probability_alive`` falls with age at frequency 0 too. A newcomer is alive with
    probability b / (a + b) only. It ignores season, trend and regular intervals between
    purchases as well; for the last see :class:`ModifiedBetaGeoCNBD`.

    Parameters
    ----------
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
        ``r``, ``alpha`` (in ``time_unit``), ``a`` and ``b``, then the coefficients, such as
        ``purchase.age``, ``dropout_a.age`` and ``dropout_b.age``.
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
    BetaGeoNBD : Nobody drops out before the second purchase.
    ModifiedBetaGeoCNBD : The same with regular intervals between purchases.

    References
    ----------
    Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical Validation and Comparison of
    Models for Customer Base Analysis. International Journal of Research in Marketing 24(3),
    201-209: likelihood and expectations of the MBG/NBD.

    Hoppe, D. and Wagner, U. (2007), Customer Base Analysis: The Case for a Central Variant of the
    Betageometric/NBD Model. Marketing Journal of Research and Management 3(2), 75-90.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import ModifiedBetaGeoNBD
    >>> model = ModifiedBetaGeoNBD.from_params(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> summary = pd.DataFrame({"frequency": [2, 0], "recency": [30.43, 0.0], "T": [38.86, 38.86]})
    >>> summary.attrs["time_unit"] = "7D"
    >>> model.expected_purchases(summary, horizon="39W").round(3)
    array([1.263, 0.154])
    >>> model.probability_alive(summary).round(3)
    array([0.706, 0.39 ])

    Frequency does not count the first purchase, so a customer of one purchase has recency 0:

    >>> model.expected_purchases(summary.assign(recency=[30.43, 1.0]), horizon="39W")
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the summary recency is positive although frequency is 0 in ...
    """

    _first = 1
