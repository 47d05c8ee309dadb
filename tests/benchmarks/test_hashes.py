"""A log that is not the published one is told of, and measured all the same."""

from __future__ import annotations

import pandas as pd

from benchmarks.hashes import SHA256, unlike
from benchmarks.logs import load_log, unlike_published
from benchmarks.tasks import STANDARD

LOG = pd.DataFrame({"customer_id": [1, 2], "date": "2024-01-01", "amount": 1.0})


def test_every_standard_log_has_one():
    assert {name.removesuffix(".parquet") for name in SHA256} == {task.log for task in STANDARD}


def test_another_file_of_the_name_is_told_of(tmp_path):
    LOG.to_parquet(tmp_path / "cdnow.parquet")
    words = unlike(tmp_path / "cdnow.parquet")
    assert "not the file that the published results were measured on" in words
    assert SHA256["cdnow.parquet"][:12] in words
    assert unlike_published(["cdnow", "cdnow", "nothing"], tmp_path) == [words]
    assert len(load_log("cdnow", tmp_path)) == 2


def test_other_names_may_hold_anything(tmp_path):
    LOG.to_csv(tmp_path / "cdnow.csv", index=False)
    assert unlike_published(["cdnow", "cdnow_sample", "sim:bg_nbd"], tmp_path) == []


def test_the_published_files_are_known(shared_data):
    there = [task.log for task in STANDARD if task.log != "online_retail_II"]
    assert unlike_published(there, shared_data) == []
