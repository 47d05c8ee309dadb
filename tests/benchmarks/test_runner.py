"""A competitor's end is a result, whichever it is, and it sees the past only."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.adapters import read_adapter
from benchmarks.levels import LEVELS
from benchmarks.logs import load_log
from benchmarks.runner import run_adapter
from benchmarks.tasks import Task
from benchmarks.truth import split_log

TASK = Task("cdnow_sample", "1997-09-30", 90)


@pytest.fixture(scope="module")
def past():
    return split_log(load_log(TASK.log, None), TASK).past


def test_a_prediction_comes_back_by_customer(adapter, past):
    body = """
    assert log["date"].max() < cutoff + pd.Timedelta(days=1)
    assert cutoff == pd.Timestamp("1997-09-30") and days == 90
    assert list(log.columns) == ["customer_id", "date", "amount", "quantity"]
    return log.groupby("customer_id")["quantity"].sum() + seed
    """
    outcome = run_adapter(adapter(body), past, TASK, seed=1000)
    assert outcome.error == ""
    expected = past.groupby("customer_id")["quantity"].sum() + 1000.0
    assert list(outcome.prediction) == ["spend"]
    pd.testing.assert_series_equal(outcome.prediction["spend"], expected, check_names=False)
    assert 0 <= outcome.seconds < 30
    assert outcome.versions["pandas"] == pd.__version__


def test_a_fifth_parameter_asks_for_quantiles(tmp_path, past):
    path = tmp_path / "whole.py"
    path.write_text(
        "import pandas as pd\n"
        "def predict(log, cutoff, days, seed, levels):\n"
        "    table = pd.DataFrame([levels] * 2, index=[1, 2], columns=levels)\n"
        "    return table.assign(spend=3.0, purchases=0.5, active=0.25)\n"
    )
    found = run_adapter(read_adapter(path), past, TASK).prediction
    assert set(found) == {"spend", "purchases", "active", *map(str, LEVELS)}
    assert found.loc[2, [str(level) for level in LEVELS]].tolist() == list(LEVELS)
    assert found["active"].tolist() == [0.25, 0.25]


def test_ids_of_text_survive(adapter):
    log = pd.DataFrame({"customer_id": ["007", "7"], "date": pd.Timestamp("2024-01-01")})
    log["amount"] = [1.0, 2.0]
    body = "return log.set_index('customer_id')['amount']"
    outcome = run_adapter(adapter(body), log, Task("x", "2024-01-01", 1))
    assert outcome.prediction["spend"].to_dict() == {"007": 1.0, "7": 2.0}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('not\\nthis one')", "ValueError: not this one"),
        ("import not_installed_here", "ModuleNotFoundError: No module named"),
        ("return [1.0]", "returned a list, not a Series or a DataFrame"),
        ("return pd.Series([1.0, 2.0], index=[5, 5])", "returned customer 5 more than once"),
        ("return pd.Series(['a'], index=[5])", "could not convert string"),
        ("return pd.Series({'5': 1.0})", r"no number for any customer: it has 1\.0 for '5' first"),
        ("return pd.Series({1: float('nan')})", "no number for any customer: it has nan for 1"),
        (
            "return log.groupby(['customer_id', 'date'])['amount'].sum()",
            "indexed by customer_id, date, not by customer alone",
        ),
        ("return pd.DataFrame({'value': {1: 2.0}})", r"columns \['value'\]; there may be 'spend'"),
        ("return pd.DataFrame({'spend': {1: 2.0}, 0.5: {1: 1.0}})", "all of the levels"),
        ("import sys; sys.exit(3)", r"its process died \(exit code 3\)"),
        ("import os; os._exit(0)", "ended without an answer"),
        ("import os; os.kill(os.getpid(), 9)", r"died \(SIGKILL\): without a word"),
        (
            "import os; print('memory ran out', flush=True); os.abort()",
            r"died \(SIGABRT\): memory ran out",
        ),
    ],
)
def test_a_failure_is_told(body, message, adapter, past):
    outcome = run_adapter(adapter(body), past, TASK)
    assert outcome.prediction is None
    assert re.search(message, outcome.error)


def test_nobody_and_some_may_be_left_out(adapter, past):
    assert run_adapter(adapter("return pd.Series(dtype=float)"), past, TASK).prediction.empty
    body = "return pd.Series({1: 2.0, 2: float('nan'), -7: 3.0})"
    assert run_adapter(adapter(body), past, TASK).prediction["spend"].to_dict() == {1: 2.0}


def test_a_file_that_cannot_be_imported_is_told(adapter, past):
    outcome = run_adapter(adapter("return None", above="1 / 0"), past, TASK)
    assert outcome.error == "ZeroDivisionError: division by zero"


def test_too_long_is_ended_with_all_it_started(adapter, past, tmp_path):
    started, left = tmp_path / "started", tmp_path / "left"
    body = f"""
    import subprocess, sys, time
    open({str(started)!r}, 'w').close()
    code = "import time; time.sleep(3); open({str(left)!r}, 'w')"
    subprocess.Popen([sys.executable, "-c", code])
    time.sleep(60)
    """
    start = time.monotonic()
    outcome = run_adapter(adapter(body), past, TASK, time_limit=2.0)
    assert outcome.error == "it was ended after the limit of 2 s"
    assert time.monotonic() - start < 20
    time.sleep(max(0.0, 5.5 - (time.monotonic() - start)))
    assert started.exists()
    assert not left.exists()


def test_it_works_in_a_folder_that_disappears(adapter, past, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body = "open('litter', 'w').close(); return pd.Series({1: 2.0})"
    assert run_adapter(adapter(body), past, TASK).error == ""
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_files_beside_an_adapter_can_be_imported(adapter, past, tmp_path):
    (tmp_path / "_shared.py").write_text("VALUE = 3.0\n")
    made = adapter("return pd.Series({1: VALUE})", above="from _shared import VALUE")
    assert run_adapter(made, past, TASK).prediction["spend"].to_dict() == {1: 3.0}


def test_an_environment_that_cannot_be_made_is_a_result(adapter, past, monkeypatch, tmp_path):
    monkeypatch.setenv("CLVKIT_BENCHMARK_ENVS", str(tmp_path / "envs"))
    monkeypatch.setenv("PATH", "")
    made = replace(adapter("return None"), requirements=("anything",), python="3.1")
    outcome = run_adapter(made, past, TASK)
    assert outcome.error.startswith("its environment could not be made: it needs Python 3.1")
