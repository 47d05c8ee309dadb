"""All that is scored of a prediction: spend, purchases, activity and the distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.levels import DISTRIBUTION_METRICS, LEVELS, crps, score_distribution
from benchmarks.scores import METRICS, align, score
from benchmarks.truth import Split
from clvkit.metrics import churn_auc, churn_brier, mae, total_bias

__all__ = ["ALL_METRICS", "PURCHASE_METRICS", "Scored", "score_prediction"]

PURCHASE_METRICS = ("purchases_mae", "purchases_bias", "active_auc", "active_brier")

ALL_METRICS = (*METRICS, *PURCHASE_METRICS, *DISTRIBUTION_METRICS)


class Scored:
    """A prediction beside what came.

    Attributes
    ----------
    spend : ndarray
        The predicted spend of each customer.
    crps : ndarray or None
        Of each customer, where the competitor tells a distribution.
    metrics : dict of str to float
        Those of :data:`ALL_METRICS` that there is something for, and ``without_prediction``.
    """

    def __init__(self, split: Split, prediction: pd.DataFrame) -> None:
        y = split.spend.to_numpy(dtype=np.float64)
        self.spend, absent = align(prediction["spend"], split.spend)
        self.metrics: dict[str, Any] = score(y, self.spend) | {"without_prediction": absent}
        self.metrics |= _score_purchases(split, prediction)
        self.crps: NDArray[np.float64] | None = None
        if str(LEVELS[0]) in prediction:
            columns = [align(prediction[str(level)], split.spend)[0] for level in LEVELS]
            quantiles = np.column_stack(columns)
            self.metrics |= score_distribution(y, quantiles)
            self.crps = crps(y, quantiles)


def score_prediction(split: Split, prediction: pd.DataFrame) -> dict[str, Any]:
    """Return the metrics of a prediction alone."""
    return Scored(split, prediction).metrics


def _score_purchases(split: Split, prediction: pd.DataFrame) -> dict[str, float]:
    """Score who buys, by the best that is told of it, and how often."""
    bought = split.purchases.to_numpy()
    names = [name for name in ("active", "purchases", "spend") if name in prediction]
    told = {name: align(prediction[name], split.spend)[0] for name in names}
    best = names[0]
    row = {"active_auc": churn_auc(bought, told[best])}
    if "active" in told:
        row["active_brier"] = churn_brier(bought, told["active"])
    if "purchases" in told:
        row["purchases_mae"] = mae(bought, told["purchases"])
        row["purchases_bias"] = total_bias(bought, told["purchases"])
    return row
