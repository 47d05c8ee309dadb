"""What a fitted model says of its own parameters, and how two models compare."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from clvkit.errors import ArgumentError

__all__ = ["LikelihoodRatioTest", "check_coverage", "estimates", "likelihood_ratio_test"]

Array = NDArray[np.float64]


def check_coverage(coverage: Any) -> float:
    """Return a coverage strictly between 0 and 1."""
    number = isinstance(coverage, Real) and not isinstance(coverage, bool)
    if not number or not 0.0 < float(coverage) < 1.0:
        raise ArgumentError(f"coverage={coverage!r} must lie between 0 and 1, such as 0.9.")
    return float(coverage)


def estimates(model: Any, coverage: float) -> pd.DataFrame:
    """Return the table of :meth:`clvkit.btyd.BetaGeoNBD.summary`.

    Positive parameters have intervals that are symmetric on the log scale, where the
    likelihood is nearest to a parabola; coefficients on their own.
    """
    reach = float(norm.ppf(0.5 + check_coverage(coverage) / 2.0))
    names = list(model.params_)
    k = len(model._param_names)
    value = np.array([model.params_[name] for name in names])
    error = np.array([model.standard_errors_[name] for name in names])
    with np.errstate(over="ignore"):
        factor = np.exp(reach * error[:k] / value[:k])
        lower = np.append(value[:k] / factor, value[k:] - reach * error[k:])
        upper = np.append(value[:k] * factor, value[k:] + reach * error[k:])
    # Whether a positive parameter is 0 is no question that its standard error answers.
    z = np.append(np.full(k, np.nan), value[k:] / error[k:])
    columns = {
        "estimate": value,
        "standard_error": error,
        "lower": lower,
        "upper": upper,
        "z": z,
        "p_value": 2.0 * norm.sf(np.abs(z)),
    }
    table = pd.DataFrame(columns, index=pd.Index(names, name="parameter"))
    return table if len(names) > k else table.drop(columns=["z", "p_value"])


class LikelihoodRatioTest(NamedTuple):
    """Result of :func:`likelihood_ratio_test`.

    Attributes
    ----------
    statistic : float
        Twice the difference of the log-likelihoods.
    df : int
        Number of parameters that the larger model has more.
    p_value : float
    """

    statistic: float
    df: int
    p_value: float


def likelihood_ratio_test(restricted: Any, full: Any) -> LikelihoodRatioTest:
    r"""Test a model against a larger one that contains it.

    Use it for covariates, or for ``NBD`` against ``ParetoNBD``: are the data more likely under
    the larger model than chance would make them?

    Parameters
    ----------
    restricted, full : fitted purchase or spend models
        Fitted to the same customers. ``restricted`` must be a special case of ``full``, which
        cannot be checked here but by its number of parameters and its likelihood.

    Returns
    -------
    LikelihoodRatioTest
        With ``statistic``, ``df`` and ``p_value``. Where the restriction lies on the boundary
        of the larger model (no dropout), the chi-square distribution is too wide, so that the
        p-value is on the safe side (at most twice too large for one parameter).

    Raises
    ------
    ArgumentError
        When ``full`` has no more parameters than ``restricted``, or fits worse, or a model was
        not fitted to data.

    References
    ----------
    Wilks, S. S. (1938), The Large-Sample Distribution of the Likelihood Ratio for Testing
    Composite Hypotheses. Annals of Mathematical Statistics 9(1), 60-62.

    Examples
    --------
    >>> from clvkit.btyd import BetaGeoNBD, likelihood_ratio_test
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories, rfm_summary
    >>> summary = rfm_summary(latest_histories(load_cdnow(), "1997-09-30"))
    >>> summary["first_half"] = (summary["T"] > 33).astype(float)
    >>> plain = BetaGeoNBD().fit(summary)
    >>> larger = BetaGeoNBD(covariates={"purchase": ["first_half"]}).fit(summary)
    >>> test = likelihood_ratio_test(plain, larger)
    >>> test.df, round(test.statistic, 1), round(test.p_value, 2)
    (1, 0.7, 0.39)
    >>> likelihood_ratio_test(larger, plain)
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: full has 4 parameters and restricted 5: give the larger ...
    """
    for name, model in (("restricted", restricted), ("full", full)):
        if not hasattr(model, "log_likelihood_"):
            raise ArgumentError(
                f"{name}={model!r} was not fitted to data: only such models have a likelihood to "
                "compare."
            )
    df = len(full.params_) - len(restricted.params_)
    if df < 1:
        raise ArgumentError(
            f"full has {len(full.params_)} parameters and restricted {len(restricted.params_)}: "
            "give the larger model second."
        )
    statistic = 2.0 * (full.log_likelihood_ - restricted.log_likelihood_)
    if statistic < -1e-6 * abs(full.log_likelihood_):
        raise ArgumentError(
            f"full fits worse than restricted (log-likelihood {full.log_likelihood_:.6g} against "
            f"{restricted.log_likelihood_:.6g}), which cannot be if it contains it. Were both "
            "fitted to the same customers, in the same unit of time, and without a prior?"
        )
    statistic = max(statistic, 0.0)
    return LikelihoodRatioTest(statistic, df, float(chi2.sf(statistic, df)))
