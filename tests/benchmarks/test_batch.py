"""clvkit predict is measured from outside, as a process."""

from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest

from benchmarks import batch
from benchmarks.__main__ import main
from benchmarks.batch import measure_predict, resident_bytes
from benchmarks.errors import BenchmarkError


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_counts_what_a_process_started():
    hold = "import sys; held = b'x' * 50_000_000; print('ready', flush=True); sys.stdin.read()"
    run = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", run], **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        alone = resident_bytes(os.getpid())
        taken = resident_bytes(process.pid)
        process.communicate("")
    assert 50e6 < taken < alone + 200e6
    assert resident_bytes(process.pid) == 0


def test_a_run_is_measured_and_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(batch, "TRAINED_ON", 300)
    arguments = ["batch", "--customers", "2500", "--events", "15000", "--champion", "btyd"]
    main([*arguments, "--out", str(tmp_path)])
    row = pd.read_csv(tmp_path / "batch.csv").iloc[0]
    assert (row["champion"], row["customers"], row["events"]) == ("btyd", 2_500, 15_000)
    assert row["cpu_seconds"] > 0
    assert row["seconds"] > 0
    assert "| btyd | 2,500 | 15,000 |" in capsys.readouterr().out


def test_what_cannot_be_run_is_said(tmp_path, capfd):
    with pytest.raises(BenchmarkError, match="ended with code 2"):
        measure_predict(tmp_path / "m", tmp_path / "l.csv", tmp_path / "v.csv", "4GB")
    assert "is no folder of a model" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        main(["batch", "--customers", "10", "--events", "5", "--out", str(tmp_path)])
