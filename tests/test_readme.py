"""The README's examples run as they stand, in a folder of their own."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning")
def test_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(
        str(ROOT / "README.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert result.attempted >= 10
    assert result.failed == 0
    assert [path.name for path in tmp_path.iterdir()] == ["cdnow-model"]


def test_the_readme_names_files_that_exist():
    text = (ROOT / "README.md").read_text()
    pages = {part.split(")")[0] for part in text.split("](")[1:]}
    assert pages
    assert [page for page in pages if not (ROOT / page).exists()] == []
