"""Which candidate is the champion."""

from __future__ import annotations

import numpy as np

from clvkit.automl._ensemble import best_of_each, build_ensemble
from clvkit.automl._evaluation import Evaluation, evaluate
from clvkit.automl._search import Search
from clvkit.errors import ClvkitError

__all__ = ["choose", "quickest"]

#: Seconds that a fit takes in which there is no need to look for a quicker one.
_QUICK = 1.0


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
    """Return what is fitted where the champion cannot be: the best one of those that are quick.

    Quick is what took at most twice as long as the quickest, or a second.
    """
    others = [
        evaluation
        for evaluation in evaluations
        if evaluation is not champion
        and evaluation.predictions is not None
        and np.isfinite(evaluation.score)
    ]
    least = min((_total_seconds(one) for one in others), default=0.0)
    quick = [one for one in others if _total_seconds(one) <= max(_QUICK, 2.0 * least)]
    return max(quick, key=lambda one: (one.score, -one.trial), default=None)


def _total_seconds(evaluation: Evaluation) -> float:
    return evaluation.seconds + evaluation.saved_seconds


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
