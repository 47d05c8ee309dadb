"""The frequency, recency, T and monetary value of the literature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.history._access import get_histories
from clvkit.history._granularity import get_granularity
from clvkit.history._net_amount import net_amount
from clvkit.history._purchases import Purchases, find_purchases
from clvkit.utils._duration import parse_duration
from clvkit.utils._ragged import segment_reduce

__all__ = ["repeat_spend", "rfm_summary"]


def rfm_summary(
    X: Any, *, time_unit: str = "7D", granularity: str | None = None, gaps: bool = False
) -> pd.DataFrame:
    """Summarise histories as purchase and spend models want them.

    Parameters
    ----------
    X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
        Of ``n_samples`` rows.
    time_unit : str, default="7D"
        Unit of recency and T: a duration of fixed length. Weeks by default, as in most of
        the literature; times are exact, never rounded.
    granularity : str or None, default=None
        The period in which several purchases count as one (``"D"``, ``"W"``, ``"h"``, ...).
        By default that of the histories, a day.
    gaps : bool, default=False
        Whether to add ``log_gaps``, from which models of regular purchases learn how regular.

    Returns
    -------
    DataFrame of shape (n_samples, 4 or 5)
        With the index of ``X`` and ``attrs["time_unit"]`` set:

        - ``frequency``: number of repeat purchases (purchases less the first);
        - ``recency``: age at the last purchase, 0 without a repeat purchase;
        - ``T``: age at the cutoff, both counted in whole periods from the first purchase;
        - ``monetary_value``: mean net amount per repeat purchase; refunds lower the purchase
          before them. 0 without a repeat purchase, and never negative;
        - ``log_gaps``, if asked for: sum of the logarithms of the times between purchases, in
          ``time_unit``.

        Customers with refunds only have frequency 0 and T from their first event.

    Raises
    ------
    HistoryTypeError
        If ``X`` has no history column, or one with missing histories.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science
    24(2), section 4.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories, rfm_summary
    >>> summary = rfm_summary(latest_histories(load_cdnow(), cutoff="1997-09-30"))
    >>> summary.head(2).round(3)
                            frequency  recency       T  monetary_value
    customer_id cutoff
    1           1997-09-30        2.0   30.429  38.857          22.345
    2           1997-09-30        1.0    1.714  38.857          11.770
    >>> rfm_summary(load_cdnow())
    Traceback (most recent call last):
        ...
    clvkit.errors.HistoryTypeError: X has no column 'history' ...
    """
    array = get_histories(X)
    period = get_granularity(granularity) if granularity else array.dtype.period
    purchases = find_purchases(array, period)
    unit = parse_duration(time_unit, name="time_unit").ticks("s")
    frequency = np.maximum(purchases.count - 1, 0)
    summary = pd.DataFrame(
        {
            "frequency": frequency.astype(np.float64),
            "recency": purchases.age_at_last * period.seconds / unit,
            "T": purchases.age * period.seconds / unit,
            "monetary_value": repeat_spend(purchases) / np.maximum(frequency, 1),
        },
        index=getattr(X, "index", None),
    )
    if gaps:
        summary["log_gaps"] = log_gaps(purchases, period.seconds / unit)
    summary.attrs["time_unit"] = time_unit
    return summary


def log_gaps(purchases: Purchases, unit: float) -> NDArray[np.float64]:
    """Return each row's sum of log gaps between purchases, a period being ``unit`` long."""
    gap = np.diff(purchases.period, prepend=0)
    begin = np.minimum(purchases.begin + 1, purchases.end)  # nothing comes before the first
    gap[purchases.begin[purchases.count > 0]] = 1
    logs = np.log(gap * unit)
    return segment_reduce(np.add, logs, begin, purchases.end, empty=0.0)


def repeat_spend(purchases: Purchases) -> NDArray[np.float64]:
    """Return each row's spend in repeat purchases: without the first, and never negative."""
    later = purchases.amount.copy()
    later[purchases.begin[purchases.count > 0]] = 0.0
    return np.maximum(net_amount(later, purchases.begin, purchases.end), 0.0)
