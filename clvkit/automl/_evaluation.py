"""Fitting one candidate at the origins, and what comes out of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from clvkit.automl._bootstrap import CustomerBootstrap
from clvkit.automl._cold_start import across_customers
from clvkit.automl._level import scale_to
from clvkit.automl._model_size import count_bytes
from clvkit.automl._predictions import CandidatePredictions
from clvkit.automl._scoring import other_scores
from clvkit.automl._sharing import SharedResults, SharingTrial, share
from clvkit.automl._validation import Fold, Validation
from clvkit.automl.candidates import Candidate
from clvkit.errors import ClvkitError
from clvkit.metrics import clv_metrics
from clvkit.utils._deadline import check_deadline
from clvkit.utils._warnings import collected

__all__ = ["Evaluation", "evaluate", "level_scores", "scaled_to_truth"]


@dataclass
class Evaluation:
    """What one candidate with its parameters did.

    Attributes
    ----------
    candidate : Candidate
    params : dict
    trial : int
        Number of the trial.
    scores : list of float
        Of each origin, greater is better.
    scaled_scores : list of float
        The same with the predictions' total scaled to the truth; in the regime ``single`` only.
    metrics : list of dict of str to float
        Of each origin.
    fit_seconds, predict_seconds : float
        Of all origins together.
    feature_seconds : float
        The part of both that went into features and purchase models, which other trials share.
    saved_seconds : float
        What both would have taken longer, had others not computed some of these before.
    predictions : list of ndarray or None
        Out-of-fold predictions of each origin.
    model_bytes : int or None
        Size of the model fitted at the first origin, where it can be told.
    resampled_scores : list of list of float
        Of each origin, on resamples of the customers that are the same for all candidates.
    is_pruned : bool
        Whether it was given up after its first origin.
    error : str
        Why it failed, or nothing.
    warnings : list of str
        What it warned of, each message once; none of it was shown.
    """

    candidate: Candidate
    params: dict[str, Any]
    trial: int
    scores: list[float] = field(default_factory=list)
    scaled_scores: list[float] = field(default_factory=list)
    metrics: list[dict[str, float]] = field(default_factory=list)
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    feature_seconds: float = 0.0
    saved_seconds: float = 0.0
    predictions: list[NDArray[np.float64]] | None = None
    model_bytes: int | None = None
    resampled_scores: list[list[float]] = field(default_factory=list)
    is_pruned: bool = False
    error: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The candidate's name, with the trial's number where its parameters were searched."""
        searched = self.params and self.candidate.family != "ensemble"
        return f"{self.candidate.name}-{self.trial}" if searched else self.candidate.name

    @property
    def seconds(self) -> float:
        """What the trial took."""
        return self.fit_seconds + self.predict_seconds

    @property
    def score(self) -> float:
        """Mean score over the origins; NaN where it failed, or was not tried at all of them."""
        is_whole = self.scores and not self.error and not self.is_pruned
        return float(np.mean(self.scores)) if is_whole else float("nan")

    @property
    def state(self) -> str:
        """``"finished"``, ``"pruned"`` or ``"failed"``."""
        if self.error:
            return "failed"
        return "pruned" if self.is_pruned else "finished"


def evaluate(
    candidate: Candidate,
    params: dict[str, Any],
    trial: int,
    validation: Validation,
    scorer: Any,
    random_state: int,
    *,
    shared: SharedResults | None = None,
    bootstrap: CustomerBootstrap | None = None,
    is_hopeless: Callable[[float], bool] | None = None,
) -> Evaluation:
    """Validate a candidate at every origin; a failure is a result with its message.

    Warnings are kept, not shown: most candidates lose. The winner gives its own when it is fitted
    on everything. What other trials have computed is taken from the ``shared`` results, which
    makes no difference but to the time. Where ``is_hopeless`` says so of the score at the first
    origin, the others are left out.
    """
    result = Evaluation(candidate, params, trial, predictions=[])
    sharing = SharingTrial(SharedResults() if shared is None else shared)
    try:
        with collected() as result.warnings:
            for which, fold in enumerate(validation.folds):
                check_deadline()
                estimator = share(_estimator(result, fold, validation, random_state), sharing)
                asked = _evaluate_fold(result, estimator, fold, validation, scorer)
                if is_hopeless is not None and which == 0 and is_hopeless(result.scores[0]):
                    result.is_pruned = True
                    break
                if bootstrap is not None:
                    drawn = bootstrap.scores(scorer, fold, which, asked)
                    result.resampled_scores.append(drawn)
    except Exception as error:  # a user's estimator may raise anything, and must not end the search
        result.error = f"{type(error).__name__}: {error}"
        result.predictions = None
    result.feature_seconds, result.saved_seconds = sharing.seconds, sharing.saved_seconds
    return result


def _estimator(result: Evaluation, fold: Fold, validation: Validation, random_state: int) -> Any:
    labels = "histories" if fold.y_train is None and fold.customer_folds is None else "given"
    return result.candidate.estimator(
        validation.horizon, random_state=random_state, params=result.params, labels=labels
    )


