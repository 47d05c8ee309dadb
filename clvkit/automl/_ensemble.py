"""A mixture of the candidates, weighted by what their out-of-fold predictions add to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.automl._bootstrap import CustomerBootstrap
from clvkit.automl._evaluation import Evaluation, level_scores, scaled_to_truth
from clvkit.automl._predictions import CandidatePredictions
from clvkit.automl._scoring import other_scores
from clvkit.automl._validation import N_CUSTOMER_FOLDS, Fold, Validation
from clvkit.automl.candidates import MIXTURE, Candidate
from clvkit.errors import NoComponentsError
from clvkit.metrics import clv_metrics
from clvkit.model_selection import AverageRegressor

__all__ = ["best_of_each", "build_ensemble"]

Array = NDArray[np.float64]
Weights = dict[str, float]

#: Candidates that are added one after the other, with replacement.
_STEPS = 20

#: Steps in a row without a better score after which no more are taken.
_PATIENCE = 5

#: How often the best one is in the mixture before the first is added: weights learnt from few
#: origins are shrunk towards it.
_HEAD_START = 4

#: Share of the mixture that is not learnt and goes to the best of each family in equal parts. It
#: costs next to nothing where the past is a guide, and was worth a D2 of .4 on a log where what
#: did best at the origin failed in the period after it.
_HEDGE = 0.2

#: Members of less weight are left out: each has to be fitted.
_LEAST = 0.02

#: Resamples of customers behind the standard error of what the mixture gains.
_RESAMPLES = 60


@dataclass(frozen=True)
class _Part:
    """Rows of one origin: their truth, and what each member predicted of them."""

    fold: Fold
    rows: NDArray[np.intp]
    predictions: dict[str, Array]

    @property
    def y(self) -> Array:
        return self.fold.y_test[self.rows]

    def mix(self, weights: Weights) -> Array:
        """Return the weighted mean of the members' predictions."""
        return np.asarray(sum(w * self.predictions[name][self.rows] for name, w in weights.items()))

    def score(self, prediction: Array, scorer: Any) -> float:
        """Return the score of predictions of these rows."""
        X = self.fold.X_test.iloc[self.rows]
        return float(scorer(_MixedPredictions(prediction), X, self.y))


class _MixedPredictions(CandidatePredictions):
    """Predictions without the components that each member may have told of its own."""

    def predict_components(self, X: Any) -> Any:
        """Raise: what members told of their own is not what the mixture would tell."""
        raise NoComponentsError("a mixture of candidates is scored by what it predicts alone")


def build_ensemble(
    evaluations: list[Evaluation],
    validation: Validation,
    scorer: Any,
    seed: int,
    *,
    bootstrap: CustomerBootstrap | None = None,
) -> Evaluation | None:
    """Return the mixture as one more evaluation, or None where it is worse than the best.

    Weights are found by greedy selection with replacement (Caruana et al. 2004, section 2.2) and
    shrunk towards the best single candidate. What stands on the leaderboard is the score of
    weights that never saw the rows they are scored on: learnt at the other origins, or, where
    there is one origin only, from other customers. The mixture is dropped where it scores lower
    there than the best single candidate, chosen in the same way, by more than two standard
    errors. A scorer that asks for components allows no mixture.

    In the regime ``single`` without a common level, candidates that were fitted on labels of the
    period and those that were not cannot be compared on rows: members are of the kind of the best
    candidate alone.

    Parameters
    ----------
    evaluations : list of Evaluation
        With out-of-fold predictions; others are left out.
    validation : Validation
    scorer : callable
    seed : int
    bootstrap : CustomerBootstrap or None, default=None
        Resamples on which the mixture is scored, too.

    Returns
    -------
    Evaluation or None
        Its ``params`` hold the weight of each member.

    References
    ----------
    .. [1] Caruana, Niculescu-Mizil, Crew and Ksikes (2004), Ensemble Selection from Libraries of
       Models, Proceedings of the 21st International Conference on Machine Learning.
    """
    knows_level = validation.regime == "single" and not validation.levelled
    members = _members(evaluations, alike=knows_level)
    if len(members) < 2:
        return None
    try:
        mixture = _mix(members, validation, scorer, seed)
    except NoComponentsError:
        return None
    if mixture is None:
        return None
    if knows_level:
        level_scores([e for e in evaluations if not e.candidate.label_trained] + [mixture])
    if bootstrap is not None:
        mixture.resampled_scores = _resampled(mixture, validation, scorer, bootstrap)
    return mixture


