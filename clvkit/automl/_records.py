"""What a fit tells the tracker: one record after the other, plain data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.automl._evaluation import Evaluation
from clvkit.automl._leaderboard import mean_metrics
from clvkit.automl._validation import Validation
from clvkit.history import latest_rows
from clvkit.inspection import CumulativeGainsDisplay, DecileCalibrationDisplay
from clvkit.serving import model_record, pipeline_record
from clvkit.tracking import (
    ArtifactRecord,
    CandidateRecord,
    FitRecord,
    Record,
    describe_environment,
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

_DISPLAYS = {
    CumulativeGainsDisplay: "cumulative_gains.png",
    DecileCalibrationDisplay: "decile_calibration.png",
}


@dataclass(frozen=True)
class Plot:
    """A plot of predictions that is drawn when it is written.

    Parameters
    ----------
    display : type
        A Display with ``from_predictions``.
    y_true, y_pred : ndarray of float64
    name : str
        Of the model, for the legend.
    """

    display: Any
    y_true: NDArray[np.float64]
    y_pred: NDArray[np.float64]
    name: str

    def plot(self, ax: Any) -> Any:
        """Draw on the axes."""
        return self.display.from_predictions(self.y_true, self.y_pred, name=self.name, ax=ax)


def fit_records(
    auto: AutoCLV, evaluations: list[Evaluation], validation: Validation, X: pd.DataFrame
) -> Iterator[Record]:
    """Yield the records of a fit: the fit, its candidates, tables, plots and the champion."""
    champion = next(e for e in evaluations if e.name == auto.leaderboard_.index[0])
    yield _fit_record(auto, champion, validation, X)
    for evaluation in evaluations:
        yield _candidate_record(evaluation)
    yield ArtifactRecord("leaderboard.csv", auto.leaderboard_)
    yield from _plots(auto, champion.name)
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
            "regime": validation.name,
            "protocol": validation.protocol,
            "champion": str(best.name),
            "family": str(best["family"]),
        },
        dataset=fingerprint(latest_rows(X)),
        environment=describe_environment(),
        seconds=auto.fit_seconds_,
        ended=time.time(),
    )


def _plots(auto: AutoCLV, name: str) -> Iterator[ArtifactRecord]:
    """Yield the plots of the champion's predictions out of time, all origins together."""
    y_true, y_pred = (auto.oof_predictions_[column].to_numpy() for column in ("y_true", "y_pred"))
    if y_true.min() < 0 or y_true.sum() <= 0:  # labels of the user's own may be anything
        return
    for kind, file in _DISPLAYS.items():
        yield ArtifactRecord(f"plots/{file}", Plot(kind, y_true, y_pred, name))


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
