"""The catalogue of features in the documentation names every feature, in order, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clvkit.features import CohortFeatures, RFMFeatures, TenureFeatures

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"
GROUPS = [RFMFeatures(), TenureFeatures(), CohortFeatures()]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: type(group).__name__)
def test_the_catalogue_is_complete(group, cdnow_histories):
    section = _section(type(group).__name__)
    rows = [_cells(line) for line in section.splitlines() if line.startswith("| `")]
    assert [row[0].strip("`") for row in rows] == list(
        group.fit(cdnow_histories).get_feature_names_out()
    )
    assert all(len(row) == 4 and all(row) for row in rows), "a feature lacks unit, meaning or NaN"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: type(group).__name__)
def test_the_parameters_are_named_with_their_defaults(group):
    section = _section(type(group).__name__)
    for name, value in group.get_params().items():
        shown = f'"{value}"' if isinstance(value, str) else repr(value)
        assert f"`{name}={shown}`" in section


def _section(title: str) -> str:
    """Return what stands between the heading of that title and the next heading."""
    text = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"^### {title}$(.*?)(?=^#)", text, flags=re.MULTILINE | re.DOTALL)
    assert match is not None, f"docs/features.md has no section {title}"
    return match[1]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
