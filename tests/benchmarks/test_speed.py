"""The command measures what it is asked for, and writes what it prints."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks import speed
from benchmarks.__main__ import main
from benchmarks.speed_tables import speed_markdown


@pytest.fixture
def door() -> pd.DataFrame:
    """What is measured of a log, in made-up figures."""
    row = {"task": "door", "peer": "Polars: lists", "customers": 100, "events": 500}
    times = {"seconds": 0.004, "peer_seconds": 0.002, "cpu_speedup": 0.6, "error": ""}
    ratios = {"speedup": 0.5, "speedup_min": 0.25, "speedup_max": 0.75, "peer_error": ""}
    memory = {"peak_bytes": 24_000_000, "peer_peak_bytes": 36_000_000, "bytes": 12_000_000}
    return pd.DataFrame([row | times | ratios | memory])


def test_the_command_prints_and_writes_the_tables(tmp_path, monkeypatch, capsys, door):
    asked = []
    monkeypatch.setattr(speed, "run_logs", lambda *size, **how: asked.append(size) or door)
    size = ["--customers", "100", "--events", "500"]
    main(["speed", "--part", "logs", *size, "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert asked == [(100, 500)]
    assert printed.strip() == (tmp_path / "speed.md").read_text().strip()
    assert "| door | Polars: lists | 500 | 4 | 2 | 0.5 [0.25, 0.75] | 0.6 | 24 | 36 |" in printed
    assert "2.0 × the three columns of the log (at most 6)" in printed
    table = pd.read_csv(tmp_path / "speed_logs.csv")
    assert list(table["task"]) == ["door"]
    assert {"run_date", "run_command", "run_machine", "run_versions"} <= set(table)


def test_parts_can_be_chosen(tmp_path, monkeypatch, capsys):
    scaling = pd.DataFrame(
        {
            "model": "NBD",
            "task": "fit",
            "customers": [10, 100, 1000],
            "seconds": [0.1, 0.1, 0.4],
            "error": ["", "", ""],
        }
    )
    search = {"trials": [6], "seconds": [9.0], "models": [6.0], "final": [1.0], "rest": [2.0]}
    imports = {"name": ["clvkit"], "seconds": [0.5], "least": [0.25]}
    monkeypatch.setattr(speed, "run_model_scaling", lambda *_, **__: scaling)
    monkeypatch.setattr(speed, "run_search", lambda *_, **__: pd.DataFrame(search | {"share": 0.2}))
    monkeypatch.setattr(speed, "run_imports", lambda **_: pd.DataFrame(imports))
    words = [word for part in ("scaling", "search", "imports") for word in ("--part", part)]
    main(["speed", *words, "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "| NBD | fit | 0.1 | 0.1 | 0.4 | 0.60 |" in printed
    assert "| 6 | 9.0 | 6.0 | 1.0 | 2.0 | 20% |" in printed
    assert "| clvkit | 0.50 | 0.25 |" in printed
    written = {path.name for path in tmp_path.iterdir()}
    assert {"speed_model_scaling.csv", "speed_search.csv", "speed_imports.csv"} < written


def test_quick_is_smaller():
    assert max(speed.QUICK.customers) < max(speed.FULL.customers)
    assert speed.QUICK.log[1] < speed.FULL.log[1]


def test_refuses_customers_without_events(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["speed", "--customers", "10", "--events", "5"])
    assert ended.value.code == 2
    assert "every customer has an event" in capsys.readouterr().err


def test_failures_are_in_the_report():
    row = {"model": "BetaGeoNBD", "task": "fit", "data": "CDNOW", "seconds": 0.002}
    failed = row | {"error": "", "peer_error": "ConvergenceError: no"}
    text = speed_markdown({"models": pd.DataFrame([failed])}, {"date": "today"})
    assert "| BetaGeoNBD | fit | CDNOW | 2 |  |  |  |" in text
    assert "- the peer, BetaGeoNBD fit CDNOW: ConvergenceError: no" in text
    fine = row | {"error": "", "peer_error": "", "peer_seconds": 0.02, "speedup": 10.0}
    fine |= {"speedup_min": 9.0, "speedup_max": 11.0, "cpu_speedup": 8.0, "difference": 1e-7}
    text = speed_markdown({"models": pd.DataFrame([fine])}, {"date": "today"})
    assert "| 2 | 20 | 10 [9, 11] | 8 |" in text
    assert "failed" not in text


def test_a_size_that_is_too_large_is_in_the_report():
    known = {"task": "door", "events": 10, "seconds": 0.5, "relative": 1.0, "error": ""}
    too_large = {"task": "door", "events": 1000, "error": "MemoryError: no"}
    table = pd.DataFrame([known | {"nanoseconds_per_event": 5e7}, too_large])
    text = speed_markdown({"scaling": table}, {"date": "today"})
    assert "| door | 10 | 0.50 | 50000000 | 1.00 |\n| door | 1,000 |  |  |  |" in text
    assert "- clvkit, door 1000: MemoryError: no" in text