def _evaluate_fold(
    result: Evaluation, estimator: Any, fold: Fold, validation: Validation, scorer: Any
) -> CandidatePredictions:
    """Fit, predict and score at one origin; return what was predicted."""
    X, y = _training_rows(result.candidate, fold)
    groups = fold.cold_folds
    if groups is None and result.candidate.label_trained:
        groups = fold.customer_folds
    if groups is None:
        _fit(result, estimator, X, y)
        prediction, components = _predict(result, estimator, fold.X_test)
    else:
        prediction, components = _across_customers(result, estimator, (X, y), fold.X_test, groups)
    prediction = scale_to(prediction, fold.total)
    asked = CandidatePredictions(prediction, components)
    score = float(scorer(asked, fold.X_test, fold.y_test))
    if not np.isfinite(score):
        raise ClvkitError(f"its score at the origin {fold.origin} is {score}")
    result.scores.append(score)
    others = other_scores(scorer, asked, fold.X_test, fold.y_test)
    if validation.regime == "single" and fold.total is None:
        scaled = CandidatePredictions(scaled_to_truth(prediction, fold.y_test), components)
        result.scaled_scores.append(float(scorer(scaled, fold.X_test, fold.y_test)))
    active = components.get("probability_active")
    result.metrics.append(clv_metrics(fold.y_test, prediction, active) | others)
    assert result.predictions is not None
    result.predictions.append(prediction)
    return asked


def scaled_to_truth(prediction: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale the total to the truth; where it cannot be scaled it stays as it is."""
    total = prediction.sum()
    return prediction * (y.sum() / total) if total > 0 and y.sum() > 0 else prediction


def level_scores(evaluations: list[Evaluation]) -> None:
    """Make the scores of the regime ``single`` comparable, in place.

    Candidates validated across customers were fitted on labels of the very period they are
    scored on, so they know its level (a season, a trend), and the others do not. The two kinds
    are therefore compared with both totals scaled to the truth. Among themselves, candidates
    validated out of time keep their own totals: a baseline that is three times too high must not
    win because its order is right.

    One number does both. The best candidate out of time loses something by not knowing the level:
    its score with the total scaled, less its own. Every candidate across customers is charged the
    same for having known it. Where its own score is below the scaled one, it knew the level and
    missed it all the same; its own counts then.
    """
    fair = [e for e in evaluations if e.scaled_scores and not e.candidate.label_trained]
    best = max(fair, key=lambda e: e.scores[0], default=None)
    charge = 0.0 if best is None else max(best.scaled_scores[0] - best.scores[0], 0.0)
    for evaluation in evaluations:
        if evaluation.scaled_scores and evaluation.candidate.label_trained:
            known = min(evaluation.scores[0], evaluation.scaled_scores[0])
            evaluation.scores = [known - charge]


def _training_rows(candidate: Candidate, fold: Fold) -> tuple[pd.DataFrame, Any]:
    """Return what a candidate is fitted on at an origin, before customers are left out."""
    if candidate.label_trained and fold.customer_folds is not None:
        return fold.X_test, fold.y_test
    if candidate.label_trained and fold.X_train is not None:
        return fold.X_train, fold.y_train
    return fold.X_known, None


def _across_customers(
    result: Evaluation,
    estimator: Any,
    data: tuple[pd.DataFrame, Any],
    X_test: pd.DataFrame,
    groups: NDArray[np.int64],
) -> tuple[NDArray[np.float64], Any]:
    """Predict the customers of each group by a fit on the others."""
    X, y = data
    prediction = np.empty(len(X_test))
    positions, parts = [], []
    for known, test in across_customers(X, X_test, groups):
        model = clone(estimator)
        _fit(result, model, X[known], None if y is None else y[known])
        prediction[test], components = _predict(result, model, X_test[test])
        positions.append(np.flatnonzero(test))
        parts.append(components)
    if not all(isinstance(part, pd.DataFrame) for part in parts):
        return prediction, {}
    return prediction, pd.concat(parts).iloc[np.argsort(np.concatenate(positions))]


def _fit(result: Evaluation, estimator: Any, X: pd.DataFrame, y: Any) -> None:
    start = time.perf_counter()
    estimator.fit(X, y)
    result.fit_seconds += time.perf_counter() - start
    if result.model_bytes is None:
        result.model_bytes = count_bytes(estimator)


def _predict(
    result: Evaluation, estimator: Any, X: pd.DataFrame
) -> tuple[NDArray[np.float64], Any]:
    start = time.perf_counter()
    prediction = np.asarray(estimator.predict(X), dtype=np.float64)
    result.predict_seconds += time.perf_counter() - start
    if prediction.shape != (len(X),) or not np.isfinite(prediction).all():
        raise ClvkitError(
            f"predict must return one finite number a row, got shape {prediction.shape} with "
            f"{(~np.isfinite(prediction)).sum()} values that are not finite"
        )
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    ask = getattr(last, "predict_components", None)
    simple = hasattr(estimator, "steps") and len(estimator.steps) == 1
    return prediction, ask(X) if ask is not None and simple else {}
