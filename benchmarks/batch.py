"""How fast ``clvkit predict`` scores a log that is larger than its memory, and what it takes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.arguments import whole_number
from benchmarks.decade import CHAMPIONS, fit_champion, write_decade_log
from benchmarks.environments import variables
from benchmarks.errors import BenchmarkError
from benchmarks.machine import describe_run
from benchmarks.tables import heading, markdown_table, results_folder, write_tables

__all__ = ["add_arguments", "main", "measure_predict", "resident_bytes"]

#: Customers that a champion is fitted on.
TRAINED_ON = 20_000

EXPLANATION = (
    "`clvkit predict` as a process of its own, from its start to its end. *Processor* is the time "
    "of all its threads: what a quiet machine with as many cores could not be faster than is that "
    "time divided by the cores. *Memory* is the highest sum of resident memory of the process and "
    "those that it started."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    number = whole_number(1)
    parser.add_argument("--customers", type=number, default=2_000_000, metavar="N")
    parser.add_argument("--events", type=number, default=20_000_000, metavar="N")
    parser.add_argument("--memory", default="4GB", metavar="SIZE", help="that predict is given")
    parser.add_argument(
        "--champion", action="append", choices=list(CHAMPIONS), help="by default both"
    )
    parser.add_argument("--out", default="benchmarks/results", metavar="FOLDER")


def main(arguments: argparse.Namespace) -> None:
    """Make the log, score it with each champion, print the table and write it."""
    if arguments.customers > arguments.events:
        raise BenchmarkError("every customer has an event or more: give --events as well.")
    out = results_folder(arguments.out)
    size = {"customers": arguments.customers, "events": arguments.events}
    rows = []
    with tempfile.TemporaryDirectory(prefix="clvkit-batch-") as name:
        log = Path(name, "log.parquet")
        write_decade_log(size["customers"], size["events"], log)
        for champion in arguments.champion or CHAMPIONS:
            model = Path(name, champion)
            fit_champion(champion, log, TRAINED_ON).save(model)
            measured = measure_predict(model, log, Path(name, "values.parquet"), arguments.memory)
            rows.append({"champion": champion, **size, "memory": arguments.memory, **measured})
    table = pd.DataFrame(rows)
    described = describe_run()
    text = "\n".join([heading("Batch", described), EXPLANATION, "", _markdown(table), ""])
    print(text)
    written = write_tables(out, "batch", text, {"batch": table}, described)
    print(f"Written: {', '.join(map(str, written))}", file=sys.stderr)


def measure_predict(model: Path, log: Path, out: Path, memory: str) -> dict[str, Any]:
    """Run ``clvkit predict``; return seconds, processor seconds and the peak of memory.

    Raises
    ------
    BenchmarkError
        If the command fails.
    """
    run = "import sys; from clvkit.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "predict", str(model), str(log)]
    command += ["--out", str(out), "--memory", memory, "--quiet"]
    before, start = _children_seconds(), time.perf_counter()
    process = subprocess.Popen(command, env=variables(True))
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident_bytes(process.pid))
        time.sleep(0.02)
    seconds, processor = time.perf_counter() - start, _children_seconds() - before
    if process.returncode:
        raise BenchmarkError(f"clvkit predict ended with code {process.returncode}.")
    return {"seconds": seconds, "cpu_seconds": processor, "peak_bytes": peak}


def resident_bytes(process: int) -> int:
    """Return the resident memory of a process and of those that it started; 0 off Linux."""
    try:
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks).split()
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(resident_bytes(int(i)) for i in children)


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _markdown(table: pd.DataFrame) -> str:
    header = ["champion", "customers", "events", "s", "processor s", "customers/s"]
    header += ["customers a processor second", "memory GB"]
    rows = (
        [
            row["champion"],
            f"{row['customers']:,}",
            f"{row['events']:,}",
            f"{row['seconds']:.1f}",
            f"{row['cpu_seconds']:.1f}",
            f"{row['customers'] / row['seconds']:,.0f}",
            f"{row['customers'] / row['cpu_seconds']:,.0f}",
            f"{row['peak_bytes'] / 1e9:.2f}",
        ]
        for _, row in table.iterrows()
    )
    return markdown_table(header, rows)
