"""The BG/NBD model."""

from __future__ import annotations

from clvkit.btyd._beta_geometric_model import BetaGeometricModel

__all__ = ["BetaGeoNBD"]


class BetaGeoNBD(BetaGeometricModel):
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
    ModifiedBetaGeoNBD : Customers may drop out after the first purchase already.
    BetaGeoCNBD : The same with regular intervals between purchases.
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

    _first = 0
