"""Speed that is lost is told of, whatever else the machine does."""

from __future__ import annotations

import json
import time

import pytest

from benchmarks import guard
from benchmarks.__main__ import main
from benchmarks.guard import LIMITS, measure, too_slow, workloads


def busy(seconds):
    """Return a call that takes so much time of the processor."""

    def call():
        start = time.process_time()
        while time.process_time() - start < seconds:
            pass

    return call


def test_every_call_has_a_limit():
    assert list(json.loads(LIMITS.read_text())) == list(workloads())


def test_ratios_are_those_of_the_least_times(monkeypatch):
    monkeypatch.setattr(guard, "_fixed_work", lambda data: busy(0.01)())
    found = measure({"long": busy(0.04), "short": busy(0.005)}, 3)
    assert found["long"] == pytest.approx(4.0, rel=0.2)
    assert found["short"] == pytest.approx(0.5, rel=0.2)


def test_what_is_above_its_limit_is_named():
    found = too_slow({"door": 2.5, "features": 1.0}, {"door": 2.0, "features": 1.0})
    assert found == ["door (2.5, limit 2)"]


def test_limits_are_written_and_held(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(guard, "LIMITS", tmp_path / "guard.json")
    monkeypatch.setattr(guard, "_fixed_work", lambda data: busy(0.01)())
    monkeypatch.setattr(guard, "workloads", lambda: {"door": busy(0.01)})
    main(["guard", "--write", "--repeats", "2"])
    limit = json.loads((tmp_path / "guard.json").read_text())["door"]
    assert limit == pytest.approx(guard.SLACK, rel=0.2)
    assert "| door | " in capsys.readouterr().out
    monkeypatch.setattr(guard, "workloads", lambda: {"door": busy(0.04)})
    with pytest.raises(SystemExit) as stopped:
        main(["guard", "--repeats", "2"])
    assert stopped.value.code == 2
    assert "slower than the limits in guard.json allow: door (" in capsys.readouterr().err


def test_what_was_slow_only_once_is_not_told_of(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(guard, "LIMITS", tmp_path / "guard.json")
    (tmp_path / "guard.json").write_text('{"door": 2.0, "features": 2.0}')
    monkeypatch.setattr(guard, "workloads", lambda: dict.fromkeys(["door", "features"]))
    asked = []

    def found(calls, repeats):
        asked.append(list(calls))
        return {name: 3.0 if name == "door" and len(asked) == 1 else 1.5 for name in calls}

    monkeypatch.setattr(guard, "measure", found)
    main(["guard"])
    assert asked == [["door", "features"], ["door"]]
    assert "| door | 1.5 | 2 |" in capsys.readouterr().out
