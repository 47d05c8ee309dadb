import socket

import pytest

from clvkit.errors import TrackingWarning
from clvkit.tracking import CandidateRecord, FitRecord, keep, write

CANDIDATE = CandidateRecord("BG/NBD", "btyd", params={"penalty": 0.1}, metrics={"mae": 3.5})


def children_of(client, tracked):
    return client.search_runs(
        [tracked.experiment_id], f"tags.mlflow.parentRunId = '{tracked.run_id}'"
    )


def test_write_is_the_writer_while_all_is_well(store):
    tracked = write(record for record in [FitRecord("fine"), CANDIDATE])
    assert store.get_run(tracked.run_id).info.status == "FINISHED"
    assert len(children_of(store, tracked)) == 1


def test_an_unreachable_server_is_a_warning(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.warns(TrackingWarning, match=r"stopped at a FitRecord.*no run was opened"):
        assert write([FitRecord("lost"), CANDIDATE], tracking_uri=uri) is None


def test_a_server_that_dies_midway_is_a_warning(store, monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("server is gone")

    def records():
        yield FitRecord("midway")
        yield CANDIDATE
        monkeypatch.setattr("mlflow.MlflowClient.log_batch", refuse)
        yield CANDIDATE
        raise AssertionError("asked for more after the server was gone")

    with pytest.warns(TrackingWarning, match=r"a CandidateRecord: ConnectionError: server is gone"):
        tracked = write(records())
    run = store.get_run(tracked.run_id)
    assert (run.data.params, run.info.status) == ({}, "FAILED")


def test_a_record_that_cannot_be_made_is_a_warning(store):
    def records():
        yield FitRecord("unmade")
        yield CANDIDATE
        raise KeyError("no such column")

    with pytest.warns(TrackingWarning, match=r"after a CandidateRecord: KeyError.*no such column"):
        tracked = write(records())
    assert store.get_run(tracked.run_id).info.status == "FAILED"
    assert len(children_of(store, tracked)) == 1


def test_not_even_the_first_record_can_be_made():
    def records():
        raise ValueError("nothing to tell")
        yield

    with pytest.warns(TrackingWarning, match=r"the first record: ValueError.*no run was opened"):
        assert write(records()) is None


def test_a_server_that_cannot_end_the_run_is_a_warning(store, monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("server is gone")

    monkeypatch.setattr("mlflow.MlflowClient.set_terminated", refuse)
    with pytest.warns(TrackingWarning, match="the end of the run: ConnectionError"):
        assert write([FitRecord("endless")]) is not None


# --- keeping records --------------------------------------------------------------------------


def test_kept_records_can_be_written_more_than_once(store):
    kept = keep(record for record in [FitRecord("kept"), CANDIDATE])
    assert write(kept).run_id != write(kept).run_id


def test_records_before_one_that_cannot_be_made_are_kept():
    def records():
        yield FitRecord("kept")
        raise KeyError("no such column")

    with pytest.warns(TrackingWarning, match=r"after a FitRecord.*KeyError.*The fit itself"):
        kept = keep(records())
    assert kept == [FitRecord("kept")]


def test_nothing_is_kept_where_the_first_cannot_be_made():
    def records():
        raise ValueError("nothing to tell")
        yield

    with pytest.warns(TrackingWarning, match="the first record of the fit could not be made"):
        assert keep(records()) == []
