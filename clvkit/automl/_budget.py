"""How long a search may take, and what it still has time for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from clvkit.automl._evaluation import Evaluation
from clvkit.automl.candidates import Candidate

__all__ = ["Budget"]

#: The final fit sees more data than that of an origin, and may be made a second time at an earlier
#: cutoff, to learn the level: so much longer it is taken to last.
_GROWTH = 2.5

#: Seconds for what is neither a trial nor the final fit, once and for each that is fitted in the
#: end: weights, intervals, segments, the leaderboard.
_OVERHEAD = 1.0


@dataclass(frozen=True)
class Budget:
    """The time until a deadline.

    Parameters
    ----------
    deadline : float or None
        A reading of ``time.perf_counter()`` by which everything is to be done, the final fit
        included. None is no limit.
    n_folds : int
        Origins that a trial is validated at.
    mixes : bool, default=False
        Whether the best of each family may be fitted in the end, and not one candidate alone.
    """

    deadline: float | None
    n_folds: int
    mixes: bool = False

    def has_room_for(self, candidate: Candidate, done: Sequence[Evaluation]) -> bool:
        """Whether a trial of the candidate, begun now, would be done in time.

        A trial is taken to cost what the dearest one of its candidate did. One that was never
        tried is begun, and stopped where it takes too long.
        """
        if self.deadline is None or not done:
            return True
        costs = [result.seconds for result in done if result.candidate.name == candidate.name]
        return time.perf_counter() + max(costs, default=0.0) < self.stop_trials_at(done)

    def is_over(self, done: Sequence[Evaluation]) -> bool:
        """Whether not even the cheapest candidate could be tried any more."""
        if self.deadline is None or not done:
            return False
        cheapest = min(result.seconds for result in done)
        return time.perf_counter() + cheapest >= self.stop_trials_at(done)

    def stop_trials_at(self, done: Sequence[Evaluation]) -> float:
        """Return when running trials are stopped, so that the best one can be fitted."""
        if self.deadline is None or not any(np.isfinite(result.score) for result in done):
            return float("inf")
        return self.deadline - self.final_seconds(done)

    def has_room_to_mix(self, done: Sequence[Evaluation]) -> bool:
        """Whether the best of each family can still be fitted, and not one candidate alone.

        The search ends when as much time is left as is kept free, which is more than most final
        fits take: half of it will do.
        """
        if self.deadline is None:
            return True
        needed = replace(self, mixes=True).final_seconds(done) / 2
        return time.perf_counter() + needed < self.deadline

    def final_seconds(self, done: Sequence[Evaluation]) -> float:
        """Return how long the final fit of what is best so far is expected to take."""
        best: dict[str, Evaluation] = {}
        for result in sorted(done, key=lambda result: -np.nan_to_num(result.score, nan=-np.inf)):
            best.setdefault(result.candidate.family if self.mixes else "", result)
        # It shares nothing with anybody.
        seconds = sum(result.seconds + result.saved_seconds for result in best.values())
        return _GROWTH * seconds / self.n_folds + _OVERHEAD * (1 + len(best))
