"""The command chooses tasks and competitors, and says what it left out."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.__main__ import main
from benchmarks.accuracy import add_arguments, chosen_adapters, chosen_tasks
from benchmarks.errors import BenchmarkError
from benchmarks.simulated import SIMULATED
from benchmarks.tasks import QUICK, STANDARD, Task

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


@pytest.fixture(autouse=True)
def _no_folder(monkeypatch):
    monkeypatch.delenv("CLVKIT_DATA", raising=False)


def asked(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_with_their_logs_the_standard_tasks_run(tmp_path):
    for name in {task.log for task in STANDARD}:
        (tmp_path / f"{name}.parquet").touch()
    assert chosen_tasks(asked(), tmp_path) == list(STANDARD)
    assert chosen_tasks(asked("--quick"), tmp_path) == list(QUICK)
    both = chosen_tasks(asked("--quick", "--simulated"), tmp_path)
    assert len(both) == len(QUICK) + len(SIMULATED)


def test_without_their_logs_simulated_ones_stand_in(capsys):
    tasks = chosen_tasks(asked("--quick"), None)
    assert tasks[0] == Task("cdnow_sample", "1997-09-30", 273)
    assert [task.log for task in tasks[1:]] == ["sim:bg_nbd", "sim:seasonal", "sim:refunds"]
    assert (
        "Left out, for want of --data: grocery_elog 2006-12-31 + 364, onl"
        in capsys.readouterr().err
    )


def test_named_tasks_are_the_only_ones():
    tasks = chosen_tasks(asked("--task", "a:2024-01-01:9", "--task", "b:2024-01-01:8"), None)
    assert tasks == [Task("a", "2024-01-01", 9), Task("b", "2024-01-01", 8)]


def test_simulated_ones_can_be_named():
    found = chosen_tasks(
        asked("--task", "a:2024-01-01:9", "--simulated", "mbg_nbd", "refunds"), None
    )
    assert [task.log for task in found] == ["a", "sim:mbg_nbd", "sim:refunds"]


def test_a_quick_run_leaves_out_what_takes_a_minute_unless_it_is_named():
    quick = {adapter.name for adapter in chosen_adapters(None, quick=True)}
    assert {adapter.name for adapter in chosen_adapters(None)} - quick == {
        "autogluon_tabular",
        "flaml_automl",
        "pymc_marketing_map",
    }
    assert [a.name for a in chosen_adapters(["flaml_automl"], quick=True)] == ["flaml_automl"]


def test_a_run_goes_on_where_it_was_ended(adapter, tmp_path, capsys):
    counted = tmp_path / "counted"
    mine = adapter(
        f"open({str(counted)!r}, 'a').write('x')\nreturn log.groupby('customer_id')['amount'].sum()"
    )
    words = ["accuracy", "--task", "cdnow_sample:1997-12-31:90", "--competitor", str(mine.path)]
    words += ["--resamples", "9", "--out", str(tmp_path / "out")]
    main(words)
    first = pd.read_csv(tmp_path / "out" / "accuracy.csv")
    main([*words, "--resume", "--competitor", "past_rate", "--reference", "past_rate"])
    scores = pd.read_csv(tmp_path / "out" / "accuracy.csv").set_index("competitor")
    assert counted.read_text() == "x"
    assert scores.loc["mine", "seconds"] == first["seconds"][0]
    assert scores.index.tolist() == ["mine", "past_rate"]
    assert set(pd.read_csv(tmp_path / "out" / "accuracy_differences.csv")["competitor"]) == {"mine"}
    main([*words, "--resume", "--again", "mine"])
    assert counted.read_text() == "xx"
    assert "### D2, all tasks (1)" in capsys.readouterr().out


def test_what_does_not_run_cannot_run_again(capsys):
    with pytest.raises(SystemExit):
        main(["accuracy", "--competitor", "past_rate", "--resume", "--again", "past_rates"])
    assert (
        "--again past_rates is none of the competitors, which are past" in capsys.readouterr().err
    )


def test_competitors_are_named_once(tmp_path):
    twice = chosen_adapters(["past_rate", "past_rate"])
    assert [adapter.name for adapter in twice] == ["past_rate"]
    other = tmp_path / "past_rate.py"
    other.write_text("def predict(log, cutoff, days, seed): ...")
    with pytest.raises(BenchmarkError, match="two competitors are called 'past_rate'"):
        chosen_adapters(["past_rate", str(other)])


def test_the_list_runs_nothing(capsys):
    main(["accuracy", "--quick", "--list"])
    out = capsys.readouterr().out
    assert "  cdnow_sample 1997-09-30 + 273\n" in out
    assert "  past_rate: Past spend per day" in out


def test_a_log_of_ones_own(tmp_path, capsys):
    log = pd.DataFrame({"client": ["x", "y", "x"], "amount": [1.0, 2.0, 4.0]})
    log["date"] = ["2024-01-01", "2024-01-05", "2024-01-12 10:00"]
    log.to_csv(tmp_path / "shop.csv", index=False)
    words = ["--data", str(tmp_path), "--task", "shop:2024-01-10:9", "--customer-id", "client"]
    words += ["--competitor", "past_rate", "--out", str(tmp_path / "out")]
    main(["accuracy", *words])
    printed = capsys.readouterr()
    assert "last event of the log is 7 days before the end" in printed.err
    assert "### shop, 2024-01-10 + 9 days, 2 customers" in printed.out
    row = pd.read_csv(tmp_path / "out" / "accuracy.csv").iloc[0]
    assert row["competitor"] == "past_rate"
    # x spends 4 after 1 in ten days, y nothing after 2 in six, which count as nine.
    assert row["mae"] == pytest.approx((abs(4 - 0.9) + 2) / 2)


def test_a_log_by_its_path_has_its_latest_periods(tmp_path, capsys):
    days = pd.date_range("2024-01-01", "2024-12-31")
    log = pd.DataFrame({"who": [1, 2] * 183, "date": days, "amount": 1.0})
    log.to_csv(tmp_path / "my.csv", index=False)
    words = ["--log", str(tmp_path / "my.csv"), "--days", "120", "--customer-id", "who", "--list"]
    main(["accuracy", *words])
    listed = capsys.readouterr().out
    assert listed.count("my.csv 2024-") == 3
    assert "my.csv 2024-09-02 + 120" in listed


def test_an_estimator_of_ones_own_is_listed(capsys):
    main(["accuracy", "--quick", "--list", "--model", "my_module:make_estimator"])
    assert "  my_module-make_estimator: my_module:make_estimator" in capsys.readouterr().out


def test_what_cannot_be_run_is_said_before_anything_runs(tmp_path, capsys):
    words = ["--task", "cdnow_sample:1997-12-31:90", "--task", "nothing:2024-01-01:9"]
    with pytest.raises(SystemExit) as stopped:
        main(["accuracy", *words, "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    assert "there is no log 'nothing'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_results_that_could_not_be_written_are_not_measured(tmp_path, capsys):
    (tmp_path / "file").touch()
    words = ["--task", "cdnow_sample:1997-12-31:90", "--competitor", "past_rate"]
    with pytest.raises(SystemExit):
        main(["accuracy", *words, "--out", str(tmp_path / "file")])
    printed = capsys.readouterr()
    assert "results cannot be written to" in printed.err
    assert printed.out == ""


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without a signal")
def test_ended_from_outside_it_ends_the_competitor(adapter, tmp_path):
    mine = adapter(
        f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"
        "; time.sleep(60)"
    )
    words = ["--task", "cdnow_sample:1997-12-31:90", "--competitor", str(mine.path)]
    command = [sys.executable, "-m", "benchmarks", "accuracy", *words, "--out", str(tmp_path)]
    process = subprocess.Popen(command, cwd=PAGE.parents[1])
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.terminate()
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_reference_that_was_named_has_to_run(tmp_path, capsys):
    words = ["--task", "cdnow_sample:1997-12-31:90", "--competitor", "past_rate"]
    with pytest.raises(SystemExit):
        main(["accuracy", *words, "--reference", "last_period", "--out", str(tmp_path)])
    assert "the reference 'last_period' is none of the competitors" in capsys.readouterr().err


def section():
    text = PAGE.read_text(encoding="utf-8").partition("\n## Adding a competitor\n")[2]
    return text.partition("\n## ")[0]


def named_files():
    """Return name -> text of the adapters of the page, each named before its block."""
    return dict(re.findall(r"`(\w+\.py)`[^`]*```python\n(.*?)^```$", section(), re.M | re.DOTALL))


def follow_the_page(folder, monkeypatch):
    """Save the files of the page in a folder, and work there."""
    for name, text in named_files().items():
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)


def test_an_adapter_by_the_page_works(tmp_path, monkeypatch, capsys):
    follow_the_page(tmp_path, monkeypatch)
    (command,) = re.findall(r"^python -m benchmarks .*$", section(), re.MULTILINE)
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "benchmarks"]
    monkeypatch.setattr(sys, "argv", words[2:])
    main()
    assert re.search(r"^\| last_year \| 0\.\d{3} \|", capsys.readouterr().out, re.MULTILINE)
    scores = pd.read_csv(tmp_path / "benchmarks" / ".results" / "accuracy.csv")
    assert scores["competitor"].tolist() == ["last_year", "past_rate"]
    assert scores["error"].isna().all()
    assert "--competitor last_year.py" in scores["run_command"][0]


@pytest.mark.long
def test_an_adapter_with_an_environment_by_the_page_works(tmp_path, monkeypatch):
    follow_the_page(tmp_path, monkeypatch)
    main(["accuracy", "--task", "cdnow_sample:1997-12-31:90", "--competitor", "mbg_nbd.py"])
    row = pd.read_csv(tmp_path / "benchmarks" / ".results" / "accuracy.csv").iloc[0]
    assert pd.isna(row["error"])
    assert 0.1 < row["d2_tweedie"] < 0.5


def test_the_page_names_every_competitor():
    text = PAGE.read_text(encoding="utf-8").partition("\n## The competitors\n")[2]
    text = text.partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    named = {name for line in rows for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == {adapter.name for adapter in chosen_adapters(None)}