def _mix(
    members: dict[str, Evaluation], validation: Validation, scorer: Any, seed: int
) -> Evaluation | None:
    whole = _whole(members, validation)
    held_out, plain = _crossed(whole, members, scorer, seed)
    gain, error = _gain(whole, held_out, plain, scorer, seed)
    if not np.isfinite([gain, error]).all() or gain < -2.0 * error:
        return None
    weights = _weights(whole, members, scorer)
    return _as_evaluation(weights, members, held_out, validation, scorer)


def best_of_each(evaluations: list[Evaluation]) -> list[Evaluation]:
    """Return the best trial of each candidate, the best one first."""
    best: dict[str, Evaluation] = {}
    for one in sorted(evaluations, key=lambda e: (-e.score, e.trial)):
        best.setdefault(one.candidate.name, one)
    return list(best.values())


def _members(evaluations: list[Evaluation], *, alike: bool) -> dict[str, Evaluation]:
    """Return the best trial of each candidate that beats a constant, by name.

    Of those ``alike``, only candidates of the kind of the best one, with labels or without.
    """
    usable = [e for e in evaluations if e.state == "finished" and e.predictions is not None]
    constant = [e.score for e in usable if e.candidate.name == "population_mean"]
    least = max(constant, default=-np.inf)
    best = [one for one in best_of_each(usable) if one.score > least]
    if alike:
        best = [o for o in best if o.candidate.label_trained == best[0].candidate.label_trained]
    return {one.name: one for one in best}


def _whole(members: dict[str, Evaluation], validation: Validation) -> list[_Part]:
    parts = []
    for k, fold in enumerate(validation.folds):
        predictions = {name: _at(member, k) for name, member in members.items()}
        parts.append(_Part(fold, np.arange(len(fold.y_test)), predictions))
    return parts


def _at(member: Evaluation, k: int) -> Array:
    assert member.predictions is not None
    return member.predictions[k]


def _crossed(
    whole: list[_Part], members: dict[str, Evaluation], scorer: Any, seed: int
) -> tuple[list[Array], list[Array]]:
    """Return predictions by weights of other rows, and those of the best one on other rows."""
    if len(whole) > 1:
        mixed, plain = [], []
        for k, part in enumerate(whole):
            others = whole[:k] + whole[k + 1 :]
            mixed.append(part.mix(_weights(others, members, scorer)))
            plain.append(part.predictions[_best(others, scorer)])
        return mixed, plain
    (part,) = whole
    dealt = np.random.default_rng(seed).permutation(len(part.rows)) % N_CUSTOMER_FOLDS
    mixed_rows, plain_rows = np.empty(len(part.rows)), np.empty(len(part.rows))
    for k in range(N_CUSTOMER_FOLDS):
        inside = [_Part(part.fold, part.rows[dealt != k], part.predictions)]
        outside = part.rows[dealt == k]
        weights = _weights(inside, members, scorer)
        mixed_rows[outside] = _Part(part.fold, outside, part.predictions).mix(weights)
        plain_rows[outside] = part.predictions[_best(inside, scorer)][outside]
    return [mixed_rows], [plain_rows]


def _weights(parts: list[_Part], members: dict[str, Evaluation], scorer: Any) -> Weights:
    """Return the weights of greedy selection, hedged; they sum to 1."""
    single = {name: _mean_score(parts, {name: 1.0}, scorer) for name in members}
    counts = dict.fromkeys(members, 0.0)
    best_name = max(single, key=lambda name: single[name])
    counts[best_name] = float(_HEAD_START)
    best, best_score, best_size = dict(counts), single[best_name], _HEAD_START
    sums = [part.mix(counts) for part in parts]
    for size in range(_HEAD_START + 1, _HEAD_START + _STEPS + 1):
        tried = {
            name: _mean(parts, [_added(p, s, name) / size for p, s in _pairs(parts, sums)], scorer)
            for name in members
        }
        name = max(tried, key=lambda name: tried[name])
        counts[name] += 1.0
        sums = [_added(part, old, name) for part, old in _pairs(parts, sums)]
        if tried[name] > best_score:
            best, best_score, best_size = dict(counts), tried[name], size
        if size - best_size >= _PATIENCE:
            break
    return _hedged(best, single, members)


def _hedged(counts: Weights, single: Weights, members: dict[str, Evaluation]) -> Weights:
    families: dict[str, str] = {}
    for name in sorted(single, key=lambda name: -single[name]):
        families.setdefault(members[name].candidate.family, name)
    total = sum(counts.values())
    weights = {name: (1.0 - _HEDGE) * count / total for name, count in counts.items()}
    for name in families.values():
        weights[name] += _HEDGE / len(families)
    kept = {name: weight for name, weight in weights.items() if weight >= _LEAST}
    return {name: weight / sum(kept.values()) for name, weight in kept.items()}


