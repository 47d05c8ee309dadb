"""The search: batches of trials, until they are enough or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from clvkit.automl._bootstrap import CustomerBootstrap
from clvkit.automl._budget import Budget
from clvkit.automl._evaluation import Evaluation, evaluate
from clvkit.automl._proposals import Proposal, propose
from clvkit.automl._pruning import Hurdle, hurdle_of
from clvkit.automl._sharing import SharedResults
from clvkit.automl._study import SharedStudy
from clvkit.automl._validation import Validation
from clvkit.automl.candidates import Candidate
from clvkit.utils._deadline import OutOfTime, deadline
from clvkit.utils._warnings import route_to_collectors

__all__ = ["Search", "run_search"]

OnTrial = Callable[[Evaluation], None]

#: Seconds between looks at what other workers do.
_POLL = 0.2


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
        A reading of ``time.perf_counter()`` by which everything is to be done, the final fit
        included.
    n_jobs : int or None
    seed : int
    patience : int or None
        The search ends after so many trials without a better one.
    mixes : bool
        Whether the best of each family may be fitted in the end, and not one candidate alone.
    shared : SharedResults
        What trials compute alike.
    bootstrap : CustomerBootstrap or None
        Resamples on which every candidate is scored.
    """

    candidates: list[Candidate]
    validation: Validation
    scorer: Any
    n_trials: int
    deadline: float | None
    n_jobs: int | None
    seed: int
    patience: int | None = None
    mixes: bool = False
    shared: SharedResults = field(default_factory=SharedResults)
    bootstrap: CustomerBootstrap | None = None

    @property
    def budget(self) -> Budget:
        """The time that the search has."""
        return Budget(self.deadline, len(self.validation.folds), self.mixes)


@dataclass(frozen=True)
class Batch:
    """Trials that are proposed together, for the slots from ``start`` on."""

    start: int
    proposals: list[Proposal]
    hurdle: Hurdle | None = None

    @property
    def slots(self) -> range:
        """Numbers of the slots."""
        return range(self.start, self.start + len(self.proposals))


def run_search(search: Search, study: SharedStudy, on_trial: OnTrial) -> list[Evaluation]:
    """Run the search; return the evaluations in the order of the trials.

    ``on_trial`` is called with each evaluation that this process finished.

    A batch is begun when the one before is finished, and proposed from what finished before it.
    So neither the number of jobs, nor other processes that serve the same study, nor a kill in
    between make a difference to what comes out.
    """
    with study.at_work(), route_to_collectors():
        for batch in _batches(search, study):
            study.make_slots(batch.slots.stop)
            if not _serve(batch, search, study, on_trial):
                break
        return study.results(search.candidates)


def _batches(search: Search, study: SharedStudy) -> Iterator[Batch]:
    """Yield the batches that are not finished, the last one that was begun first."""
    start = study.last_batch()
    while start < search.n_trials:
        earlier = study.trials()[:start]
        proposals = propose(
            search.candidates,
            earlier,
            search.seed,
            snapshots_matter=search.validation.snapshots_matter,
        )
        done = study.results(search.candidates, earlier)
        if not proposals or search.budget.is_over(done) or _is_patience_lost(search, done):
            return
        batch = Batch(start, proposals[: search.n_trials - start], hurdle_of(done))
        if study.unfinished(batch.slots):
            yield batch
        start += len(proposals)


def _is_patience_lost(search: Search, done: list[Evaluation]) -> bool:
    """Whether so many trials in a row were no better than the best one before them."""
    scores = [result.score for result in done]
    if search.patience is None or not np.isfinite(scores).any():
        return False
    return len(scores) - 1 - int(np.nanargmax(scores)) >= search.patience


def _serve(batch: Batch, search: Search, study: SharedStudy, on_trial: OnTrial) -> bool:
    """Fill the slots of a batch, with whoever else serves it; False where time is up before."""
    n_threads = min(effective_n_jobs(search.n_jobs), len(batch.slots))
    while True:
        Parallel(n_jobs=n_threads, prefer="threads")(
            delayed(_work)(batch, search, study, on_trial) for _ in range(n_threads)
        )
        if not study.unfinished(batch.slots):
            return True
        if search.deadline is not None and (
            search.budget.is_over(study.results(search.candidates))
            or not study.running(batch.slots)
        ):
            return False
        time.sleep(_POLL)


def _work(batch: Batch, search: Search, study: SharedStudy, on_trial: OnTrial) -> None:
    """Fill one slot after the other, as long as there is one to claim and time for it."""
    for number, proposal in zip(batch.slots, batch.proposals, strict=True):
        done = study.results(search.candidates)
        if not search.budget.has_room_for(proposal.candidate, done) or not study.claim(number):
            continue
        study.describe(number, proposal, batch.start)
        try:
            with deadline(search.budget.stop_trials_at(done)):
                result = _run(number, proposal, batch.hurdle, search)
        except OutOfTime:
            study.give_back(number)
            return
        study.finish(result)
        on_trial(result)


def _run(number: int, proposal: Proposal, hurdle: Hurdle | None, search: Search) -> Evaluation:
    candidate, params = proposal.candidate, proposal.params
    if proposal.error:
        return Evaluation(candidate, params, number, error=proposal.error)
    return evaluate(
        candidate,
        params,
        number,
        search.validation,
        search.scorer,
        search.seed,
        shared=search.shared,
        bootstrap=search.bootstrap,
        is_hopeless=hurdle.stops if hurdle is not None and params else None,
    )
