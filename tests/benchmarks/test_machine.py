"""A table says on what and by what it was measured."""

from __future__ import annotations

import datetime as dt
import platform

import numpy as np

from benchmarks.machine import describe_run, versions_of


def test_a_run_is_described():
    about = describe_run(["accuracy", "--data", "my logs"])
    assert list(about) == ["date", "command", "machine", "versions"]
    assert about["command"] == "python -m benchmarks accuracy --data 'my logs'"
    now = dt.datetime.now().astimezone()
    assert abs(now - dt.datetime.fromisoformat(about["date"])) < dt.timedelta(minutes=1)
    assert " cores, " in about["machine"]
    assert " memory, " in about["machine"]
    assert f"numpy {np.__version__}" in about["versions"]


def test_packages_that_are_not_there_are_left_out():
    assert versions_of(["no-such-package"]) == {"python": platform.python_version()}
