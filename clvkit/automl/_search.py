"""The search: every default first, then what Optuna proposes, batch by batch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from clvkit.automl._evaluation import Evaluation, evaluate
from clvkit.automl._validation import Validation
from clvkit.automl.candidates import Candidate
from clvkit.errors import StudyError
from clvkit.utils._imports import try_import
from clvkit.utils._warnings import route_to_collectors

__all__ = ["BATCH", "Search", "run_search"]

#: Trials that are proposed together. It does not depend on the number of workers, so neither do
#: the proposals: the same seed gives the same leaderboard on one core and on two.
BATCH = 4


@dataclass
class Search:
    """What a search is run with.

    Attributes
    ----------
    candidates : list of Candidate
    validation : Validation
    scorer : callable
    n_trials : int
    deadline : float or None
        A reading of ``time.perf_counter()`` after which no trial is started.
    n_jobs : int or None
    seed : int
    identity : dict of str to str
        What must be the same for a study to be continued.
    storage, study_name : optional
        As for ``optuna.create_study``; a study of that name is continued.
    on_trial : callable
        Called with each finished :class:`Evaluation`.
    """

    candidates: list[Candidate]
    validation: Validation
    scorer: Any
    n_trials: int
    deadline: float | None
    n_jobs: int | None
    seed: int
    identity: dict[str, str]
    storage: Any
    study_name: str | None
    on_trial: Callable[[Evaluation], None]


def run_search(search: Search) -> tuple[Any, list[Evaluation]]:
    """Run the search; return the Optuna study and the evaluations in the order of the trials."""
    optuna = try_import("optuna", install="pip install optuna", purpose="search for candidates")
    with _quiet(optuna), route_to_collectors():
        study = optuna.create_study(
            storage=search.storage,
            study_name=search.study_name,
            load_if_exists=search.study_name is not None,
            direction="maximize",
        )
        _check_same_search(study, search)
        done = _finished(study, search)
        for batch in _batches(study, search, done):
            start = time.perf_counter()
            results = Parallel(n_jobs=search.n_jobs, prefer="threads")(
                delayed(_run)(proposal, search.validation, search.scorer, search.seed)
                for proposal in batch
            )
            for proposal, result in zip(batch, results, strict=True):
                _tell(study, proposal.trial, result, optuna)
                done.append(result)
                search.on_trial(result)
            if _late(search, done, time.perf_counter() - start):
                break
    return study, done


class Proposal(NamedTuple):
    """A trial with its candidate and parameters, or with the reason why it has none."""

    trial: Any
    candidate: Candidate
    params: dict[str, Any]
    error: str = ""


def _run(proposal: Proposal, validation: Validation, scorer: Any, seed: int) -> Evaluation:
    trial, candidate, params, error = proposal
    if error:
        return Evaluation(candidate, params, trial.number, error=error)
    return evaluate(candidate, params, trial.number, validation, scorer, seed)


def _batches(study: Any, search: Search, done: list[Evaluation]) -> Iterator[list[Proposal]]:
    """Propose trials: first every candidate's defaults, one of each family first."""
    seen = {result.candidate.name for result in done if not result.params}
    defaults = [c for c in _by_family(search.candidates) if c.name not in seen]
    while len(done) < search.n_trials:
        study.sampler = _sampler(search.seed, len(done))
        room = min(BATCH, search.n_trials - len(done))
        # What fails with its defaults is not searched.
        failed = {result.candidate.name for result in done if result.error and not result.params}
        tunable = {c.name: c for c in search.candidates if c.tunable and c.name not in failed}
        if defaults:
            batch, defaults = defaults[:room], defaults[room:]
            yield [Proposal(study.ask(), candidate, {}) for candidate in batch]
        elif tunable:
            yield [_propose(study, tunable, search.validation) for _ in range(room)]
        else:
            return


def _sampler(seed: int, n_done: int) -> Any:
    """Return a sampler for the next batch.

    Seeded by the seed and the number of finished trials, a search that was interrupted proposes
    what it would have proposed anyway, and not its first proposals again.
    """
    optuna = try_import("optuna", install="pip install optuna", purpose="search for candidates")
    mixed = int(np.random.SeedSequence([seed, n_done]).generate_state(1)[0])
    with warnings.catch_warnings():
        # Experimental in name only: the default of Optuna 5, named here for the versions before.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=mixed, n_startup_trials=12, multivariate=True, group=True, constant_liar=True
        )


