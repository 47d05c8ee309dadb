"""The table of all candidates, the best one first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.plotting import PlotAccessor

from clvkit.automl._evaluation import Evaluation
from clvkit.automl._leaderboard_display import LeaderboardDisplay
from clvkit.automl._validation import Validation
from clvkit.errors import CandidateWarning
from clvkit.utils._warnings import warn_user

__all__ = ["Leaderboard", "make_leaderboard", "mean_metrics", "warn_of_failures"]

#: The interval of a difference covers 95 % under the normal law.
_STANDARD_ERRORS = 1.96


class LeaderboardPlot(PlotAccessor):
    """What ``leaderboard.plot`` is: called as it is, it compares the candidates.

    Called with arguments of ``DataFrame.plot`` (``kind``, ``x``, ``y``, ...), and in its methods
    such as ``plot.scatter``, it is pandas' own.
    """

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self._leaderboard = data

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compare the candidates, see :meth:`LeaderboardDisplay.plot`; or plot as pandas does."""
        own = not args and set(kwargs) <= {"ax", "n_candidates"}
        if not own or "score" not in self._leaderboard:
            return super().__call__(*args, **kwargs)
        return LeaderboardDisplay.from_leaderboard(self._leaderboard, **kwargs)


class Leaderboard(pd.DataFrame):
    """A DataFrame of candidates whose :meth:`plot` compares them.

    Any selection of rows and columns is one again; the plot needs the columns ``score`` and
    those of the origins.
    """

    @property
    def _constructor(self) -> type[Leaderboard]:
        return Leaderboard

    def with_first(self, name: str) -> Leaderboard:
        """Return the table with the row of that name, the champion's, above the others."""
        order = np.argsort(self.index != name, kind="stable")
        table = self.iloc[order]
        table.attrs = dict(self.attrs)
        return table

    @property
    def plot(self) -> Any:
        """Plot the candidates, or anything that pandas can."""
        return LeaderboardPlot(self)


def make_leaderboard(
    evaluations: list[Evaluation],
    validation: Validation,
    scoring: str,
) -> Leaderboard:
    """Return one row a trial, indexed by the name of the candidate, the best first.

    Returns
    -------
    Leaderboard of shape (n_trials, n_columns)
        A DataFrame with, in this order:

        - ``family``, ``regime``, ``state`` (``finished``, ``pruned`` after the first origin, or
          ``failed``);
        - ``score`` (mean over the origins of the scorer that ranks, greater is better),
          ``score_std`` and the score of each origin as ``score@1998-03-31``;
        - ``vs_baseline``, how much better the score is than that of the best baseline, with
          ``vs_baseline_lower`` and ``vs_baseline_upper``: its 95 % interval, were other customers
          of the same kind in the log (it does not cover that other periods differ);
        - the mean of every metric, with several scorers that of each as ``score_<name>``, its
          ``..._std`` over the origins, and its value at each origin as ``mae@1998-03-31``;
        - ``fit_seconds``, ``predict_seconds`` of all origins together, the time for features that
          were shared with other trials left out, ``feature_seconds``, the part of both that went
          into features for all, and ``model_bytes``, the size of one fitted model;
        - ``trial``, ``params``, ``warnings`` that it gave, of which only the winner's are shown,
          when it is fitted on everything, and ``error`` for candidates that failed.

        ``attrs`` names the scoring, the protocol, the best baseline and the level: ``"season"``
        where all candidates were scaled to one total, else ``"own"``.
    """
    baseline = _best_baseline(evaluations)
    rows = [_row(evaluation, validation, baseline) for evaluation in evaluations]
    table = Leaderboard(rows).set_index("candidate")
    # Ties go to the trial that came first: the simpler candidates are tried first.
    table = table.sort_values(["score", "trial"], ascending=[False, True], na_position="last")
    table.attrs = {
        "scoring": scoring,
        "protocol": validation.protocol,
        "level": "season" if validation.levelled else "own",
        "baseline": "" if baseline is None else baseline.name,
    }
    return table


