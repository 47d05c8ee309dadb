"""Net amounts of ranges of events, where rounding must not pass for money."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.utils._ragged import concatenated_ranges, segment_reduce

__all__ = ["RESIDUE", "net_amount"]

#: A net amount within this share of the gross is what rounding left of a full refund.
RESIDUE = 1e-9


def net_amount(
    amount: NDArray[np.float64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Sum ranges of amounts; a sum within a billionth of the gross counts as 0.

    In floating point 0.1 + 0.2 - 0.3 is 5.6e-17, which would make a purchase of a fully
    refunded order.

    Parameters
    ----------
    amount : ndarray of float64 of shape (n_events,)
    begin, end : ndarray of int64 of shape (n_ranges,)

    Returns
    -------
    ndarray of float64 of shape (n_ranges,)

    Examples
    --------
    >>> import numpy as np
    >>> amount = np.array([0.1, 0.2, -0.3, 8.0])
    >>> net_amount(amount, np.array([0, 0]), np.array([3, 4]))
    array([0., 8.])
    """
    net = segment_reduce(np.add, amount, begin, end, empty=0.0)
    lowest = segment_reduce(np.minimum, amount, begin, end, empty=0.0)
    # Only a range with a refund in it can cancel: the gross of the others is not needed.
    refunded = np.flatnonzero(lowest < 0)
    if len(refunded):
        first, last = begin[refunded], end[refunded]
        stop = np.cumsum(last - first)
        absolute = np.abs(amount[concatenated_ranges(first, last)])
        gross = segment_reduce(np.add, absolute, stop - (last - first), stop, empty=0.0)
        net[refunded[np.abs(net[refunded]) <= RESIDUE * gross]] = 0.0
    return net
