"""On what and by what a table was measured: it is worth nothing without."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["PACKAGES", "describe_run", "versions_of"]

#: Packages that decide results in the environment of the benchmark itself.
PACKAGES = (
    "clvkit-automl",
    "numpy",
    "scipy",
    "pandas",
    "polars",
    "scikit-learn",
    "lightgbm",
    "optuna",
)


def describe_run(argv: Sequence[str] | None = None) -> dict[str, str]:
    """Return date, command, machine and versions, for the head of a table.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments of the command; by default those of this process.
    """
    arguments = sys.argv[1:] if argv is None else argv
    return {
        "date": dt.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": f"python -m benchmarks {shlex.join(arguments)}",
        "machine": f"{_processor()}, {_cores()} cores, {_memory()} memory, {platform.platform()}",
        "versions": ", ".join(f"{k} {v}" for k, v in versions_of(PACKAGES).items()),
    }


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return Python's version, and of each package that is installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _cores() -> int:
    """Return the cores that this process may use, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"
