"""The door and the features are measured beside the same work of Polars."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from benchmarks import speed_logs
from benchmarks.engines.logs import (
    describe,
    pandas_features,
    polars_features,
    polars_lists,
    prepare,
    random_log,
    series_features,
)
from benchmarks.speed_logs import PEERS, run_logs, run_scaling
from clvkit import latest_histories
from clvkit.features import default_features


def test_both_sides_see_the_same_events():
    log = random_log(50, 400)
    histories = latest_histories(log)
    lists = polars_lists(log)
    assert lists["amount"].list.len().to_list() == histories["history"].array.n_events.tolist()
    table = polars_features(pl.from_pandas(log)).sort("customer_id")
    assert table["sum"].sum() == pytest.approx(log["amount"].sum())
    year = log["date"] > log["date"].max() - pd.Timedelta(days=365)
    assert table["count_365"].sum() == year.sum() < len(log)
    assert table["sum_365"].sum() == pytest.approx(log.loc[year, "amount"].sum())
    assert len(table.columns) == 1 + 17


@pytest.mark.parametrize(
    ("do", "side"), [("door", "clvkit"), ("features", "clvkit"), *(peer[:2] for peer in PEERS)]
)
def test_every_task_is_one_of_all_customers(do, side):
    call = prepare({"do": do, "side": side, "customers": 40, "events": 300})
    assert describe(call()) == [40]


def test_peers_compute_the_same_features():
    log = random_log(50, 400)
    polars = polars_features(pl.from_pandas(log)).sort("customer_id").to_pandas()
    pandas = pandas_features(log).sort_index().fillna(0.0)
    assert_allclose(pandas["sum"], polars["sum"])
    assert_allclose(pandas["sd"], polars["sd"].fillna(0.0))
    assert pandas["count_90"].tolist() == polars["count_90"].tolist()
    one_by_one = pd.DataFrame(series_features(log))
    assert_allclose(one_by_one[1], polars["sum"])
    assert one_by_one[11].tolist() == polars["count_90"].tolist()
    assert one_by_one[5].tolist() == polars["first"].dt.days.tolist()
    assert_allclose(one_by_one[16], polars["sum_365"], atol=1e-9)


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.long)])
def _engine(request, tmp_path, monkeypatch):
    """What is measured, or the same without its imports, which take seconds a process."""
    if request.param == "stand-in":
        engine = tmp_path / "engine.py"
        engine.write_text(
            "def prepare(task):\n    return lambda: task['customers']\n"
            "def describe(result):\n    return [result]\n"
        )
        monkeypatch.setattr(speed_logs, "ENGINE", engine)


@pytest.mark.usefixtures("_engine")
def test_rows_have_times_and_memory_of_both():
    table = run_logs(200, 2_000, repeats=2)
    assert list(table["task"]) == [task for task, _, _ in PEERS]
    assert (table[["error", "peer_error"]] == "").all(axis=None)
    assert (table[["seconds", "peer_seconds"]] > 0).all(axis=None)
    assert (table["difference"] == 0).all()
    assert table["bytes"].iloc[0] == 3 * 8 * 2_000
    assert (table[["peak_bytes", "peer_peak_bytes"]] >= 0).all(axis=None)


def test_features_are_compared_with_the_table_that_comes_out():
    table = default_features().fit_transform(latest_histories(random_log(50, 400)))
    assert speed_logs._bytes("features", 50, 400) == 8 * table.size


def test_a_size_that_fails_leaves_its_message(tmp_path, monkeypatch):
    engine = tmp_path / "engine.py"
    engine.write_text(
        "def prepare(task):\n    if task['events'] > 1_000:\n        raise MemoryError('no')\n"
        "    return lambda: 1.0\ndef describe(result):\n    return [result]\n"
    )
    monkeypatch.setattr(speed_logs, "ENGINE", engine)
    table = run_scaling((1_000, 2_000), repeats=1)
    assert table["error"].tolist() == ["", "", "MemoryError: no", "MemoryError: no"]
    assert table["seconds"].isna().tolist() == [False, False, True, True]


def test_scaling_is_relative_to_the_first_size():
    table = run_scaling((1_000, 2_000), repeats=1)
    assert list(table["events"]) == [1_000, 1_000, 2_000, 2_000]
    assert list(table["relative"][:2]) == [1.0, 1.0]
    per_event = 1e9 * table["seconds"] / table["events"]
    assert_allclose(table["nanoseconds_per_event"], per_event)
    assert table["relative"][3] == pytest.approx(per_event[3] / per_event[1])
