"""What a search takes adds up, and imports are those of the environments that are there."""

from __future__ import annotations

import sys

import pytest

from benchmarks import speed_overhead
from benchmarks.speed_overhead import run_imports, run_search


def test_imports_are_timed_in_new_processes(monkeypatch):
    chosen = (
        ("nothing", "pass", None),
        ("a nap", "import time; time.sleep(0.2)", None),
        ("not there", "pass", "lifetimes_bg_nbd"),
        ("broken", "import nothing_of_this_name", None),
    )
    monkeypatch.setattr(speed_overhead, "IMPORTS", chosen)
    monkeypatch.setattr(speed_overhead, "_python", lambda peer: "" if peer else sys.executable)
    table = run_imports(repeats=2).set_index("name")
    assert table.index.tolist() == ["nothing", "a nap", "broken"]
    assert table.loc["a nap", "least"] > 0.2
    assert table.loc["broken"].isna().all()
    assert (table["least"] <= table["seconds"])["nothing"]


@pytest.mark.long
def test_a_search_takes_longer_than_its_models():
    (row,) = run_search([3], repeats=1).itertuples()
    assert row.models > 0
    assert row.final > 0
    assert row.seconds == pytest.approx(row.models + row.final + row.rest)
