"""Validation of a cold start: customers are predicted by fits on other customers.

Whoever is in use meets customers that it was not fitted on, such as those who came after the
fit. Here no candidate has seen the customers that it predicts, neither labels nor histories: they
are dealt into five folds, the same ones at every origin, and each is predicted by fits on the
other four.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.automl._validation import N_CUSTOMER_FOLDS, Fold, Validation
from clvkit.history import customers_of

__all__ = ["across_customers", "hold_out_customers"]

Mask = NDArray[np.bool_]


def hold_out_customers(validation: Validation, X: pd.DataFrame, seed: int) -> Validation:
    """Return the validation with the customers of ``X`` dealt into folds.

    Where labels of one origin are known, candidates that learn from them are validated across
    the same folds.
    """
    customers = pd.Index(pd.unique(customers_of(X)))
    dealt = np.random.default_rng(seed).permutation(len(customers)) % N_CUSTOMER_FOLDS

    def hold_out(fold: Fold) -> Fold:
        folds = dealt[customers.get_indexer(customers_of(fold.X_test))]
        across = None if fold.customer_folds is None else folds
        return replace(fold, cold_folds=folds, customer_folds=across)

    return replace(validation, folds=[hold_out(fold) for fold in validation.folds])


def across_customers(
    X: pd.DataFrame, X_test: pd.DataFrame, folds: NDArray[np.int64]
) -> Iterator[tuple[Mask, Mask]]:
    """Yield, for each fold, the rows of ``X`` of other customers, and its own of ``X_test``."""
    customers, tested = pd.Index(customers_of(X)), customers_of(X_test)
    for k in np.unique(folds):
        test = folds == k
        yield ~customers.isin(tested[test]), test
