"""Environments of peers are made once and whole, or not at all with a reason."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks import environments
from benchmarks.environments import EnvironmentUnavailable, environment_folder, python_of


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("CLVKIT_BENCHMARK_ENVS", str(tmp_path / "envs"))
    return tmp_path / "envs"


@pytest.fixture
def package(tmp_path):
    """A package that installs without an index, from a folder."""
    folder = tmp_path / "tiny-1.0-py3-none-any"
    about = folder / "tiny-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "tiny.py").write_text("VALUE = 42\n")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (about / "WHEEL").write_text("Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: true\n")
    (about / "RECORD").write_text("")
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    code = f"import shutil; shutil.make_archive({str(wheel)!r}, 'zip', {str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    (tmp_path / "tiny-1.0-py3-none-any.whl.zip").rename(wheel)
    return str(wheel)


def test_it_is_made_once_and_used_again(package, root, monkeypatch):
    python = python_of([package])
    code = "import tiny; print(tiny.VALUE)"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "42"
    assert [path.name for path in root.iterdir()] == [environment_folder([package], None).name]
    with monkeypatch.context() as patch:
        patch.setattr(environments, "_run", lambda command: pytest.fail("installed again"))
        assert python_of([package]) == python
    # One whose Python is gone, as after an update of the system, is made anew.
    made = []
    monkeypatch.setattr(environments, "_run", made.append)
    python.unlink()
    python_of([package])
    assert len(made) == 2
    assert not python.exists()


def test_what_cannot_be_installed_leaves_nothing_behind(tmp_path, root, monkeypatch):
    real = environments._run

    def with_our_pip(command):  # it fails alike, without seconds for an environment of its own
        if "pip" in command:
            real([sys.executable, *command[1:]])

    monkeypatch.setattr(environments, "_run", with_our_pip)
    with pytest.raises(EnvironmentUnavailable, match=r"pip install.*failed: ERROR"):
        python_of(["--no-index", str(tmp_path / "nothing-1.0-py3-none-any.whl")])
    assert list(root.iterdir()) == []
    # Nor is it tried again in this run, for every task would wait for it.
    monkeypatch.setattr(environments, "_run", lambda command: pytest.fail("tried again"))
    with pytest.raises(EnvironmentUnavailable, match=r"pip install.*failed: ERROR"):
        python_of(["--no-index", str(tmp_path / "nothing-1.0-py3-none-any.whl")])


def test_a_python_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EnvironmentUnavailable, match=r"needs Python 3\.1, which"):
        python_of(["anything"], "3.1")


def test_the_folder_depends_on_what_is_in_it():
    folders = {
        environment_folder(("a", "b"), "3.11"),
        environment_folder(("b", "a"), "3.11"),
        environment_folder(("a",), "3.11"),
        environment_folder(("a", "b"), None),
    }
    assert len(folders) == 3
