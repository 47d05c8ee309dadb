"""Which rows early stopping is judged on: other customers than those of the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from clvkit.errors import ArgumentError

__all__ = ["CUSTOMER_ID", "held_out_mask", "held_out_share"]

#: The index level by which rows of one customer are kept together.
CUSTOMER_ID = "customer_id"


def held_out_mask(rows: ArrayLike, n_samples: int) -> NDArray[np.bool_]:
    """Return the rows that the caller holds out as a mask.

    Parameters
    ----------
    rows : array-like of bool of shape (n_samples,), or of int
        A mask, or positions of rows.
    n_samples : int
        Number of rows.

    Raises
    ------
    ArgumentError
        When ``rows`` is neither, or leaves nothing on one side.
    """
    given = np.asarray(rows)
    mask = np.zeros(n_samples, dtype=bool)
    if given.dtype == bool and given.shape == (n_samples,):
        mask = given
    elif given.dtype.kind in "iu" and given.ndim == 1:
        if given.size and (given.min() < 0 or given.max() >= n_samples):
            odd = given[(given < 0) | (given >= n_samples)]
            raise ArgumentError(
                f"validation_rows holds {len(odd)} positions outside 0 to {n_samples - 1}, such as "
                f"{odd[0]}."
            )
        mask[given] = True
    else:
        raise ArgumentError(
            f"validation_rows must be a mask of shape ({n_samples},) or positions of rows, got "
            f"{given.dtype} of shape {given.shape}."
        )
    return _with_two_sides(mask)


def held_out_share(
    X: Any, n_samples: int, fraction: float, random_state: np.random.RandomState
) -> NDArray[np.bool_]:
    """Draw a share of the customers and return a mask of all their rows.

    Snapshots of one customer share most of their features and, where label windows overlap, part
    of the label. A row whose customer stands among the training rows would flatter every tree
    more, so customers are held out whole. Each row is a customer of its own where ``X`` has no
    index level ``customer_id``.
    """
    index = getattr(X, "index", None)
    if isinstance(index, pd.Index) and CUSTOMER_ID in index.names:
        customer, customers = pd.factorize(index.get_level_values(CUSTOMER_ID))
        n_customers = len(customers)
    else:
        customer, n_customers = np.arange(n_samples), n_samples
    held_out = np.zeros(n_customers, dtype=bool)
    held_out[random_state.permutation(n_customers)[: max(1, round(fraction * n_customers))]] = True
    return _with_two_sides(held_out[customer])


def _with_two_sides(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if mask.all() or not mask.any():
        raise ArgumentError(
            f"Early stopping needs rows to train on and rows held out, and {mask.sum()} of "
            f"{len(mask)} rows are held out. Change validation_fraction or validation_rows, or set "
            "early_stopping_rounds=None."
        )
    return mask
