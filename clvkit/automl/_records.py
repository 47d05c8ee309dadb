"""What a fit tells the tracker: one record after the other, plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from clvkit.automl._evaluation import Evaluation
from clvkit.automl._leaderboard import mean_metrics
from clvkit.automl._validation import Validation
from clvkit.history import latest_rows
from clvkit.serving import model_record, pipeline_record
from clvkit.tracking import (
    ArtifactRecord,
    CandidateRecord,
    FitRecord,
    Record,
    fingerprint,
)

if TYPE_CHECKING:
    from clvkit.automl._auto_clv import AutoCLV

__all__ = ["fit_records"]

#: Settings that say how the fit came about; logs and tables are no parameters.
_SETTINGS = (
    "n_trials",
    "timeout",
    "end",
    "customer_id",
    "date",
    "amount",
    "scoring",
    "n_origins",
    "random_state",
    "refunds",
    "duplicates",
    "granularity",
    "coverage",
)


def fit_records(
    auto: AutoCLV, evaluations: list[Evaluation], validation: Validation, X: pd.DataFrame
) -> Iterator[Record]:
    """Yield the records of a fit: the fit, its candidates, the leaderboard and the champion."""
    champion = next(e for e in evaluations if e.name == auto.leaderboard_.index[0])
    yield _fit_record(auto, champion, validation, X)
    for evaluation in evaluations:
        yield _candidate_record(evaluation)
    yield ArtifactRecord("leaderboard.csv", auto.leaderboard_)
    yield pipeline_record(auto.best_pipeline_)
    # The last one: a model that cannot be served (its columns clash) must cost itself only.
    yield model_record(auto.model_, register_as=auto.register_as)


def _fit_record(
    auto: AutoCLV, champion: Evaluation, validation: Validation, X: pd.DataFrame
) -> FitRecord:
    settings = {name: getattr(auto, name) for name in _SETTINGS}
    found = {f"champion__{name}": value for name, value in auto.best_params_.items()}
    best = auto.leaderboard_.iloc[0]
    return FitRecord(
        experiment=str(auto.tracking),
        params={"horizon": auto.horizon_, **settings, "scoring": auto._score_name, **found},
        metrics={"score": auto.best_score_, **mean_metrics(champion)},
        tags={
            "regime": validation.regime,
            "protocol": validation.protocol,
            "champion": str(best.name),
            "family": str(best["family"]),
        },
        dataset=fingerprint(latest_rows(X)),
        seconds=auto.fit_seconds_,
    )


def _candidate_record(evaluation: Evaluation) -> CandidateRecord:
    """Return the record of a candidate; its origins in the order of time."""
    failed = bool(evaluation.error)
    pairs = zip(evaluation.scores, evaluation.metrics, strict=True)
    by_origin = [] if failed else [{"score": score, **metrics} for score, metrics in pairs][::-1]
    metrics = {} if failed else {"score": evaluation.score, **mean_metrics(evaluation)}
    return CandidateRecord(
        name=evaluation.name,
        family=evaluation.candidate.family,
        params=evaluation.params,
        metrics=metrics,
        origin_metrics=by_origin,
        seconds=evaluation.fit_seconds + evaluation.predict_seconds,
        failed=failed,
        tags={"error": evaluation.error} if failed else {},
    )
