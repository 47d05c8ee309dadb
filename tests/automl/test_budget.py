"""What there is still time for, judged by what trials took so far."""

from __future__ import annotations

import time

import pytest

from clvkit.automl import Candidate
from clvkit.automl._budget import Budget
from clvkit.automl._evaluation import Evaluation

CHEAP, DEAR, NEW = (Candidate(name, "own", None) for name in ("cheap", "dear", "new"))


def evaluation(candidate, seconds, score):
    scores = [] if score is None else [score]
    return Evaluation(candidate, {}, 0, scores=scores, fit_seconds=seconds)


DONE = [
    evaluation(CHEAP, 0.2, 0.1),
    evaluation(DEAR, 4.0, 0.0),
    evaluation(DEAR, 9.0, None),
]


def budget(seconds_left):
    return Budget(time.perf_counter() + seconds_left, n_folds=2)


def test_without_a_deadline_there_is_room_for_everything():
    unlimited = Budget(None, 3)
    assert unlimited.has_room_for(DEAR, DONE)
    assert not unlimited.is_over(DONE)
    assert unlimited.stop_trials_at(DONE) == float("inf")


def test_a_candidate_is_taken_to_cost_what_its_dearest_trial_did():
    assert budget(20).has_room_for(DEAR, DONE)
    assert not budget(9).has_room_for(DEAR, DONE)
    assert budget(9).has_room_for(CHEAP, DONE)
    assert budget(9).has_room_for(NEW, DONE)  # it is stopped where it takes too long
    assert not budget(9).is_over(DONE)
    assert budget(0.1).is_over(DONE)
    assert not budget(0.1).has_room_for(NEW, DONE)


def test_time_for_the_final_fit_of_the_best_is_kept_free():
    # Two seconds for everything else, and one of two origins two and a half times.
    assert budget(9).final_seconds(DONE) == pytest.approx(2.0 + 2.5 * 0.2 / 2)
    best_is_dear = [*DONE, evaluation(DEAR, 8.0, 0.3)]
    assert budget(9).final_seconds(best_is_dear) == pytest.approx(2.0 + 2.5 * 8.0 / 2)


def test_what_was_shared_is_not_shared_in_the_final_fit():
    lucky = evaluation(CHEAP, 0.2, 0.1)
    lucky.saved_seconds = 2.0
    assert budget(9).final_seconds([lucky]) == pytest.approx(2.0 + 2.5 * 2.2 / 2)


def test_a_mixture_may_hold_the_best_of_each_family():
    other = evaluation(Candidate("other", "btyd", None), 2.0, -0.5)
    mixing = Budget(0.0, n_folds=2, mixes=True)
    assert mixing.final_seconds([*DONE, other]) == pytest.approx(3.0 + 2.5 * (0.2 + 2.0) / 2)


def test_the_first_trial_is_never_stopped():
    failed = [evaluation(CHEAP, 1.0, None)]
    for done in ([], failed):
        assert budget(-1).stop_trials_at(done) == float("inf")
    assert budget(-1).has_room_for(CHEAP, [])


def test_a_mixture_needs_time_for_all_of_its_members():
    other = evaluation(Candidate("other", "btyd", None), 2.0, -0.5)
    assert Budget(None, n_folds=2).has_room_to_mix([*DONE, other])
    assert budget(9).has_room_to_mix([*DONE, other])
    # All of them are taken to need 3 + 2.5 * 2.2 / 2 seconds, and half of that will do.
    assert budget(4).has_room_to_mix([*DONE, other])
    assert not budget(2).has_room_to_mix([*DONE, other])