def warn_of_failures(evaluations: list[Evaluation]) -> None:
    """Warn of candidates that could not be validated: nobody looks at the end of a table."""
    trials = [evaluation for evaluation in evaluations if evaluation.candidate.family != "ensemble"]
    failed = [evaluation for evaluation in trials if evaluation.error]
    if not failed:
        return
    first = failed[0]
    names = ", ".join(dict.fromkeys(evaluation.candidate.name for evaluation in failed))
    warn_user(
        f"{len(failed)} of {len(trials)} trials failed and stand last on the leaderboard "
        f"({names}), such as {first.name}: {first.error[:300]}. leaderboard_['error'] has all "
        "messages; leave the candidate out, or mend it.",
        CandidateWarning,
    )


def _row(
    evaluation: Evaluation, validation: Validation, baseline: Evaluation | None
) -> dict[str, Any]:
    scores = [] if evaluation.error else evaluation.scores
    origins = [fold.origin for fold in validation.folds]
    return {
        "candidate": evaluation.name,
        "family": evaluation.candidate.family,
        "regime": validation.name,
        "state": evaluation.state,
        "score": evaluation.score,
        "score_std": float(np.std(scores)) if len(scores) == len(origins) else np.nan,
        **_by_origin("score", scores, origins),
        **_difference(evaluation, baseline),
        **_metrics(evaluation, origins),
        "fit_seconds": evaluation.fit_seconds,
        "predict_seconds": evaluation.predict_seconds,
        "feature_seconds": evaluation.feature_seconds,
        "model_bytes": np.nan if evaluation.model_bytes is None else evaluation.model_bytes,
        "trial": evaluation.trial,
        "params": evaluation.params,
        "warnings": "; ".join(evaluation.warnings),
        "error": evaluation.error,
    }


def mean_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return the mean of every metric over the origins; nothing for a candidate without one."""
    if evaluation.state != "finished" or not evaluation.metrics:
        return {}
    table = pd.DataFrame(evaluation.metrics)
    return {str(name): float(value) for name, value in table.mean(skipna=False).items()}


def _metrics(evaluation: Evaluation, origins: list[str]) -> dict[str, float]:
    """Return mean and spread of every metric, and its value at each origin."""
    means = mean_metrics(evaluation)
    table = pd.DataFrame(evaluation.metrics)
    spread = {f"{name}_std": float(table[name].std(ddof=0, skipna=False)) for name in means}
    by_origin: dict[str, float] = {}
    if not evaluation.error:
        for name in table:
            by_origin |= _by_origin(str(name), table[name].tolist(), origins)
    return {**means, **spread, **by_origin}


def _by_origin(name: str, values: list[float], origins: list[str]) -> dict[str, float]:
    """Return a value at each origin, NaN at those where a candidate was not tried."""
    known = dict(zip(origins, values, strict=False))
    return {f"{name}@{origin}": known.get(origin, np.nan) for origin in origins}


def _best_baseline(evaluations: list[Evaluation]) -> Evaluation | None:
    baselines = [
        evaluation
        for evaluation in evaluations
        if evaluation.candidate.family == "baseline" and np.isfinite(evaluation.score)
    ]
    return max(baselines, key=lambda evaluation: evaluation.score, default=None)


def _difference(evaluation: Evaluation, baseline: Evaluation | None) -> dict[str, float]:
    """Return by how much a candidate beats the baseline, and between what and what."""
    names = ("vs_baseline", "vs_baseline_lower", "vs_baseline_upper")
    if baseline is None or not np.isfinite(evaluation.score):
        return dict.fromkeys(names, np.nan)
    difference = evaluation.score - baseline.score
    error = np.nan
    if evaluation.resampled_scores and baseline.resampled_scores:
        error = float(np.std(_resampled(evaluation) - _resampled(baseline), ddof=1))
    half = _STANDARD_ERRORS * error
    return dict(zip(names, (difference, difference - half, difference + half), strict=True))


def _resampled(evaluation: Evaluation) -> NDArray[np.float64]:
    """Return the score of each resample, in the mean over the origins."""
    return np.mean(evaluation.resampled_scores, axis=0)
