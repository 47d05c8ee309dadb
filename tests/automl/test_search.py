"""The order of trials, what is proposed, and what ends the search."""

from __future__ import annotations

import time
import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning

from clvkit import AutoCLV, latest_histories
from clvkit.automl import Candidate
from clvkit.automl._search import Search, run_search
from clvkit.automl._study import SharedStudy
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import default_candidates
from clvkit.baselines import HistoricalRate
from clvkit.errors import BoundaryWarning, ClvkitWarning
from clvkit.metrics import get_clv_scorer
from clvkit.utils._deadline import check_deadline
from clvkit.utils._warnings import warn_user


@pytest.fixture(scope="module")
def validation(cdnow):
    X = latest_histories(cdnow[cdnow["customer_id"] % 6 == 0], end="1998-06-30")
    return plan_validation(X, None, "13W", n_origins=1)


def scaled_rate(horizon, random_state, factor=1.0, shift=0.0):
    return HistoricalRate(horizon=horizon)


def candidate(name, space):
    return Candidate(name, "own", scaled_rate, label_trained=False, space=space)


def run(validation, candidates, n_trials=12, study=None, **settings):
    seen = []
    search = Search(
        candidates=candidates,
        validation=validation,
        scorer=get_clv_scorer("d2_tweedie"),
        n_trials=n_trials,
        **{"deadline": None, "n_jobs": 1, "seed": 0, **settings},
    )
    shared = SharedStudy() if study is None else study
    evaluations = run_search(search, shared, seen.append)
    assert [e for e in evaluations if e in seen] == sorted(seen, key=lambda e: e.trial)
    return shared.study, evaluations


def factor_space(trial):
    return {"factor": trial.suggest_float("factor", 0.1, 2.0)}


def other_space(trial):
    return {"factor": trial.suggest_categorical("factor", [1.0, 3.0])}


def test_defaults_come_first_and_the_rest_is_searched(validation):
    _, evaluations = run(validation, [candidate("a", factor_space), candidate("b", other_space)])
    assert [e.name for e in evaluations[:2]] == ["a", "b"]
    assert all(e.params for e in evaluations[2:])
    assert len(evaluations) == 12
    assert len({e.name for e in evaluations}) == 12


def test_two_candidates_may_mean_different_things_by_one_name(validation):
    study, evaluations = run(
        validation, [candidate("a", factor_space), candidate("b", other_space)]
    )
    assert {"a.factor", "b.factor"} <= {key for t in study.trials for key in t.params}
    assert all(e.error == "" for e in evaluations)


def test_without_anything_to_search_the_search_ends(validation):
    _, evaluations = run(validation, [default_candidates()[0]])
    assert len(evaluations) == 1


def test_a_broken_space_is_a_failed_trial(validation):
    def broken(trial):
        raise KeyError("depth")

    _, evaluations = run(validation, [candidate("a", broken)], n_trials=3)
    assert evaluations[0].error == ""
    assert [e.error for e in evaluations[1:]] == ["KeyError in its search space: 'depth'"] * 2


def test_what_fails_with_its_defaults_is_not_searched(validation):
    def broken(horizon, random_state, **params):
        raise RuntimeError("no luck")

    failing = Candidate("failing", "own", broken, space=factor_space)
    _, evaluations = run(validation, [failing, candidate("a", factor_space)], n_trials=8)
    assert sum(e.candidate.name == "failing" for e in evaluations) == 1


def test_snapshots_are_not_searched_where_they_do_not_matter(cdnow):
    log = cdnow[(cdnow["date"] <= "1997-10-31") & (cdnow["customer_id"] % 6 == 0)]
    with pytest.warns(UserWarning, match="across customers"):
        plan = plan_validation(latest_histories(log, end="1997-10-31"), None, "20W", n_origins=1)

    def space(trial):
        return {"snapshots__n_snapshots": trial.suggest_int("n", 1, 8), **factor_space(trial)}

    _, evaluations = run(plan, [candidate("a", space)], n_trials=4)
    assert [set(e.params) for e in evaluations] == [set()] + [{"factor"}] * 3


def test_a_deadline_that_has_passed_leaves_the_first_trial(validation):
    _, evaluations = run(
        validation,
        [candidate("a", factor_space), candidate("b", factor_space)],
        n_trials=100,
        deadline=time.perf_counter() - 1.0,
    )
    assert [e.name for e in evaluations] == ["a"]


class Sleeper(HistoricalRate):
    """Takes its time, and shows no fold when its time is up."""

    def fit(self, X, y=None):
        time.sleep(0.4)
        return super().fit(X, y)


def test_a_trial_that_would_overrun_is_not_begun(validation):
    """The candidate took 0.4 s before, and the final fit needs as much: the rest is too short."""
    slow = Candidate(
        "slow", "own", lambda horizon, seed, **params: Sleeper(horizon=horizon),
        label_trained=False, space=factor_space,
    )  # fmt: skip
    start = time.perf_counter()
    _, evaluations = run(validation, [slow], n_trials=100, deadline=start + 5.0)
    assert 1 <= len(evaluations) <= 6
    assert time.perf_counter() - start < 5.0


