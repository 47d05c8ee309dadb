"""In which environment a fit was made."""

from __future__ import annotations

import os
import platform
import subprocess
from typing import Any

from clvkit.utils._versions import installed_versions

__all__ = ["describe_environment"]

_GIT = ("git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
_CHANGED = "-dirty"

#: A repository that takes longer to look at is not waited for.
_SECONDS = 5.0


def describe_environment() -> dict[str, Any]:
    """Return versions, platform and the git commit of the working directory.

    Returns
    -------
    dict
        ``python``, ``platform``, ``cpu_count``, ``packages`` (versions by name) and, inside a
        git repository, ``git_commit`` and ``git_changed``: whether tracked files differ from it.
        Neither users nor hosts are named.

    Examples
    --------
    >>> from clvkit.tracking import describe_environment
    >>> found = describe_environment()
    >>> {"python", "platform", "packages"} <= set(found), "scikit-learn" in found["packages"]
    (True, True)
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_count": os.cpu_count(),
        "packages": installed_versions(),
        **_git(),
    }


def _git() -> dict[str, Any]:
    """Ask git, where it is installed and this is a repository with a commit."""
    try:
        asked = subprocess.run(_GIT, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return {}
    commit = asked.stdout.strip()
    if asked.returncode or not commit:
        return {}
    return {
        "git_commit": commit.removesuffix(_CHANGED),
        "git_changed": commit.endswith(_CHANGED),
    }
