"""The bookkeeping of a search: which trial is whose, and what came of it.

A study is a row of numbered slots. What a slot tries follows from the seed and from the results
of earlier batches, so it does not matter who fills it: this process, another one that serves the
same study, or the next run after a kill. A slot is waiting, running (with a lease) or finished.
Claiming one is a single step of the storage, so that no two workers get it; one that a dead worker
left is given back first. Nothing is ever tried under a second number.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.utils import check_random_state

from clvkit.automl._evaluation import Evaluation
from clvkit.automl._lease import Lease, Worker
from clvkit.automl._proposals import Proposal
from clvkit.automl._storage import import_optuna, open_storage
from clvkit.automl.candidates import Candidate
from clvkit.errors import StudyError

__all__ = ["SharedStudy"]

#: What is stored of an evaluation, beside its candidate and parameters.
_STORED = (
    "scores",
    "scaled_scores",
    "metrics",
    "fit_seconds",
    "predict_seconds",
    "feature_seconds",
    "saved_seconds",
    "model_bytes",
    "resampled_scores",
    "is_pruned",
    "error",
    "warnings",
)


class SharedStudy:
    """An Optuna study that several processes may serve, and a killed one continues.

    Parameters
    ----------
    storage : None, str, path or Optuna storage
        See :func:`open_storage`.
    study_name : str or None
        A study of that name is continued.
    """

    def __init__(self, storage: Any = None, study_name: str | None = None) -> None:
        self._optuna = import_optuna()
        self._states = self._optuna.trial.TrialState
        self._storage = open_storage(storage)
        with quiet_optuna():
            self.study = self._optuna.create_study(
                storage=self._storage,
                study_name=study_name,
                load_if_exists=study_name is not None,
                direction="maximize",
            )
        self._worker = Worker(self._write_lease)
        self._own: dict[int, Evaluation] = {}
        self._claiming = threading.Lock()

    # --- what the study is about ------------------------------------------------------------

    def agree_on_seed(self, random_state: Any) -> int:
        """Return the seed of the study: the one that it was begun with, where that is left open.

        Raises
        ------
        StudyError
            If the study was begun with another one.
        """
        theirs = self.study.user_attrs.get("seed")
        if theirs is not None and random_state is None:
            return int(theirs)
        ours = int(check_random_state(random_state).randint(2**31 - 1))
        if theirs is None:
            self.study.set_user_attr("seed", ours)
        elif ours != theirs:
            raise StudyError(
                f"the study {self.study.study_name!r} was begun with another random_state, which "
                "decides what each trial tries. Give the same one, random_state=None to take it "
                "over, or another study_name."
            )
        return ours

    def agree_on_search(self, identity: dict[str, str]) -> None:
        """Refuse to continue a study of another log, horizon or scoring.

        Raises
        ------
        StudyError
            Its scores mean nothing here.
        """
        theirs = self.study.user_attrs.get("clvkit")
        if theirs is None and not self.study.get_trials(deepcopy=False):
            self.study.set_user_attr("clvkit", identity)
            return
        differing = [key for key in identity if (theirs or {}).get(key) != identity[key]]
        if differing:
            raise StudyError(
                f"the study {self.study.study_name!r} belongs to another search: it differs in "
                f"{', '.join(differing)}. Give another study_name, or delete the old study."
            )

    # --- slots ------------------------------------------------------------------------------

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Show other workers that this one lives; slots that it holds at the end are given back."""
        with quiet_optuna(), self._worker:
            try:
                yield
            finally:
                for trial in self.trials():
                    if trial.state == self._states.RUNNING and self._is_own(trial):
                        self.give_back(trial.number)

    def trials(self) -> list[Any]:
        """Return all trials as they stand, in the order of their numbers."""
        return sorted(self.study.get_trials(deepcopy=False), key=lambda trial: trial.number)

    def last_batch(self) -> int:
        """Return the first slot of the last batch that was begun."""
        return max((trial.user_attrs.get("batch", 0) for trial in self.trials()), default=0)

    def unfinished(self, slots: range) -> list[int]:
        """Return which of the slots are not finished; those that are not made yet are not."""
        trials = self.trials()
        finished = {trial.number for trial in trials if trial.state.is_finished()}
        return [number for number in slots if number not in finished]

    def running(self, slots: range) -> list[int]:
        """Return which of the slots are being filled."""
        running = self._states.RUNNING
        return [t.number for t in self.trials() if t.number in slots and t.state == running]

    def make_slots(self, n_slots: int) -> None:
        """See to it that there are so many slots.

        Where two workers do so at once there will be some more, which the next batch uses.
        """
        for _ in range(n_slots - len(self.study.get_trials(deepcopy=False))):
            self.study.add_trial(self._optuna.trial.create_trial(state=self._states.WAITING))

    def claim(self, number: int) -> bool:
        """Take a slot that waits, or that a dead worker left; False where another one has it."""
        with self._claiming:
            trial = self._trial(number)
            if trial.state == self._states.RUNNING and self._is_abandoned(trial):
                self.give_back(number)
            try:
                running = self._states.RUNNING
                taken = self._storage.set_trial_state_values(trial._trial_id, running)
            except self._optuna.exceptions.UpdateFinishedTrialError:
                return False
            if taken:
                self._worker.take(trial._trial_id)
            return taken

    def give_back(self, number: int) -> None:
        """Let a slot wait again, for it was not filled."""
        trial = self._trial(number)
        self._worker.drop(trial._trial_id)
        if not trial.state.is_finished():
            self._storage.set_trial_state_values(trial._trial_id, self._states.WAITING)

    def describe(self, number: int, proposal: Proposal, batch: int) -> None:
        """Store what a slot tries."""
        trial_id = self._trial(number)._trial_id
        for name, distribution in proposal.distributions.items():
            value = distribution.to_internal_repr(proposal.suggested[name])
            self._storage.set_trial_param(trial_id, name, value, distribution)
        attrs = {"batch": batch, "candidate": proposal.candidate.name, "params": proposal.params}
        for key, entry in attrs.items():
            self._storage.set_trial_user_attr(trial_id, key, entry)

    def finish(self, result: Evaluation) -> None:
        """Store a result, with all that a resumed search needs to know of it."""
        trial_id = self._trial(result.trial)._trial_id
        self._own[result.trial] = result
        record = {key: getattr(result, key) for key in _STORED}
        state, value = self._outcome(result)
        values = None if value is None else [value]
        try:
            self._storage.set_trial_user_attr(trial_id, "result", record)
            if state == self._states.PRUNED:
                self._storage.set_trial_intermediate_value(trial_id, 0, value)
            self._storage.set_trial_state_values(trial_id, state, values)
        except self._optuna.exceptions.UpdateFinishedTrialError:
            pass  # somebody took this worker for dead: the same result stands there already
        self._worker.drop(trial_id)

    def _outcome(self, result: Evaluation) -> tuple[Any, float | None]:
        if result.error:
            return self._states.FAIL, None
        if result.is_pruned:
            return self._states.PRUNED, result.scores[0]
        return self._states.COMPLETE, result.score

    def results(
        self, candidates: list[Candidate], trials: list[Any] | None = None
    ) -> list[Evaluation]:
        """Return what the finished slots hold, of these candidates, in their order."""
        by_name = {candidate.name: candidate for candidate in candidates}
        return [
            self._own.get(trial.number) or self._recorded(trial, by_name)
            for trial in (self.trials() if trials is None else trials)
            if trial.state.is_finished() and trial.user_attrs.get("candidate") in by_name
        ]

    def _recorded(self, trial: Any, by_name: dict[str, Candidate]) -> Evaluation:
        attrs = trial.user_attrs
        candidate = by_name[attrs["candidate"]]
        return Evaluation(candidate, attrs["params"], trial.number, **attrs["result"])

    def _trial(self, number: int) -> Any:
        return self.trials()[number]

    def _write_lease(self, trial_id: int, lease: Lease) -> None:
        self._storage.set_trial_user_attr(trial_id, "lease", lease)

    def _is_own(self, trial: Any) -> bool:
        return trial.user_attrs.get("lease", {}).get("worker") == self._worker.name

    def _is_abandoned(self, trial: Any) -> bool:
        return self._worker.is_abandoned(trial._trial_id, trial.user_attrs.get("lease"))


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna's own log lines off the terminal while a search runs."""
    logging = import_optuna().logging
    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(before)
