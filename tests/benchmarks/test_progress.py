"""Progress is shown on a terminal only, and results are kept after each task."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from benchmarks.compare import Results
from benchmarks.progress import Keeper
from benchmarks.scorecard import ALL_METRICS
from benchmarks.tasks import Task

TASK = Task("shop", "2024-01-10", 9)
ROW = {"log": "shop", "cutoff": "2024-01-10", "days": 9, "customers": 2, "competitor": "mine"}
ROW |= {**dict.fromkeys(ALL_METRICS, 0.5), "seconds": 1.0, "error": ""}


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_sees_it(terminal, tmp_path):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120)
    with Keeper(tmp_path, {}, 2, console) as keeper:
        keeper.begins(TASK, "mine")
        keeper.ended(TASK, ROW)
        keeper.ended(TASK, ROW | {"error": "ValueError: [red]no[/red]"})
    shown = stream.getvalue()
    assert ("shop 2024-01-10 + 9  mine: D2 0.500 in 1.0 s" in shown) == terminal
    assert ("mine: ValueError: [red]no[/red]" in shown) == terminal
    assert terminal or shown == ""


def test_results_are_written_as_they_come(tmp_path):
    with Keeper(tmp_path, {"date": "today"}, 1) as keeper:
        keeper.finished(Results(pd.DataFrame([ROW]), pd.DataFrame()))
        assert pd.read_csv(tmp_path / "accuracy.csv")["run_date"].tolist() == ["today"]
        assert (tmp_path / "accuracy.md").read_text().startswith("## Accuracy\n\n- date: today")


def test_differences_of_an_earlier_run_do_not_stay(tmp_path):
    (tmp_path / "accuracy_differences.csv").write_text("of another run")
    with Keeper(tmp_path, {}, 1) as keeper:
        keeper.finished(Results(pd.DataFrame([ROW]), pd.DataFrame()))
    assert not (tmp_path / "accuracy_differences.csv").exists()
