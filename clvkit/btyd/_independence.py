"""Whether spend per purchase depends on how often customers buy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import chi2

from clvkit.btyd._conditional_gamma_gamma import ConditionalGammaGamma
from clvkit.btyd._gamma_gamma import GammaGamma
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._summary import read_spend
from clvkit.errors import IndependenceWarning
from clvkit.utils._warnings import warn_user

__all__ = ["Independence", "check_independence", "warn_of_dependence"]

#: A tenfold frequency that doubles or halves spend is worth a warning; less is common (factors
#: of 1.0 to 1.5 on the logs tried) and costs little.
_MUCH = 2.0
_CHANCE = 1e-3
#: Customers that are enough to see it.
_ENOUGH = 4_000
_EXPONENT = "spend.log_frequency"


class Independence(NamedTuple):
    """Result of :func:`check_independence`.

    Attributes
    ----------
    exponent : float
        c of a spend per purchase that grows like frequency to the power of c; 0 is
        independence.
    standard_error : float
        Of the exponent.
    p_value : float
        Probability of so large a dependence by chance.
    factor : float
        How many times as much per purchase a customer spends who buys ten times as often.
    n_customers : int
        Customers with a repeat purchase, who tell about it.
    """

    exponent: float
    standard_error: float
    p_value: float
    factor: float
    n_customers: int


def check_independence(summary: Any, model: GammaGamma | None = None) -> Independence:
    r"""Check what the Gamma-Gamma model assumes: spend does not depend on frequency.

    A plain correlation of frequency and mean spend misleads: means of few purchases are more
    skewed than means of many, which alone makes ranks correlate. This fits the exponent c in
    :math:`\gamma x^c` (see :class:`ConditionalGammaGamma`) and tests it by the likelihood ratio.

    Parameters
    ----------
    summary : DataFrame or array-like of shape (n_customers, 4)
        As in :meth:`GammaGamma.fit`.
    model : GammaGamma, optional
        Fitted to the same summary; it is fitted here if left out.

    Returns
    -------
    Independence
        With ``exponent``, ``standard_error``, ``p_value``, ``factor`` and ``n_customers``.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: Using Iso-Value Curves for Customer Base Analysis,
    Journal of Marketing Research 42(4), where the assumption is checked on CDNOW.

    Examples
    --------
    >>> from clvkit.btyd import check_independence
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories, rfm_summary
    >>> summary = rfm_summary(latest_histories(load_cdnow(), "1997-09-30"))
    >>> found = check_independence(summary)
    >>> round(found.factor, 1), found.p_value < 0.001
    (1.5, True)
    """
    plain = GammaGamma().fit(summary) if model is None else model
    return _compare(summary, plain, ConditionalGammaGamma(covariates=plain.covariates))


class _QuietGammaGamma(GammaGamma):
    """Says nothing of boundaries: the fit that was asked for has said it already."""

    def _warn(self, boundaries: list[Boundary]) -> None:
        pass


class _QuietConditional(ConditionalGammaGamma):
    """As above."""

    def _warn(self, boundaries: list[Boundary]) -> None:
        pass


def _compare(summary: Any, plain: GammaGamma, larger: ConditionalGammaGamma) -> Independence:
    conditional = larger.fit(summary)
    x, spend = read_spend(summary)
    exponent = conditional.params_[_EXPONENT]
    likelihood = float(np.sum(plain.log_likelihood(summary)))
    statistic = max(2.0 * (conditional.log_likelihood_ - likelihood), 0.0)
    return Independence(
        exponent,
        conditional.standard_errors_[_EXPONENT],
        float(chi2.sf(statistic, 1)),
        10.0**exponent,
        int(np.count_nonzero((x > 0) & (spend > 0))),
    )


def warn_of_dependence(summary: Any, weights: Any = None) -> None:
    """Warn where spend depends on frequency by more than is usual.

    ``weights`` say how many customers each row stands for.
    """
    x, spend = read_spend(summary)
    used = np.flatnonzero((x > 0) & (spend > 0))
    up_to = np.cumsum(np.ones(len(used)) if weights is None else np.asarray(weights)[used])
    n_used = int(up_to[-1])
    places = np.linspace(0, n_used - 1, min(n_used, _ENOUGH)).astype(np.intp)
    some = used[np.searchsorted(up_to, places, side="right")]
    part = summary.iloc[some] if hasattr(summary, "iloc") else summary[some]
    found = _compare(part, _QuietGammaGamma().fit(part), _QuietConditional())
    much = found.factor > _MUCH or found.factor < 1.0 / _MUCH
    if much and found.p_value < _CHANCE:
        warn_user(
            "spend per purchase depends on how often customers buy: of "
            f"{n_used} customers with repeat purchases those who buy ten times as "
            f"often spend {found.factor:.3g} times as much per purchase (p = "
            f"{found.p_value:.1g}), and the Gamma-Gamma model takes them to be independent. Try "
            'spend_model="conditional".',
            IndependenceWarning,
        )
