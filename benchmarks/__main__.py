"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import os


def main() -> None:
    # Read when an OpenMP library loads: idle threads must not spin on the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="command", required=True)
    speed = commands.add_parser("speed", help="door and features against Polars, in one run")
    speed.add_argument("--customers", type=int, default=100_000)
    speed.add_argument("--events", type=int, default=1_000_000)
    speed.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    from benchmarks.speed import run

    print(run(arguments.customers, arguments.events, arguments.repeats).to_string())


if __name__ == "__main__":
    main()
