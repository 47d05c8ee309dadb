"""What the next batch tries: every default first, then what Optuna proposes.

Proposals are a function of the seed and of the finished trials of earlier batches, and of nothing
else: not of who asks, how often, or what runs meanwhile. They are therefore made in a study of
their own in memory, which holds those trials only.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clvkit.automl._storage import import_optuna
from clvkit.automl.candidates import Candidate

__all__ = ["BATCH", "Proposal", "by_family", "propose"]

#: Trials that are proposed together. It does not depend on the number of workers, so neither do
#: the proposals: the same seed gives the same leaderboard on one core and on two.
BATCH = 4


@dataclass(frozen=True)
class Proposal:
    """What a trial is to try.

    Attributes
    ----------
    candidate : Candidate
    params : dict
        For its builder; empty for its defaults.
    suggested, distributions : dict
        What Optuna suggested, and from what.
    error : str
        The reason why there are no parameters, or nothing.
    """

    candidate: Candidate
    params: dict[str, Any] = field(default_factory=dict)
    suggested: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def propose(
    candidates: list[Candidate], earlier: list[Any], seed: int, *, snapshots_matter: bool
) -> list[Proposal]:
    """Return the next batch, or nothing where there is nothing left to try.

    Parameters
    ----------
    candidates : list of Candidate
    earlier : list of FrozenTrial
        The finished trials of all earlier batches, in the order of their numbers.
    seed : int
    snapshots_matter : bool
        Whether parameters of the snapshots make a difference.
    """
    failed = import_optuna().trial.TrialState.FAIL
    defaults = {
        trial.user_attrs.get("candidate"): trial.state
        for trial in earlier
        if not trial.user_attrs.get("params")
    }
    untried = [c for c in by_family(candidates) if c.name not in defaults]
    if untried:
        return [Proposal(candidate) for candidate in untried[:BATCH]]
    # What fails with its defaults is not searched.
    tunable = {c.name: c for c in candidates if c.tunable and defaults[c.name] != failed}
    if not tunable:
        return []
    study = _study_of(earlier, seed)
    return [_suggest(study, tunable, snapshots_matter) for _ in range(BATCH)]


def by_family(candidates: list[Candidate]) -> list[Candidate]:
    """Order candidates so that the first few hold one of each family."""
    rank: dict[str, int] = {}
    nth = []
    for candidate in candidates:
        nth.append(rank.get(candidate.family, 0))
        rank[candidate.family] = nth[-1] + 1
    order = sorted(range(len(candidates)), key=lambda i: nth[i])
    return [candidates[i] for i in order]


def _study_of(trials: list[Any], seed: int) -> Any:
    """Return a study in memory that holds these trials and knows of no others."""
    optuna = import_optuna()
    study = optuna.create_study(direction="maximize", sampler=_sampler(seed, len(trials)))
    study.add_trials(trials)
    return study


def _sampler(seed: int, n_earlier: int) -> Any:
    """Return a sampler for the next batch, seeded by the seed and the number of trials before."""
    optuna = import_optuna()
    mixed = int(np.random.SeedSequence([seed, n_earlier]).generate_state(1)[0])
    with warnings.catch_warnings():
        # Experimental in name only: the default of Optuna 5, named here for the versions before.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=mixed, n_startup_trials=12, multivariate=True, group=True, constant_liar=True
        )


def _suggest(study: Any, tunable: dict[str, Candidate], snapshots_matter: bool) -> Proposal:
    trial = study.ask()
    names = sorted(tunable)
    # The choices are part of the parameter's name: Optuna refuses a parameter whose choices
    # change, and a continued study may have more candidates.
    choice = names[0] if len(names) == 1 else trial.suggest_categorical("|".join(names), names)
    try:
        params = tunable[choice].space(_Prefixed(trial, choice))
    except Exception as error:  # a user's space may raise anything, and must not end the search
        failure = f"{type(error).__name__} in its search space: {error}"
        return Proposal(tunable[choice], {"trial": trial.number}, error=failure)
    if not snapshots_matter:
        params = {key: value for key, value in params.items() if "snapshots__" not in key}
    return Proposal(tunable[choice], params, trial.params, trial.distributions)


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
