"""``make`` on systems that lack something: it says what, and mends what it can.

A script stands for Python, so that nothing is installed and no environment is real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(
    os.name != "posix" or shutil.which("make") is None, reason="needs make and a POSIX shell"
)

#: Notes how it was called, fails where the code holds $FAILS, and makes environments of itself.
PYTHON = """#!/bin/sh
here=$(dirname "$0")
echo "$(basename "$(dirname "$here")") $*" >> "$NOTES"
if [ -n "$FAILS" ]; then case "$*" in *"$FAILS"*) exit 1;; esac; fi
case "$*" in
  "--version") echo "Python 3.99";;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && touch "$3/bin/pip";;
  "-m pip --version") test -e "$here/pip";;
  "-m pip install "*)
    printf '#!/bin/sh\\necho "ran $*"\\n' > "$here/clvkit"
    chmod +x "$here/clvkit";;
  *) exec REAL "$@";;
esac
"""


class Project:
    """A folder with the Makefile, and a Python that is none."""

    def __init__(self, folder):
        self.folder, self.notes = folder, folder / "notes"
        self.venv = folder / ".venv"
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        self.python = folder / "system" / "bin" / "python3"
        self.python.parent.mkdir(parents=True)
        self.python.write_text(PYTHON.replace("REAL", sys.executable))
        self.python.chmod(0o755)

    def make(self, *arguments, fails="", python=None):
        """Run make, and return its exit code, output, and the calls of Python."""
        self.notes.unlink(missing_ok=True)
        environment = {
            "PATH": f"{self.python.parent}:{os.environ['PATH']}",
            "FAILS": fails,
            "NOTES": str(self.notes),
        }
        named = [] if python is None else [f"PYTHON={python}"]
        done = subprocess.run(
            ["make", *arguments, *named],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        calls = self.notes.read_text().splitlines() if self.notes.exists() else []
        return done.returncode, done.stdout + done.stderr, calls


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_demo_makes_the_environment_once(project):
    code, output, calls = project.make("demo")
    assert code == 0, output
    assert output.endswith("ran demo --out clvkit-demo\n")
    assert "system -m venv .venv" in calls
    assert sum("-m pip install" in call for call in calls) == 1
    code, output, calls = project.make("demo")
    assert code == 0, output
    assert output.endswith("ran demo --out clvkit-demo\n")
    assert not [call for call in calls if " -m " in call]
    assert {call.split()[0] for call in calls} == {".venv"}


def test_a_changed_pyproject_is_installed_again(project):
    project.make("demo")
    changed = project.folder / "pyproject.toml"
    os.utime(changed, (changed.stat().st_mtime + 3600,) * 2)
    _, _, calls = project.make("demo")
    assert any("-m pip install" in call for call in calls)
    assert not any("-m venv" in call for call in calls)


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        ("libgomp.so.1", "apt-get install libgomp1"),
        ("import venv", "apt-get install python3-venv"),
        ("version_info", "clvkit needs Python 3.11 or newer; 'python3' is Python 3.99"),
    ],
    ids=["libgomp", "venv", "version"],
)
def test_what_is_missing_is_said_before_anything_is_made(project, fails, message):
    code, output, _ = project.make("demo", fails=fails)
    assert code == 2
    assert message in output
    assert not project.venv.exists()
    assert project.make("demo")[0] == 0


def test_libgomp_is_asked_for_in_an_old_environment_too(project):
    assert project.make("demo")[0] == 0
    code, output, calls = project.make("demo", fails="libgomp.so.1")
    assert code == 2
    assert "apt-get install libgomp1" in output
    assert "ran demo" not in output
    assert all(call.startswith(".venv ") for call in calls)


def test_an_environment_without_pip_is_mended(project):
    """As an interrupted ``python -m venv`` leaves it."""
    (project.venv / "bin").mkdir(parents=True)
    shutil.copy(project.python, project.venv / "bin" / "python")
    code, output, calls = project.make("demo")
    assert code == 0, output
    assert "system -m venv .venv" in calls
    assert output.endswith("ran demo --out clvkit-demo\n")


def test_an_environment_without_python_is_made_anew(project):
    project.make("demo")
    (project.venv / "bin" / "python").unlink()
    (project.venv / "bin" / "pip").unlink()
    code, output, calls = project.make("demo")
    assert code == 0, output
    assert "system -m venv .venv" in calls
    assert any("-m pip install" in call for call in calls)


def test_an_environment_of_ones_own_is_used_as_it_is(project):
    (project.venv / "bin").mkdir(parents=True)
    shutil.copy(project.python, project.venv / "bin" / "python")
    (project.venv / "bin" / "pip").touch()
    code, output, calls = project.make("demo")
    assert code == 0, output
    assert not any("-m venv" in call for call in calls)


def test_the_python_that_is_named_makes_the_environment(project):
    other = project.folder / "other" / "bin" / "python3.12"
    other.parent.mkdir(parents=True)
    shutil.copy(project.python, other)
    code, output, calls = project.make("demo", python=other)
    assert code == 0, output
    assert "other -m venv .venv" in calls
    assert not any(call.startswith("system ") for call in calls)


def test_an_environment_of_another_python_is_not_taken_in_silence(project):
    project.make("demo")
    other = project.folder / "other"
    other.write_text("#!/bin/sh\necho 3.98\n")
    other.chmod(0o755)
    code, output, _ = project.make("demo", python=other)
    assert code == 2
    assert f"'.venv' was made with Python 3.99, not with PYTHON={other}." in output
    assert "make clean" in output
    assert project.make("demo", python=project.python)[0] == 0


def test_a_python_that_does_not_exist_is_named(project):
    code, output, _ = project.make("demo", python="python9.9")
    assert code == 2
    assert "'python9.9' is" in output
    assert "libgomp" not in output


def test_clean_leaves_what_was_there_before(project):
    made = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis")
    before = {entry.name for entry in project.folder.iterdir()}
    project.make("demo")
    for name in (*made, "clvkit-demo"):
        (project.folder / name).mkdir()
    assert project.make("clean")[0] == 0
    project.notes.unlink(missing_ok=True)
    assert {entry.name for entry in project.folder.iterdir()} == before
