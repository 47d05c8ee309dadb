"""How sure a difference between two candidates is, with customers drawn anew.

Scores of two candidates at the same origins go up and down together, for a few large customers
decide both. So every candidate is scored on the same resamples of the customers, and differences
are taken resample by resample. A customer is drawn with all his rows, at every origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.automl._predictions import CandidatePredictions
from clvkit.automl._validation import Fold, Validation
from clvkit.history import customers_of
from clvkit.metrics import get_clv_scorer

__all__ = ["CustomerBootstrap", "draw_customers"]

#: Resamples: enough to know a standard error to a tenth of itself.
N_RESAMPLES = 50

#: The power of ``d2_tweedie``, and its floor relative to the mean.
_POWER, _FLOOR = 1.5, 1e-3


@dataclass(frozen=True)
class CustomerBootstrap:
    """Resamples of the customers of a validation.

    Attributes
    ----------
    counts : list of ndarray of uint8 of shape (n_resamples, n_rows)
        How often each row of each fold was drawn.
    """

    counts: list[NDArray[np.uint8]]

    def scores(
        self, scorer: Any, fold: Fold, which: int, asked: CandidatePredictions
    ) -> list[float]:
        """Return the score of a candidate on every resample of a fold, the ``which``-th one."""
        counts = self.counts[which]
        if _is_d2_tweedie(scorer):
            values = _d2_of_resamples(fold.y_test, asked.predictions, counts)
        else:
            values = np.array([_score_of_rows(scorer, fold, asked, count) for count in counts])
        # Six digits of a score in a resample are more than enough, and keep a study small.
        return [float(f"{value:.6g}") for value in values]


def draw_customers(validation: Validation, seed: int) -> CustomerBootstrap:
    """Draw the resamples, the same ones for every candidate."""
    customers = [customers_of(fold.X_test) for fold in validation.folds]
    code, unique = pd.factorize(np.concatenate(customers))
    rng = np.random.default_rng([seed, 0xB007])
    drawn = np.empty((N_RESAMPLES, len(unique)), dtype=np.uint8)
    for resample in drawn:
        picked = rng.integers(len(unique), size=len(unique))
        resample[:] = np.minimum(np.bincount(picked, minlength=len(unique)), 255)
    ends = np.cumsum([len(part) for part in customers])[:-1]
    return CustomerBootstrap([drawn[:, part] for part in np.split(code, ends)])


def _is_d2_tweedie(scorer: Any) -> bool:
    """Whether it is the default scorer, alone or as the one that ranks among several."""
    ranking = getattr(scorer, "scorers", {}).get(getattr(scorer, "name", None), scorer)
    return ranking is get_clv_scorer("d2_tweedie")


def _d2_of_resamples(
    y: NDArray[np.float64], prediction: NDArray[np.float64], counts: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return the D2 of each resample from sums over its rows.

    The deviance of a row is a sum of terms in powers of y and mu alone (Jorgensen 1997, chapter
    4), so that of all rows at one mean needs no more than three sums. The floor of the predictions
    is that of all rows.
    """
    weight = counts.astype(np.float64)
    floored = np.maximum(prediction, _FLOOR * y.mean())
    power = weight @ y ** (2 - _POWER) / ((1 - _POWER) * (2 - _POWER))
    spend, n_rows = weight @ y, weight.sum(axis=1)

    def deviance(y_term: Any, mu_term: Any) -> Any:
        return power - y_term / (1 - _POWER) + mu_term / (2 - _POWER)

    with np.errstate(divide="ignore", invalid="ignore"):
        mean = spend / n_rows
        of_mean = deviance(spend * mean ** (1 - _POWER), n_rows * mean ** (2 - _POWER))
        explained = deviance(
            weight @ (y * floored ** (1 - _POWER)), weight @ floored ** (2 - _POWER)
        )
        return 1 - explained / of_mean


def _score_of_rows(
    scorer: Any, fold: Fold, asked: CandidatePredictions, count: NDArray[np.uint8]
) -> float:
    """Return any score of a resample, NaN where it has none (nobody bought)."""
    rows = np.repeat(np.arange(len(count)), count)
    parts = asked.components
    parts = parts.iloc[rows] if isinstance(parts, pd.DataFrame) else parts
    drawn = CandidatePredictions(asked.predictions[rows], parts)
    try:
        return float(scorer(drawn, fold.X_test.iloc[rows], fold.y_test[rows]))
    except ValueError:
        return np.nan
