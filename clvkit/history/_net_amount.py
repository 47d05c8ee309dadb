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
    # Where nothing is negative nothing cancels. Else the gross is added up only where the net is
    # so small that it could be a residue: no gross exceeds the length times the largest amount.
    if len(amount) and amount.min() < 0:
        most = 2 * RESIDUE * max(float(amount.max()), -float(amount.min()))
        doubtful = np.flatnonzero((net != 0) & (np.abs(net) <= most * (end - begin)))
        first, last = begin[doubtful], end[doubtful]
        stop = np.cumsum(last - first)
        absolute = np.abs(amount[concatenated_ranges(first, last)])
        gross = segment_reduce(np.add, absolute, stop - (last - first), stop, empty=0.0)
        net[doubtful[np.abs(net[doubtful]) <= RESIDUE * gross]] = 0.0
    return net
