"""Virtual environments of peers whose versions conflict with ours, made when first needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["EnvironmentUnavailable", "environment_folder", "python_of", "variables"]

ROOT = Path(__file__).resolve().parents[1]

#: Seconds that an installation may take.
TIME_LIMIT = 900

#: Environments that could not be made, and why. They are tried once a run: without a network pip
#: waits for long, and every task would wait again.
_FAILED: dict[Path, str] = {}


class EnvironmentUnavailable(Exception):
    """An environment cannot be made; the message says why."""


def environment_folder(requirements: Sequence[str], python: str | None) -> Path:
    """Return where the environment of these requirements is or would be.

    Environments are kept in ``benchmarks/.envs``, or where CLVKIT_BENCHMARK_ENVS says.
    """
    default = Path(__file__).parent / ".envs"
    root = Path(os.environ.get("CLVKIT_BENCHMARK_ENVS", default)).resolve()
    text = "\n".join([python or "", *sorted(requirements)])
    return root / hashlib.sha256(text.encode()).hexdigest()[:12]


def variables(own: bool) -> dict[str, str]:
    """Return the environment variables of a process in our environment (``own``) or another.

    Ours finds this package without an installation. Packages of ours are no help to an
    environment of other versions. Idle threads of OpenMP do not spin on the cores.
    """
    return os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(ROOT) if own else ""}


def python_of(requirements: Sequence[str], python: str | None = None) -> Path:
    """Return the Python of an environment with these requirements, which is made if need be.

    It is made beside its place and moved there complete, so that an interrupted or a second
    installation at the same time leaves no half of one.
    """
    folder = environment_folder(requirements, python)
    executable = Path("Scripts", "python.exe") if os.name == "nt" else Path("bin", "python")
    if (folder / executable).exists():
        return folder / executable
    if folder in _FAILED:
        raise EnvironmentUnavailable(_FAILED[folder])
    try:
        _make(folder, executable, requirements, python)
    except EnvironmentUnavailable as error:
        _FAILED[folder] = str(error)
        raise
    return folder / executable


def _make(folder: Path, executable: Path, requirements: Sequence[str], python: str | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # one whose Python is gone
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="making-"))
    try:
        _run([_interpreter(python), "-m", "venv", str(made)])
        pip = [str(made / executable), "-m", "pip", "install", "--quiet"]
        _run([*pip, "--disable-pip-version-check", *requirements])
        made.replace(folder)
    except OSError:
        if not (folder / executable).exists():  # else somebody else was faster
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _interpreter(version: str | None) -> str:
    """Return a Python of this version: the running one, or one on the path."""
    if version is None or version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for folder in folders:
        found = shutil.which(f"python{version}", path=folder)
        # The name may stand for a manager of versions that has not got this one.
        if found and subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return found
    raise EnvironmentUnavailable(f"it needs Python {version}, which is not on the path")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentUnavailable(f"{error}") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines
        raise EnvironmentUnavailable(
            f"`{' '.join(command[1:])}` failed: {errors[-1] if errors else 'without a word'}"
        )
