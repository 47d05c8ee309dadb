"""What is tried next follows from the seed and from what was finished before, and only that."""

from __future__ import annotations

import optuna

from clvkit.automl import Candidate
from clvkit.automl._proposals import BATCH, by_family, propose
from clvkit.automl.candidates import default_candidates


def space(trial):
    return {"factor": trial.suggest_float("factor", 0.1, 2.0)}


CANDIDATES = [Candidate(name, "own", None, space=space) for name in "ab"]


def finished(number, candidate, score, params=None, **settings):
    """Return a trial as the study holds it."""
    distribution = optuna.distributions.FloatDistribution(0.1, 2.0)
    name = f"{candidate}.factor"
    suggested = {} if params is None else {name: params["factor"]}
    trial = optuna.trial.create_trial(
        params=suggested,
        distributions=dict.fromkeys(suggested, distribution),
        user_attrs={"candidate": candidate, "params": params or {}},
        **({"value": score} | settings),
    )
    trial.number = number
    return trial


def proposals(earlier, seed=0, candidates=CANDIDATES, snapshots_matter=True):
    batch = propose(candidates, earlier, seed, snapshots_matter=snapshots_matter)
    return [(proposal.candidate.name, proposal.params) for proposal in batch]


def test_the_first_trials_hold_one_of_each_family():
    order = [c.name for c in by_family(default_candidates())]
    assert order[:5] == ["historical_rate", "bg_nbd", "tweedie", "hybrid", "tweedie_glm"]
    assert order[5:8] == ["last_period", "mbg_nbd", "population_mean"]


def test_defaults_come_first_a_batch_at_a_time():
    many = [Candidate(str(i), "own", None) for i in range(BATCH + 1)]
    first = proposals([], candidates=many)
    assert first == [(str(i), {}) for i in range(BATCH)]
    done = [finished(i, str(i), 0.1) for i in range(BATCH)]
    assert proposals(done, candidates=many) == [(str(BATCH), {})]
    assert proposals([*done, finished(4, str(BATCH), 0.1)], candidates=many) == []


def test_the_same_past_gives_the_same_proposals_and_another_past_others():
    past = [finished(0, "a", 0.1), finished(1, "b", 0.2)]
    past += [finished(i, "a", i / 10, {"factor": 0.1 * i}) for i in range(2, 16)]
    assert proposals(past) == proposals(past)
    assert proposals(past) != proposals(past, seed=1)
    other = [*past[:-1], finished(15, "a", -1.0, {"factor": 1.5})]
    assert proposals(past) != proposals(other)


def test_a_default_that_failed_is_not_searched():
    failed = finished(0, "a", None, state=optuna.trial.TrialState.FAIL, value=None)
    assert {name for name, _ in proposals([failed, finished(1, "b", 0.2)])} == {"b"}


def test_what_was_suggested_can_be_stored_again():
    past = [finished(0, "a", 0.1), finished(1, "b", 0.2)]
    for proposal in propose(CANDIDATES, past, 0, snapshots_matter=True):
        assert set(proposal.suggested) == set(proposal.distributions)
        assert proposal.suggested[f"{proposal.candidate.name}.factor"] == proposal.params["factor"]
