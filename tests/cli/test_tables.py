"""Folders, tables and models on disk: whole or not at all, and a message where they cannot be."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from clvkit.cli._tables import (
    check_model_place,
    make_folder,
    save_model,
    write_table,
)
from clvkit.errors import OutputError


@pytest.fixture
def table():
    index = pd.Index([7, 9], name="customer_id")
    return pd.DataFrame({"clv": [0.1 + 0.2, 1e-12], "segment": [3, 10]}, index=index)


def test_a_table_is_read_as_it_was_written(table, tmp_path):
    for _ in range(2):  # the second time in place of the first
        write_table(table, tmp_path / "t.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv", index_col=0), table)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


def test_a_failed_write_leaves_the_old_table_and_no_rest(table, tmp_path, monkeypatch):
    target = tmp_path / "t.csv"
    target.write_text("old")

    def full(self, path):
        Path(path).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OutputError, match=r"t\.csv' cannot be written \(No space left on device\)"):
        write_table(table, target)
    assert target.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


def test_a_folder_in_the_place_of_a_table_is_a_message(table, tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_table(table, tmp_path / "t.csv")


def test_folders_are_made_with_those_around_them(tmp_path):
    folder = make_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert make_folder(str(folder)) == folder
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match=r"cannot be made .*Give another --out"):
            make_folder(place)


@pytest.mark.parametrize(
    "held", [[], ["model.json", "model.skops"]], ids=["an empty folder", "a model"]
)
def test_a_model_may_go_where_nothing_is_lost(tmp_path, held):
    check_model_place(tmp_path / "model")
    (tmp_path / "model").mkdir()
    for name in held:
        (tmp_path / "model" / name).touch()
    check_model_place(tmp_path / "model")


@pytest.mark.parametrize(
    "held", [["thesis.tex"], ["model.json"], ["model.json", "model.skops", "notes.txt"]]
)
def test_a_model_goes_nowhere_else(tmp_path, held):
    place = tmp_path / "model"
    place.mkdir()
    for name in held:
        (place / name).touch()
    with pytest.raises(OutputError, match=f"holds something else .*{held[-1]}.*another --out"):
        check_model_place(place)


def test_a_file_is_no_place_for_a_model(tmp_path):
    (tmp_path / "model").touch()
    with pytest.raises(OutputError, match=r"holds something else \(model\)"):
        check_model_place(tmp_path / "model")


def test_a_disk_that_does_not_take_the_model_is_a_message(tmp_path):
    class Model:
        def save(self, path):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"cannot be saved .*\(No space left on device\)"):
        save_model(Model(), tmp_path / "model")
