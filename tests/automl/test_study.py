"""Slots of a study: claimed once, given back by who leaves, and finished once."""

from __future__ import annotations

import os
import subprocess
import sys

import optuna
import pytest

from clvkit.automl import Candidate
from clvkit.automl import _lease as lease
from clvkit.automl._evaluation import Evaluation
from clvkit.automl._proposals import Proposal
from clvkit.automl._storage import open_storage
from clvkit.automl._study import SharedStudy
from clvkit.errors import StudyError

CANDIDATE = Candidate("rate", "baseline", None)


@pytest.fixture(params=["journal", "sqlite"])
def storage(request, tmp_path):
    path = tmp_path / "study"
    return str(path) if request.param == "journal" else f"sqlite:///{path}.db"


def evaluation(number):
    metrics = [{"mae": 0.1 + 0.2, "churn_brier": float("nan")}]
    return Evaluation(CANDIDATE, {}, number, scores=[1 / 3], metrics=metrics, fit_seconds=0.5)


def fill(study, number):
    study.describe(number, Proposal(CANDIDATE), 0)
    study.finish(evaluation(number))


def states(study):
    return [trial.state.name for trial in study.trials()]


def test_two_workers_never_get_the_same_slot(storage):
    one, two = SharedStudy(storage, "s"), SharedStudy(storage, "s")
    with one.at_work(), two.at_work():
        one.make_slots(3)
        two.make_slots(3)
        assert len(two.trials()) == 3
        taken = [(one.claim(number), two.claim(number)) for number in range(3)]
        assert taken == [(True, False)] * 3
        assert two.running(range(3)) == [0, 1, 2]
        fill(one, 1)
        assert not two.claim(1)
        assert two.unfinished(range(4)) == [0, 2, 3]


def claim_and_leave(study):
    with study.at_work():
        study.make_slots(2)
        assert study.claim(0)
        raise KeyboardInterrupt


def test_what_a_worker_holds_when_he_leaves_waits_again(storage):
    one, two = SharedStudy(storage, "s"), SharedStudy(storage, "s")
    with pytest.raises(KeyboardInterrupt):
        claim_and_leave(one)
    assert states(two) == ["WAITING", "WAITING"]
    with two.at_work():
        assert two.claim(0)


def test_a_result_is_the_same_after_it_was_stored(storage):
    one = SharedStudy(storage, "s")
    with one.at_work():
        one.make_slots(1)
        one.claim(0)
        fill(one, 0)
    (result,) = SharedStudy(storage, "s").results([CANDIDATE])
    assert result.scores == [1 / 3]
    assert str(result.metrics) == str(evaluation(0).metrics)
    assert (result.trial, result.fit_seconds, result.predictions) == (0, 0.5, None)
    assert SharedStudy(storage, "s").results([]) == []


KILLED = """
import os, signal, sys
from clvkit.automl._study import SharedStudy
study = SharedStudy(sys.argv[1], "s")
with study.at_work():
    study.make_slots(1)
    assert study.claim(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc to know who lives")
def test_a_killed_worker_on_this_machine_is_known_at_once(storage):
    killed = subprocess.run([sys.executable, "-c", KILLED, storage], check=False)
    assert killed.returncode < 0
    study = SharedStudy(storage, "s")
    assert states(study) == ["RUNNING"]
    with study.at_work():
        assert study.claim(0)
        fill(study, 0)
    assert states(study) == ["COMPLETE"]


def test_a_worker_elsewhere_is_given_up_when_his_beat_stops(storage, monkeypatch):
    one, two = SharedStudy(storage, "s"), SharedStudy(storage, "s")
    with one.at_work(), two.at_work():
        one.make_slots(1)
        one._worker.machine = "elsewhere"
        assert one.claim(0)
        monkeypatch.setattr(lease, "SILENT_SECONDS", 0.0)
        assert not two.claim(0)  # seen for the first time
        one._worker.take(one.trials()[0]._trial_id)
        assert not two.claim(0)  # he beat meanwhile
        assert two.claim(0)
        # The one that was given up finishes all the same, and so does the other: one result.
        fill(one, 0)
        two.finish(evaluation(0))
    assert states(two) == ["COMPLETE"]


def test_a_line_that_a_kill_left_half_written_is_cut_off(tmp_path):
    path = tmp_path / "journal"
    SharedStudy(path, "s").make_slots(1)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"worker')
    study = SharedStudy(path, "s")
    assert len(study.trials()) == 1
    study.make_slots(2)
    assert len(SharedStudy(path, "s").trials()) == 2


def test_the_seed_of_a_study_is_kept(storage):
    seed = SharedStudy(storage, "s").agree_on_seed(3)
    assert SharedStudy(storage, "s").agree_on_seed(None) == seed
    assert SharedStudy(storage, "s").agree_on_seed(3) == seed
    with pytest.raises(StudyError, match="begun with another random_state"):
        SharedStudy(storage, "s").agree_on_seed(4)


def test_a_storage_of_optuna_is_taken_as_it_is():
    memory = optuna.storages.InMemoryStorage()
    assert open_storage(memory) is memory
    assert isinstance(open_storage(None), optuna.storages.InMemoryStorage)
