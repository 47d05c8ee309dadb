"""The table of all candidates, the best one first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from clvkit.automl._evaluation import Evaluation
from clvkit.automl._validation import Validation

__all__ = ["make_leaderboard", "mean_metrics"]


def make_leaderboard(
    evaluations: list[Evaluation], validation: Validation, scoring: str
) -> pd.DataFrame:
    """Return one row a trial, indexed by the name of the candidate.

    Returns
    -------
    DataFrame of shape (n_trials, n_columns)
        ``family``, ``regime``, ``score`` (mean over the origins of the scorer that ranks,
        greater is better) and ``score_std``; the mean of every metric; the score of each origin
        as ``score@1998-03-31``; ``fit_seconds``, ``predict_seconds``, ``trial``, ``params``;
        ``warnings`` that it gave, of which only the winner's are shown, when it is fitted on
        everything; and, for candidates that failed, ``error``. ``attrs`` names the scoring and
        the protocol.
    """
    rows = [_row(evaluation, validation) for evaluation in evaluations]
    table = pd.DataFrame(rows).set_index("candidate")
    # Ties go to the trial that came first: the simpler candidates are tried first.
    table = table.sort_values(["score", "trial"], ascending=[False, True], na_position="last")
    table.attrs = {"scoring": scoring, "protocol": validation.protocol}
    return table


def _row(evaluation: Evaluation, validation: Validation) -> dict[str, Any]:
    scores = evaluation.scores if not evaluation.error else []
    origins = [fold.origin for fold in validation.folds]
    by_origin = dict.fromkeys((f"score@{origin}" for origin in origins), float("nan"))
    by_origin |= {f"score@{origin}": s for origin, s in zip(origins, scores, strict=False)}
    return {
        "candidate": evaluation.name,
        "family": evaluation.candidate.family,
        "regime": validation.regime,
        "score": evaluation.score,
        "score_std": float(np.std(scores)) if scores else float("nan"),
        **mean_metrics(evaluation),
        **by_origin,
        "fit_seconds": evaluation.fit_seconds,
        "predict_seconds": evaluation.predict_seconds,
        "trial": evaluation.trial,
        "params": evaluation.params,
        "warnings": "; ".join(evaluation.warnings),
        "error": evaluation.error,
    }


def mean_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return the mean of every metric over the origins; nothing for a candidate that failed."""
    if evaluation.error or not evaluation.metrics:
        return {}
    table = pd.DataFrame(evaluation.metrics)
    return {str(name): float(value) for name, value in table.mean(skipna=False).items()}
