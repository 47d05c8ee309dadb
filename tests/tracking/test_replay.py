from types import SimpleNamespace

import pytest

from clvkit.errors import ArgumentError, OutputError
from clvkit.tracking import CandidateRecord, FitRecord, replay

ENDED = 1_700_000_000.0
RECORDS = [
    FitRecord("replayed", params={"horizon": "13W"}, seconds=60.0, ended=ENDED),
    CandidateRecord("BG/NBD", "btyd", metrics={"mae": 3.5}, seconds=2.0),
]


def fitted(records=RECORDS):
    return SimpleNamespace(fit_records_=records, tracked_run_=None)


def test_the_run_is_dated_when_the_fit_was_made(store):
    auto = fitted()
    tracked = replay(auto)
    run = store.get_run(tracked.run_id)
    assert (run.info.start_time, run.info.end_time) == (1000 * (ENDED - 60), 1000 * ENDED)
    assert run.info.status == "FINISHED"
    (child,) = store.search_runs([tracked.experiment_id], "tags.mlflow.parentRunId != ''")
    assert (child.info.start_time, child.info.end_time) == (1000 * (ENDED - 2), 1000 * ENDED)
    assert auto.tracked_run_ == tracked


def test_a_fit_can_be_written_twice(store):
    auto = fitted()
    assert replay(auto).run_id != replay(auto, store.tracking_uri).run_id


@pytest.mark.parametrize("kept", [None, []], ids=repr)
def test_there_is_nothing_without_tracking(kept):
    with pytest.raises(ArgumentError, match="made without tracking"):
        replay(fitted(kept))


def test_a_server_that_is_still_gone_is_an_error(tmp_path):
    auto = fitted()
    with pytest.raises(OutputError, match=r"could not be written to 'nonsense://x'.*replay again"):
        replay(auto, "nonsense://x")
    assert auto.tracked_run_ is None
