"""Where values and working files go: never over what is read, never over what is another's."""

from __future__ import annotations

import json
import os

import polars as pl
import pytest

from clvkit.btyd import BTYDRegressor
from clvkit.errors import AmountError, ArgumentError, LogError, OutputError
from clvkit.history import latest_histories
from clvkit.serving import predict_batches
from clvkit.serving._batches.run import RunFolder


@pytest.fixture
def place(log, tmp_path):
    """A folder with a log of two files."""
    folder = tmp_path / "orders"
    folder.mkdir()
    log.head(1_000).to_parquet(folder / "1.parquet")
    log.tail(1_000).to_parquet(folder / "2.parquet")
    return folder


@pytest.mark.parametrize(
    ("read", "out", "work"),
    [
        ("orders/1.parquet", "orders/1.parquet", None),
        ("orders", "orders/values.parquet", None),
        ("orders", "orders/values", None),
        ("orders/*.parquet", "orders/values.parquet", None),
        ("**/*.parquet", "values.parquet", None),
        ("orders", "values.parquet", "orders/work"),
    ],
    ids=["the log itself", "its folder", "a folder in it", "a pattern", "any depth", "work"],
)
@pytest.mark.parametrize("n_partitions", [None, 3], ids=["at once", "in parts"])
def test_nothing_is_written_that_would_be_read_as_the_log(
    btyd, place, tmp_path, read, out, work, n_partitions
):
    before = {path: path.stat().st_mtime_ns for path in place.iterdir()}
    with pytest.raises(OutputError, match="would be read as a part of the log"):
        predict_batches(
            btyd, tmp_path / read, tmp_path / out, work=work and tmp_path / work,
            n_partitions=n_partitions,
        )  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in place.iterdir()} == before


@pytest.mark.parametrize("card", [json.dumps({"lr": 0.1}), "no JSON", "[1]"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_of_another_program_is_left_alone(btyd, place, tmp_path, card, overwrite):
    work = tmp_path / "experiment"
    work.mkdir()
    (work / "run.json").write_text(card)
    (work / "weights").write_text("precious")
    neighbour = tmp_path / "experiment-final.done"
    neighbour.mkdir()
    with pytest.raises(OutputError, match="holds something else"):
        predict_batches(
            btyd, place, tmp_path / "v.csv", work=work, n_partitions=2, overwrite=overwrite
        )
    assert (work / "weights").read_text() == "precious"
    assert (work / "run.json").read_text() == card
    assert neighbour.is_dir()


def test_what_a_kill_left_of_the_removal_is_removed_the_next_time(btyd, place, tmp_path):
    left = tmp_path / f".v.csv.working-{'0' * 32}.done"
    left.mkdir()
    (left / "log-000000.arrow").write_text("")
    predict_batches(btyd, place, tmp_path / "v.csv", n_partitions=2)
    assert not left.exists()


def test_a_log_that_was_corrected_can_be_scored_without_more_ado(btyd, log, tmp_path):
    bad = log.head(500).assign(amount=lambda lines: lines["amount"].where(lines.index != 100))
    bad.to_parquet(tmp_path / "log.parquet")
    arguments = (btyd, tmp_path / "log.parquet", tmp_path / "v.parquet")
    with pytest.raises(AmountError, match="row 101"):
        predict_batches(*arguments, n_partitions=2)
    assert not list(tmp_path.glob(".*"))
    log.to_parquet(tmp_path / "log.parquet")
    assert predict_batches(*arguments, n_partitions=2).n_customers == log["customer_id"].nunique()


def test_a_run_is_kept_where_the_disk_failed(tmp_path):
    run = RunFolder(tmp_path / "work")

    def fail():
        with run.held({"log": "a"}, overwrite=False):
            run.note({"log": "a"}, {})
            raise LogError("'a' could not be read") from OSError("the network is down")

    with pytest.raises(LogError):
        fail()
    with run.held({"log": "a"}, overwrite=False) as noted:
        assert noted["identity"] == {"log": "a"}


def test_a_log_that_changes_on_the_way_is_told(btyd, place, tmp_path, monkeypatch):
    note = RunFolder.note

    def changed(self, identity, plan):
        note(self, identity, plan)
        pl.read_parquet(place / "2.parquet").head(10).write_parquet(place / "2.parquet")

    monkeypatch.setattr(RunFolder, "note", changed)
    with pytest.raises(LogError, match=r"2\.parquet' changed .* 10 rows stand .* were 1,000"):
        predict_batches(btyd, place, tmp_path / "v.parquet", n_partitions=2)


def test_places_are_tried_before_the_work(btyd, place, tmp_path, monkeypatch):
    (tmp_path / "v.parquet").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        predict_batches(btyd, place, tmp_path / "v.parquet", n_partitions=2)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match="may not be written to"):
        predict_batches(btyd, place, tmp_path / "w.parquet", n_partitions=2)


@pytest.mark.parametrize("n_partitions", ["2", 2.5, 0, 2**16 + 1])
def test_numbers_of_parts_that_are_none(btyd, place, tmp_path, n_partitions):
    with pytest.raises(ArgumentError, match="whole number between 1 and 65536"):
        predict_batches(btyd, place, tmp_path / "v.csv", n_partitions=n_partitions)


def test_models_that_cannot_read_logs_are_refused(place, tmp_path):
    model = BTYDRegressor(horizon="13W").fit(latest_histories(place))
    with pytest.raises(ArgumentError, match="BTYDRegressor does not know how to read a log"):
        predict_batches(model, place, tmp_path / "v.csv")
