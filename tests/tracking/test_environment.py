import json
import subprocess
from pathlib import Path

import pytest

from clvkit.tracking import FitRecord, MLflowWriter, describe_environment

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")


def git(folder, *arguments):
    done = subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one commit, as the working directory."""
    try:
        git(tmp_path, "init")
    except FileNotFoundError:
        pytest.skip("git is not installed")
    (tmp_path / "fit.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_versions_and_platform_are_told_and_no_host():
    import platform

    found = describe_environment()
    assert {"python", "platform", "cpu_count", "packages"} <= set(found)
    assert {"scikit-learn", "numpy", "mlflow"} <= set(found["packages"])
    assert platform.node() not in json.dumps(found)


def test_the_commit_of_the_working_directory_is_told(repository):
    found = describe_environment()
    assert found["git_commit"] == git(repository, "rev-parse", "HEAD")
    assert found["git_changed"] is False


def test_a_tag_does_not_stand_for_the_commit(repository):
    git(repository, "tag", "-a", "v1", "-m", "one")
    assert describe_environment()["git_commit"] == git(repository, "rev-parse", "HEAD")


def test_a_changed_file_is_told(repository):
    (repository / "fit.py").write_text("2\n")
    assert describe_environment()["git_changed"] is True


def test_outside_of_a_repository_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "git_commit" not in describe_environment()


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "git_commit" not in describe_environment()


def test_the_run_keeps_it(store, repository, tmp_path_factory, monkeypatch):
    monkeypatch.setattr("mlflow.tracking.context.git_context._resolve_git_info", dict)
    found = describe_environment()
    tracked = MLflowWriter().write([FitRecord("environment", environment=found)])
    folder = str(tmp_path_factory.mktemp("downloads"))
    file = store.download_artifacts(tracked.run_id, "environment.json", folder)
    assert json.loads(Path(file).read_text(encoding="utf-8")) == found
    tags = store.get_run(tracked.run_id).data.tags
    assert tags["mlflow.source.git.commit"] == git(repository, "rev-parse", "HEAD")
