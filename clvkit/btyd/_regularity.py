"""Whether customers buy at regular intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import digamma

from clvkit.btyd._summary import COLUMNS, read_rows
from clvkit.errors import SummaryError

__all__ = ["Regularity", "regularity"]

#: Bisections of the logarithm of k, and the range of k in which it is sought.
_STEPS, _RANGE = 60, (1e-2, 1e3)
#: Intervals that a customer must have for their spread to tell anything.
_FEWEST = 2


class Regularity(NamedTuple):
    """Result of :func:`regularity`.

    Attributes
    ----------
    k : float
        Shape of the gamma distribution of the times between purchases: 1 where purchases are
        random, more where they are regular, less where they come in bursts.
    standard_error : float
        Of ``k``.
    n_customers : int
        Customers with two repeat purchases or more, who tell about it.
    """

    k: float
    standard_error: float
    n_customers: int


def regularity(summary: Any, *, time_unit: str = "7D") -> Regularity:
    r"""Return how regular purchases are, over all customers.

    Take it before choosing a model. Where k is clearly above 1, models of regular purchases
    (:class:`ParetoGGG`, :class:`ModifiedBetaGeoCNBD`) tell the lost from the silent better than
    those of random ones. It takes all customers to be equally regular, and times between purchases
    to be complete: where many customers have been observed for little longer than one of them,
    short ones are seen more often, which makes k look somewhat off.

    Shares of a customer's time up to the last purchase do not depend on the rate. As those of
    Gamma(k) times they are Dirichlet(k, ..., k), whatever the rates are, and k is where the mean
    of their logarithms is as it should be,

    .. math::
        \sum_i \sum_{j \le x_i} \log \frac{g_{ij}}{t_{x,i}}
        = \sum_i x_i \, [\psi(k) - \psi(x_i k)] ,

    the maximum-likelihood estimate given frequency and recency. Wheat and Morrison (1990) use the
    spread of the share of one of two neighbouring intervals in the same way.

    Parameters
    ----------
    summary : DataFrame or array-like of shape (n_customers, 5)
        A frame with ``frequency``, ``recency``, ``T`` and ``log_gaps``, as
        ``clvkit.history.rfm_summary(X, gaps=True)`` makes it, or an array with ``log_gaps`` behind
        ``monetary_value``.
    time_unit : str, default="7D"
        Unit of an array's times; a frame knows its own.

    Returns
    -------
    Regularity
        With ``k``, ``standard_error`` and ``n_customers``.

    Raises
    ------
    SummaryError
        When the summary has no ``log_gaps``, or nobody has bought three times.

    See Also
    --------
    ParetoGGG : A regularity for each customer.
    clvkit.features.CadenceFeatures : The statistic of Wheat and Morrison of each customer.

    References
    ----------
    Wheat, R. D. and Morrison, D. G. (1990), Estimating Purchase Regularity with Two Interpurchase
    Times. Journal of Marketing Research 27(1), 87-93.

    Examples
    --------
    >>> from clvkit import latest_histories
    >>> from clvkit.btyd import regularity
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import rfm_summary
    >>> X = latest_histories(load_cdnow(), "1997-09-30")
    >>> round(regularity(rfm_summary(X, gaps=True)).k, 1)
    1.0
    >>> regularity(rfm_summary(X))
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: The summary has no column 'log_gaps', ...
    """
    rows = read_rows(summary, time_unit=time_unit, gaps_at=len(COLUMNS))
    if rows.log_gaps is None:
        raise SummaryError(
            "The summary has no column 'log_gaps', from which regularity is seen: make it by "
            "clvkit.history.rfm_summary(X, gaps=True)."
        )
    used = rows.frequency >= _FEWEST
    if not used.any():
        raise SummaryError(
            "No customer of the summary has two repeat purchases, so that there are no two "
            "times between purchases to compare. Bring longer histories."
        )
    x, last = rows.frequency[used], rows.recency[used]
    counts, number = np.unique(x, return_counts=True)
    target = float((rows.log_gaps[used] - x * np.log(last)).sum())

    def excess(k: float) -> float:
        return target - float(number @ (counts * (digamma(k) - digamma(counts * k))))

    low, high = np.log(_RANGE)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(np.exp(middle)) > 0 else (low, middle)
    k = float(np.exp(low))
    slope = (excess(k * (1 - 1e-4)) - excess(k * (1 + 1e-4))) / (2e-4 * k)
    return Regularity(k, float(slope**-0.5), int(used.sum()))