def test_a_trial_is_stopped_between_origins_and_its_slot_waits(cdnow):
    X = latest_histories(cdnow[cdnow["customer_id"] % 6 == 0], end="1998-06-30")
    plan = plan_validation(X, None, "8W", n_origins=3)
    rate = Candidate(
        "rate", "baseline", lambda h, s: HistoricalRate(horizon=h), label_trained=False
    )
    slow = Candidate("slow", "own", lambda h, s: Sleeper(horizon=h), label_trained=False)
    study, evaluations = run(plan, [rate, slow], deadline=time.perf_counter() + 2.7)
    assert [e.name for e in evaluations] == ["rate"]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "WAITING"]


def test_patience_ends_a_search_that_finds_nothing_better(validation):
    _, evaluations = run(validation, [candidate("a", factor_space)], n_trials=100, patience=6)
    # The factor changes nothing, so the defaults stay the best; then the batch is finished.
    assert len(evaluations) == 9


def test_patience_counts_from_the_last_improvement(validation):
    improving = Candidate(
        "a", "own", lambda h, s, factor=0.0: Scaled(factor, h), label_trained=False,
        space=lambda trial: {"factor": 0.2 - 0.2 / (1 + trial.number)},
    )  # fmt: skip
    _, evaluations = run(validation, [improving], n_trials=20, patience=2)
    assert len(evaluations) == 20


class Scaled(HistoricalRate):
    """The historical rate times a factor."""

    def __init__(self, factor, horizon):
        super().__init__(horizon=horizon)
        self.factor = factor

    def predict(self, X):
        return self.factor * super().predict(X)


class Doubtful(HistoricalRate):
    """Warns whenever it is fitted, in our way and in that of other packages."""

    def fit(self, X, y=None):
        warn_user("at the boundary", BoundaryWarning)
        warnings.warn("slow to converge", ConvergenceWarning, stacklevel=2)
        return super().fit(X, y)


def doubtful():
    return Candidate(
        "doubtful", "own", lambda horizon, seed: Doubtful(horizon=horizon), label_trained=False
    )


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_warnings_of_trials_are_kept_and_not_shown(validation, n_jobs, recwarn):
    doubtful = Candidate(
        "doubtful", "own", lambda h, seed: Doubtful(horizon=h), label_trained=False
    )
    candidates = [doubtful, candidate("sure", factor_space)]
    _, evaluations = run(validation, candidates, n_trials=2, n_jobs=n_jobs)
    kept = ["BoundaryWarning: at the boundary", "ConvergenceWarning: slow to converge"]
    assert {e.name: e.warnings for e in evaluations} == {"doubtful": kept, "sure": []}
    assert not recwarn.list


@pytest.mark.filterwarnings("always")
def test_warnings_of_the_winner_are_shown_when_it_is_fitted_on_everything(cdnow, recwarn):
    log = cdnow[cdnow["customer_id"] % 6 == 0]
    own = {"doubtful": Doubtful(horizon="13W"), "historical_rate": Doubtful(horizon="13W")}
    auto = AutoCLV(
        "13W", candidates=own, n_trials=6, n_origins=1, ensemble=False, random_state=0, verbose=0
    ).fit(log)
    losing = auto.leaderboard_.drop(auto.best_params_["candidate"])
    assert losing["warnings"].str.contains("at the boundary").any()
    assert not [w for w in recwarn.list if "boundary" in str(w.message)]
    AutoCLV("13W", candidates=[doubtful()], n_trials=1, n_origins=1, verbose=0).fit(log)
    assert [str(w.message) for w in recwarn.list] == ["at the boundary", "slow to converge"]


class Late(Scaled):
    """The better for being scaled, and endless where the whole log is fitted."""

    def fit(self, X, y=None):
        whole = (X["history"].array.cutoffs > "1998-06-01").all()
        while whole:
            check_deadline()
            time.sleep(0.01)
        return super().fit(X, y)


def test_a_final_fit_that_overruns_is_given_up_for_a_quick_one(cdnow):
    late = Candidate("late", "own", lambda h, s: Late(0.4, h), label_trained=False)
    auto = AutoCLV(
        "13W", candidates=["historical_rate", late], timeout=6, ensemble=False, level="own"
    )
    start = time.perf_counter()
    with pytest.warns(ClvkitWarning, match="final fit of late.*historical_rate was fitted"):
        auto.fit(cdnow[cdnow["customer_id"] % 6 == 0])
    assert time.perf_counter() - start < 15
    assert auto.best_params_["candidate"] == auto.leaderboard_.index[0] == "historical_rate"
    assert auto.leaderboard_["score"]["late"] > auto.best_score_
    assert len(auto.predict_customers(cdnow)) == 2357
