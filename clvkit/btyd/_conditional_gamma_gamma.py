"""The Gamma-Gamma model for spend that depends on how often customers buy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._gamma_gamma import GammaGamma
from clvkit.btyd._summary import COLUMNS

__all__ = ["ConditionalGammaGamma"]

Array = NDArray[np.float64]

_COVARIATE = "log_frequency"


class ConditionalGammaGamma(GammaGamma):
    r"""Gamma-Gamma whose mean spend depends on how often a customer buys.

    Where frequent customers spend more (or less) per purchase than others, the independence
    that :class:`GammaGamma` assumes misjudges them. Here the scale of a customer's spend is
    :math:`\gamma x^c`, with x the number of repeat purchases (1 for those without any) and c a
    further parameter: a customer who buys ten times as often spends :math:`10^c` times as much per
    purchase.

    Use it when :func:`check_independence` finds a dependence, or try it beside the plain model
    on a hold-out; it has one parameter more. It treats the frequency as a given trait, so that
    what is learnt holds for logs of the same length only.

    Parameters
    ----------
    covariates : list of str or dict, default=None
        Further columns of the summary that move ``gamma``, as for :class:`GammaGamma`.
    prior : {"weak"}, dict or None, default=None
        As for :class:`GammaGamma`; the label of ``c`` is ``"spend"`` as for all coefficients.
    tol : float, default=1e-8
        The search ends when no slope of the mean log-likelihood exceeds this.
    max_iter : int, default=200
        Largest number of Newton steps.

    Attributes
    ----------
    params_ : dict
        ``p``, ``q``, ``gamma`` and ``spend.log_frequency`` (c).
    covariance_, standard_errors_, log_likelihood_, aic_, bic_, converged_, n_iter_, boundary_
        As for :class:`GammaGamma`.

    See Also
    --------
    likelihood_ratio_test : Whether the dependence is more than chance.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013), The Gamma-Gamma Model of Monetary Value; the
    covariate enters as in Fader and Hardie (2007), Incorporating Time-Invariant Covariates into
    the Pareto/NBD and BG/NBD Models.

    Examples
    --------
    >>> from clvkit.btyd import ConditionalGammaGamma
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories, rfm_summary
    >>> summary = rfm_summary(latest_histories(load_cdnow(), "1997-09-30"))
    >>> model = ConditionalGammaGamma().fit(summary)
    >>> round(model.params_["spend.log_frequency"], 2)
    0.17
    >>> ConditionalGammaGamma().fit(summary.query("frequency == 0"))
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: None of 1411 customers has frequency > 0 and monetary_value ...
    """

    def _prepare(self, summary: Any) -> Any:
        return _with_frequency(summary)

    def _covariates_of(self) -> dict[str, list[str]]:
        return {"spend": [_COVARIATE, *super()._covariates_of()["spend"]]}


def _with_frequency(summary: Any) -> Any:
    """Add the logarithm of the frequency, where an array has its first covariate."""
    if hasattr(summary, "columns"):
        if COLUMNS[0] not in summary.columns:
            return summary  # refused by the reader, with its message
        frequency = np.asarray(summary[COLUMNS[0]], dtype=float)
        return summary.assign(**{_COVARIATE: _log(frequency)})
    matrix = np.asarray(summary, dtype=float)
    if matrix.ndim != 2:
        return summary
    at = len(COLUMNS)
    return np.insert(matrix, min(at, matrix.shape[1]), _log(matrix[:, 0]), axis=1)


def _log(frequency: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.log(np.maximum(frequency, 1.0))
