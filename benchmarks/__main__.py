"""The command line of the benchmarks: each subcommand is a module with the same two functions."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from benchmarks.errors import BenchmarkError

#: What ``python -m benchmarks NAME`` does. ``benchmarks/NAME.py``, or what MODULES says, holds
#: ``add_arguments(parser)`` and ``main(arguments)``.
COMMANDS = {
    "accuracy": "competitors on periods of real logs that they have not seen",
    "batch": "clvkit predict on a log that is larger than its memory",
    "intervals": "whether intervals of customers and totals hold, out of time",
    "numerical": "likelihoods and predictions against many digits",
    "sizing": "what a million customers and events cost, and what many will",
    "speed": "fit, door and features against peers, timed in one run",
    "guard": "whether anything became much slower, within a minute",
    "tables": "writes the tables of README and docs from benchmarks/results",
}
MODULES = {"tables": "published"}


def main(argv: Sequence[str] | None = None) -> None:
    # Read when an OpenMP library loads: idle threads must not spin on the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="command", required=True)
    modules = {
        name: importlib.import_module(f"benchmarks.{MODULES.get(name, name)}") for name in COMMANDS
    }
    for name, summary in COMMANDS.items():
        modules[name].add_arguments(commands.add_parser(name, help=summary, description=summary))
    arguments = parser.parse_args(argv)
    try:
        modules[arguments.command].main(arguments)
    except BenchmarkError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    main()
