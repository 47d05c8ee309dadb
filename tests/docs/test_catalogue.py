"""The catalogue of features in the documentation names every feature, in order, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clvkit.features import (
    CadenceFeatures,
    CohortFeatures,
    RFMFeatures,
    TenureFeatures,
    default_features,
)
from clvkit.testing._history_logs import CUTOFFS, random_logs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"
GROUPS = [RFMFeatures(), TenureFeatures(), CohortFeatures(), CadenceFeatures()]


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


def test_every_default_feature_has_a_name_a_unit_and_a_definition():
    X = random_logs(0, n_customers=60).histories(CUTOFFS[-1])
    pipeline = default_features().set_params(
        history__season__horizon="5W", history__attribute__max_values=2
    )
    listed = [(_pattern(row[0]), row) for row in _rows_of_the_catalogue()]
    for name in pipeline.fit(X).get_feature_names_out():
        found = [row for pattern, row in listed if re.fullmatch(pattern, name)]
        assert found, f"docs/features.md does not list {name}"
        assert all(len(row) >= 3 and all(row) for row in found), f"{name} lacks a cell"


def _rows_of_the_catalogue() -> list[list[str]]:
    text = PAGE.read_text(encoding="utf-8")
    catalogue = text[text.index("## Catalogue") : text.index("## The rule for what is learnt")]
    rows = [_cells(line) for line in catalogue.splitlines() if line.startswith("| `")]
    # Places that nobody took are told of in a sentence, and are like the taken ones.
    return [*rows, ["`channel_place_8_...`", "as above", "of a place that nobody took"]]


def _pattern(cell: str) -> str:
    """Return an expression for the names in a cell of the catalogue.

    Numbers, and the months in a list from one to another, stand for any; so do ``{s}`` (a
    stream), ``{w}`` (a number) and ``...``. Attributes are those of the examples.
    """
    names = [re.escape(name.replace("=web_", "=VALUE_")) for name in re.findall("`(.+?)`", cell)]
    pattern = "|".join(names)
    for old, new in {
        r"\\{s\\}": "visits",
        r"\\{w\\}": "9",
        r"\\.\\.\\.$": "(events|spend|share)",
        "VALUE": "(shop|web)",
        "january": "[a-z]+",
        "[0-9]+": "[0-9]+",
    }.items():
        pattern = re.sub(old, new.replace("\\", "\\\\"), pattern)
    return pattern


def _section(title: str) -> str:
    """Return what stands between the heading of that title and the next heading."""
    text = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"^### {title}$(.*?)(?=^#)", text, flags=re.MULTILINE | re.DOTALL)
    assert match is not None, f"docs/features.md has no section {title}"
    return match[1]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
