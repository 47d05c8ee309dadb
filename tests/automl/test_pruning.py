"""Who is given up after the first origin, and who is not."""

from __future__ import annotations

import numpy as np
import pytest

from clvkit import AutoCLV, latest_histories
from clvkit.automl import Candidate
from clvkit.automl._evaluation import Evaluation, evaluate
from clvkit.automl._pruning import LEAST_RIVALS, hurdle_of
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import default_candidates
from clvkit.metrics import get_clv_scorer

CANDIDATE = Candidate("a", "own", None)


def evaluations(by_origin):
    return [Evaluation(CANDIDATE, {}, i, scores=list(s)) for i, s in enumerate(by_origin)]


def test_few_rivals_or_a_single_origin_stop_nobody():
    many = np.tile([0.3, 0.2], (LEAST_RIVALS, 1))
    assert hurdle_of(evaluations(many)) is not None
    assert hurdle_of(evaluations(many[1:])) is None
    assert hurdle_of(evaluations(many[:, :1])) is None


def test_failed_and_pruned_ones_are_no_rivals():
    done = evaluations(np.tile([0.3, 0.2], (LEAST_RIVALS, 1)))
    done[0].error = "no luck"
    assert hurdle_of(done) is None
    done[0].error, done[0].is_pruned = "", True
    assert hurdle_of(done) is None


def test_who_lies_further_behind_than_the_origin_misleads_is_stopped():
    rng = np.random.default_rng(0)
    ability = rng.uniform(0.1, 0.3, 40)
    by_origin = ability[:, None] + rng.normal(0, 0.01, (40, 3))
    hurdle = hurdle_of(evaluations(by_origin))
    # The difference to the leader at one of three origins, less the mean of the three, has a
    # spread of 0.01 * sqrt(2 * 2 / 3), and the leader's own part of it shifts all of them.
    leader = by_origin[by_origin.mean(axis=1).argmax(), 0]
    assert 2 * 0.0115 < leader - hurdle.score < 9 * 0.0115
    assert hurdle.stops(0.1)
    assert not hurdle.stops(leader - 0.02)


def test_a_first_origin_that_tells_nothing_stops_nobody_who_may_still_lead():
    rng = np.random.default_rng(0)
    by_origin = rng.normal(0.2, 0.1, (60, 3))
    hurdle = hurdle_of(evaluations(by_origin))
    assert not [s for s in by_origin if hurdle.stops(s[0]) and s.mean() > 0.3]


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.long)])
def test_pruned_trials_are_named_and_cost_one_origin(cdnow, n_jobs):
    """The decision hangs on earlier batches only, so jobs make no difference."""
    X = latest_histories(cdnow[cdnow["customer_id"] % 8 == 0])
    few = {"candidates": ["baseline", "bg_nbd", "tweedie"], "ensemble": False, "level": "own"}
    auto = AutoCLV("13W", n_trials=26, n_jobs=n_jobs, random_state=0, verbose=0, **few).fit(X)
    board = auto.leaderboard_
    pruned = board[board["state"] == "pruned"]
    assert len(pruned) > 0
    assert pruned.index.str.contains("-").all()  # never defaults
    origins = [f"score@{origin}" for origin in auto.origins_]
    assert pruned[origins[0]].notna().all()
    assert pruned[[*origins[1:], "score", "vs_baseline"]].isna().all(axis=None)
    assert (pruned["error"] == "").all()
    finished = board[board["state"] == "finished"]
    assert pruned[origins[0]].max() < finished[origins[0]].max()
    assert [trial.state.name for trial in auto.study_.trials].count("PRUNED") == len(pruned)
    assert set(pruned["trial"]) == EXPECTED.setdefault("pruned", set(pruned["trial"]))


#: What the first of the two runs above has pruned.
EXPECTED: dict[str, set[int]] = {}


def test_the_other_origins_are_left_out(cdnow):
    X = latest_histories(cdnow[cdnow["customer_id"] % 4 == 0], end="1998-06-30")
    validation = plan_validation(X, None, "13W", n_origins=3)
    rate = default_candidates()[0]
    d2 = get_clv_scorer("d2_tweedie")
    result = evaluate(rate, {}, 0, validation, d2, 0, is_hopeless=lambda score: True)
    assert (len(result.scores), len(result.metrics), len(result.predictions)) == (1, 1, 1)
    assert result.state == "pruned"
    assert np.isnan(result.score)
    result = evaluate(rate, {}, 0, validation, d2, 0, is_hopeless=lambda score: False)
    assert (len(result.scores), result.state) == (3, "finished")
