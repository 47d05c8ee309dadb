"""Which candidate is the champion."""

from __future__ import annotations

import numpy as np

from clvkit.automl._ensemble import best_of_each, build_ensemble
from clvkit.automl._evaluation import Evaluation, evaluate
from clvkit.automl._search import Search
from clvkit.errors import ClvkitError

__all__ = ["choose", "quickest"]


def choose(evaluations: list[Evaluation], search: Search, *, ensemble: bool) -> Evaluation:
    """Return the mixture of the candidates, or the one with the best score.

    Parameters
    ----------
    evaluations : list of Evaluation
        A mixture is appended to it.
    search : Search
    ensemble : bool
        Whether a mixture is tried.

    Raises
    ------
    ClvkitError
        When no candidate could be validated.
    """
    scored = [evaluation for evaluation in evaluations if np.isfinite(evaluation.score)]
    if not scored:
        first = evaluations[0]
        raise ClvkitError(
            f"none of {len(evaluations)} candidates could be validated; {first.name}: {first.error}"
        )
    best = max(scored, key=lambda evaluation: (evaluation.score, -evaluation.trial))
    for one in best_of_each(scored) if ensemble else [best]:
        if one.predictions is None:  # it comes from an earlier run of the study
            one.predictions = _again(one, search).predictions
    if not ensemble:
        return best
    mixture = build_ensemble(
        scored, search.validation, search.scorer, search.seed, bootstrap=search.bootstrap
    )
    if mixture is None:
        return best
    evaluations.append(mixture)
    return mixture


def quickest(evaluations: list[Evaluation], champion: Evaluation) -> Evaluation | None:
    """Return the candidate that is fitted in the shortest time, where the champion cannot be."""
    others = [
        evaluation
        for evaluation in evaluations
        if evaluation is not champion
        and evaluation.predictions is not None
        and np.isfinite(evaluation.score)
    ]
    return min(others, key=lambda one: (one.seconds + one.saved_seconds, one.trial), default=None)


def _again(one: Evaluation, search: Search) -> Evaluation:
    return evaluate(
        one.candidate,
        one.params,
        one.trial,
        search.validation,
        search.scorer,
        search.seed,
        shared=search.shared,
    )