def _pairs(parts: list[_Part], sums: list[Array]) -> list[tuple[_Part, Array]]:
    return list(zip(parts, sums, strict=True))


def _added(part: _Part, old: Array, name: str) -> Array:
    return np.asarray(old + part.predictions[name][part.rows])


def _mean_score(parts: list[_Part], weights: Weights, scorer: Any) -> float:
    return _mean(parts, [part.mix(weights) for part in parts], scorer)


def _mean(parts: list[_Part], predictions: list[Array], scorer: Any) -> float:
    return float(np.mean([part.score(p, scorer) for part, p in _pairs(parts, predictions)]))


def _best(parts: list[_Part], scorer: Any) -> str:
    single = {name: _mean_score(parts, {name: 1.0}, scorer) for name in parts[0].predictions}
    return max(single, key=lambda name: single[name])


def _gain(
    whole: list[_Part], mixed: list[Array], plain: list[Array], scorer: Any, seed: int
) -> tuple[float, float]:
    """Return what the mixture gains over the best one, and its standard error over customers."""
    gain = _mean(whole, mixed, scorer) - _mean(whole, plain, scorer)
    rng = np.random.default_rng(seed)
    resampled = []
    for _ in range(_RESAMPLES):
        differences = []
        for part, one, other in zip(whole, mixed, plain, strict=True):
            drawn = rng.integers(len(part.rows), size=len(part.rows))
            again = _Part(part.fold, part.rows[drawn], {})
            differences.append(again.score(one[drawn], scorer) - again.score(other[drawn], scorer))
        resampled.append(np.mean(differences))
    known = [difference for difference in resampled if np.isfinite(difference)]
    return gain, float(np.std(known)) if known else np.nan


def _resampled(
    mixture: Evaluation, validation: Validation, scorer: Any, bootstrap: CustomerBootstrap
) -> list[list[float]]:
    assert mixture.predictions is not None
    return [
        bootstrap.scores(scorer, fold, k, _MixedPredictions(_at(mixture, k)))
        for k, fold in enumerate(validation.folds)
    ]


def _as_evaluation(
    weights: Weights,
    members: dict[str, Evaluation],
    held_out: list[Array],
    validation: Validation,
    scorer: Any,
) -> Evaluation:
    chosen = {name: members[name] for name in weights}
    candidate = Candidate(
        MIXTURE,
        MIXTURE,
        _EnsembleBuilder(chosen, validation.levelled),
        label_trained=any(member.candidate.label_trained for member in chosen.values()),
    )
    result = Evaluation(
        candidate,
        {"weights": weights},
        max(member.trial for member in members.values()) + 1,
        predictions=held_out,
        fit_seconds=sum(member.fit_seconds for member in chosen.values()),
        predict_seconds=sum(member.predict_seconds for member in chosen.values()),
    )
    for part, prediction in _pairs(_whole(members, validation), held_out):
        result.scores.append(part.score(prediction, scorer))
        if validation.regime == "single" and part.fold.total is None:
            scaled = scaled_to_truth(prediction, part.y)
            result.scaled_scores.append(part.score(scaled, scorer))
        others = other_scores(scorer, _MixedPredictions(prediction), part.fold.X_test, part.y)
        result.metrics.append(clv_metrics(part.y, prediction, None) | others)
    return result


class _EnsembleBuilder:
    """Builds the unfitted mixture; a class, so that it can be pickled."""

    def __init__(self, members: dict[str, Evaluation], equal_totals: bool) -> None:
        self.members = members
        self.equal_totals = equal_totals

    def __call__(
        self, horizon: str, random_state: int | None, weights: Weights
    ) -> AverageRegressor:
        """Return the unfitted mixture."""
        parts: list[tuple[str, Any]] = []
        for name in weights:
            member = self.members[name]
            estimator = member.candidate.estimator(
                horizon, random_state=random_state, params=member.params
            )
            parts.append((_step_name(name, [taken for taken, _ in parts]), estimator))
        return AverageRegressor(parts, list(weights.values()), equal_totals=self.equal_totals)


def _step_name(name: str, taken: list[str]) -> str:
    """Return a name without "__" that is no other step's, nor that of a parameter."""
    free = name.replace("__", "_")
    while free in ("estimators", "weights", "equal_totals", *taken):
        free = f"{free.rstrip('_')}-{len(taken) + 1}" if free in taken else f"{free}_"
    return free
