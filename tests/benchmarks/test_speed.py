"""The benchmark times what it says it times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks.speed import polars_features, polars_lists, run, simulate_log
from clvkit import latest_histories


def test_both_sides_see_the_same_events():
    log = simulate_log(50, 400)
    histories = latest_histories(log)
    lists = polars_lists(log)
    assert lists["amount"].list.len().to_list() == histories["history"].array.n_events.tolist()
    table = polars_features(pl.from_pandas(log)).sort("customer_id")
    assert table["sum"].sum() == pytest.approx(log["amount"].sum())
    assert table["count_365"].sum() <= len(log)
    assert len(table.columns) == 18


def test_ratios_are_of_the_same_run():
    table = run(200, 2_000, 3)
    assert (table["ratio_min"] <= table["ratio"]).all()
    assert (table["ratio"] <= table["ratio_max"]).all()
    assert (table["seconds"] >= 0).all()


def test_the_command_prints_the_table():
    command = [sys.executable, "-m", "benchmarks", "speed", "--customers", "100"]
    result = subprocess.run(
        [*command, "--events", "500", "--repeats", "1"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert "door against sort and group into lists" in result.stdout