def _propose(study: Any, tunable: dict[str, Candidate], validation: Validation) -> Proposal:
    trial = study.ask()
    names = sorted(tunable)
    # The choices are part of the parameter's name: Optuna refuses a parameter whose choices
    # change, and a continued study may have more candidates.
    choice = names[0] if len(names) == 1 else trial.suggest_categorical("|".join(names), names)
    try:
        params = tunable[choice].space(_Prefixed(trial, choice))
    except Exception as error:  # a user's space may raise anything, and must not end the search
        failure = f"{type(error).__name__} in its search space: {error}"
        return Proposal(trial, tunable[choice], {"trial": trial.number}, failure)
    if not validation.snapshots_matter:
        params = {key: value for key, value in params.items() if "snapshots__" not in key}
    return Proposal(trial, tunable[choice], params)


class _Prefixed:
    """A trial whose parameters carry the candidate's name: two may mean different things by one."""

    def __init__(self, trial: Any, prefix: str) -> None:
        self._trial = trial
        self._prefix = prefix

    def __getattr__(self, attribute: str) -> Any:
        method = getattr(self._trial, attribute)
        if not attribute.startswith("suggest_"):
            return method
        return lambda name, *args, **kwargs: method(f"{self._prefix}.{name}", *args, **kwargs)


def _check_same_search(study: Any, search: Search) -> None:
    """Refuse to continue a study of another log, horizon or scoring: its scores mean nothing here.

    Raises
    ------
    StudyError
    """
    ours = search.identity
    theirs = study.user_attrs.get("clvkit")
    if theirs is None and not study.get_trials(deepcopy=False):
        study.set_user_attr("clvkit", ours)
        return
    differing = [key for key in ours if (theirs or {}).get(key) != ours[key]]
    if differing:
        raise StudyError(
            f"the study {search.study_name!r} belongs to another search: it differs in "
            f"{', '.join(differing)}. Give another study_name, or delete the old study."
        )


def _by_family(candidates: list[Candidate]) -> list[Candidate]:
    """Order candidates so that the first few hold one of each family."""
    rank: dict[str, int] = {}
    nth = []
    for candidate in candidates:
        nth.append(rank.get(candidate.family, 0))
        rank[candidate.family] = nth[-1] + 1
    order = sorted(range(len(candidates)), key=lambda i: nth[i])
    return [candidates[i] for i in order]


def _tell(study: Any, trial: Any, result: Evaluation, optuna: Any) -> None:
    """Report a result, with all that a resumed search needs to know of it."""
    record = {
        "candidate": result.candidate.name,
        "params": result.params,
        "scores": result.scores,
        "scaled_scores": result.scaled_scores,
        "metrics": result.metrics,
        "fit_seconds": result.fit_seconds,
        "predict_seconds": result.predict_seconds,
        "error": result.error,
        "warnings": result.warnings,
    }
    for key, value in record.items():
        trial.set_user_attr(key, value)
    if result.error:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, result.score)


def _finished(study: Any, search: Search) -> list[Evaluation]:
    """Return the evaluations that a continued study holds already."""
    by_name = {candidate.name: candidate for candidate in search.candidates}
    return [
        Evaluation(
            candidate=by_name[trial.user_attrs["candidate"]],
            params=trial.user_attrs["params"],
            trial=trial.number,
            scores=trial.user_attrs["scores"],
            scaled_scores=trial.user_attrs["scaled_scores"],
            metrics=trial.user_attrs["metrics"],
            fit_seconds=trial.user_attrs["fit_seconds"],
            predict_seconds=trial.user_attrs["predict_seconds"],
            error=trial.user_attrs["error"],
            warnings=trial.user_attrs.get("warnings", []),
        )
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished() and trial.user_attrs.get("candidate") in by_name
    ]


def _late(search: Search, done: list[Evaluation], last_batch: float) -> bool:
    """Whether another batch and the final fit would end after the deadline.

    A batch is taken to cost what the last one did, the final fit what the dearest fit of an
    origin did, and half as much again because it sees more data.
    """
    if search.deadline is None:
        return False
    n_folds = len(search.validation.folds)
    refit = 1.5 * max((result.fit_seconds / n_folds for result in done), default=0.0)
    return time.perf_counter() + last_batch + refit > search.deadline


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Keep Optuna's own log lines off the terminal while a search runs."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
