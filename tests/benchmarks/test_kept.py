"""A run goes on where an earlier one was ended, when it is asked to."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from benchmarks.kept import Outcomes, fingerprint
from benchmarks.runner import Outcome
from benchmarks.tasks import Task

TASK = Task("shop", "2024-01-10", 9)
PREDICTION = pd.DataFrame(
    {"spend": [1.0, 2.0], "0.5": [0.0, 1.0]}, pd.Index(["007", "7"], name="customer_id")
)
DONE = Outcome(PREDICTION, seconds=2.0, cpu_seconds=1.5, versions={"pandas": "3.1"})


def never():
    pytest.fail("it was run again")


def test_what_was_kept_is_found_again(tmp_path):
    Outcomes(tmp_path / "new").get(TASK, "mine", 0, lambda: DONE)
    found = Outcomes(tmp_path / "new", resume=True).get(TASK, "mine", 0, never)
    pd.testing.assert_frame_equal(found.prediction, PREDICTION)
    assert (found.seconds, found.cpu_seconds, found.versions) == (2.0, 1.5, {"pandas": "3.1"})


def test_failures_are_kept_as_well(tmp_path):
    Outcomes(tmp_path).get(TASK, "mine", 0, lambda: Outcome(error="no luck"))
    found = Outcomes(tmp_path, resume=True).get(TASK, "mine", 0, never)
    assert (found.prediction, found.error) == (None, "no luck")


@pytest.mark.parametrize(
    ("task", "name", "seed", "how"),
    [
        (Task("shop", "2024-01-10", 8), "mine", 0, {"resume": True}),
        (TASK, "mine_2", 0, {"resume": True}),
        (TASK, "mine", 1, {"resume": True}),
        (TASK, "mine", 0, {}),
        (TASK, "mine", 0, {"resume": True, "again": ["mine"]}),
    ],
    ids=["another task", "another competitor", "another seed", "a new run", "asked for again"],
)
def test_anything_else_is_run(task, name, seed, how, tmp_path):
    Outcomes(tmp_path).get(TASK, "mine", 0, lambda: DONE)
    found = Outcomes(tmp_path, **how).get(task, name, seed, lambda: Outcome(error="new"))
    assert found.error == "new"


def test_one_that_is_ended_leaves_no_outcome_of_before(tmp_path):
    Outcomes(tmp_path).get(TASK, "mine", 0, lambda: DONE)

    def ended():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Outcomes(tmp_path).get(TASK, "mine", 0, ended)
    found = Outcomes(tmp_path, resume=True).get(TASK, "mine", 0, lambda: Outcome(error="new"))
    assert found.error == "new"


LOG = pd.DataFrame({"customer_id": ["007", "7"], "date": pd.Timestamp("2024-01-01"), "amount": 1.0})


@pytest.mark.parametrize(
    "other",
    [
        LOG.iloc[:1],
        LOG.iloc[::-1],
        LOG.assign(amount=[1.0, 1.5]),
        LOG.assign(date=pd.Timestamp("2024-01-02")),
        LOG.assign(customer_id=["007", "8"]),
    ],
    ids=["fewer rows", "another order", "another amount", "another day", "another customer"],
)
def test_of_a_log_that_says_something_else_nothing_is_kept(other, tmp_path):
    Outcomes(tmp_path).get(TASK, "mine", 0, lambda: DONE, of_log=fingerprint(LOG))
    resumed = Outcomes(tmp_path, resume=True)
    assert not resumed.get(TASK, "mine", 0, never, of_log=fingerprint(LOG.copy())).error
    new = resumed.get(TASK, "mine", 0, lambda: Outcome(error="new"), of_log=fingerprint(other))
    assert new.error == "new"


def test_files_that_do_not_say_of_which_log_they_are_count(tmp_path):
    Outcomes(tmp_path).get(TASK, "mine", 0, lambda: DONE)
    (file,) = tmp_path.glob("*.json")
    told = json.loads(file.read_text())
    del told["of_log"]
    file.write_text(json.dumps(told))
    found = Outcomes(tmp_path, resume=True).get(TASK, "mine", 0, never, of_log="any")
    assert found.seconds == 2.0


@pytest.mark.parametrize("ending", ["json", "parquet"])
@pytest.mark.parametrize("damage", [lambda file: file.write_text('{"er'), lambda f: f.unlink()])
def test_half_an_outcome_is_none(ending, damage, tmp_path):
    Outcomes(tmp_path).get(TASK, "mine", 0, lambda: DONE)
    (file,) = tmp_path.glob(f"*.{ending}")
    damage(file)
    found = Outcomes(tmp_path, resume=True).get(TASK, "mine", 0, lambda: Outcome(error="new"))
    assert found.error == "new"
