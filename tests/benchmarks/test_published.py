"""What README and docs show is what was measured."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from benchmarks.__main__ import main
from benchmarks.errors import BenchmarkError
from benchmarks.published import RESULTS, ROOT, pages, rendered
from benchmarks.published_tables import TABLES


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_pages_are_as_in_the_results(page):
    """Run `python -m benchmarks tables` where this fails."""
    assert page.read_text(encoding="utf-8") == rendered(page, RESULTS)


def test_every_page_with_figures_has_tables():
    names = {path.relative_to(ROOT).as_posix() for path in pages()}
    assert {"README.md", "docs/benchmarks.md", "docs/calibration.md", "docs/validation.md"} <= names


def test_every_start_has_an_end():
    for path in pages():
        text = path.read_text(encoding="utf-8")
        marks = re.findall(r"<!-- (results|end)", text)
        assert marks == ["results", "end"] * (len(marks) // 2), path


@pytest.fixture
def results(tmp_path):
    scores = {"log": ["a", "a"], "cutoff": "2024-01-01", "days": 9, "customers": 5}
    scores |= {"competitor": ["clvkit_automl", "peer"], "d2_tweedie": [0.5, 0.25]}
    scores |= {"normalized_gini": [0.7, 0.6], "total_bias": [0.1, -0.2], "error": [None, None]}
    pd.DataFrame(scores).to_csv(tmp_path / "accuracy.csv", index=False)
    return tmp_path


def test_blocks_are_written_and_the_rest_is_kept(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Over <!-- results: accuracy-size -->old<!-- end -->.\n\n"
        "<!-- results: accuracy-tasks -->\nold\n<!-- end -->\n\nThe end.\n"
    )
    made = rendered(page, results)
    assert made.startswith("Over <!-- results: accuracy-size -->1 tasks on 1 logs<!-- end -->.")
    assert made.endswith("|\n<!-- end -->\n\nThe end.\n")
    row = "| a | 2024-01-01 | 9 | 5 | 0.500 | 0.700 | +10.0% | `peer` | 0.250 | 0.600 | -20.0% |"
    assert row in made
    page.write_text(made)
    assert rendered(page, results) == made


def test_how_far_ranks_have_to_be_apart_is_nemenyis_difference(tmp_path):
    """Demsar (2006), section 3.2.2, for 3 on 4 data sets; two tell a distribution."""
    page = tmp_path / "page.md"
    page.write_text("<!-- results: accuracy-apart --><!-- end -->")
    rows = [
        {"log": log, "cutoff": "2024-01-01", "days": 9, "competitor": name, "error": None}
        | {"d2_tweedie": 0.5, "normalized_gini": 0.6, "crps_skill": None if name == "c" else 0.1}
        for log in "wxyz"
        for name in "abc"
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "accuracy.csv", index=False)
    text = rendered(page, tmp_path)
    three, two = (q * (k * (k + 1) / 24) ** 0.5 for q, k in ((2.343, 3), (1.960, 2)))
    told = f"{three:.2f} by D2, {three:.2f} by normalised Gini, {two:.2f} by CRPS skill"
    assert text == f"<!-- results: accuracy-apart -->{told}<!-- end -->"


def test_what_was_not_measured_and_what_does_not_exist_is_said(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- results: numerical -->\n<!-- end -->\n")
    with pytest.raises(BenchmarkError, match=r"numerical\.csv, and there is none"):
        rendered(page, results)
    page.write_text("<!-- results: nothing -->\n<!-- end -->\n")
    with pytest.raises(BenchmarkError, match="no results are called 'nothing'; there are accur"):
        rendered(page, results)


def test_the_command_checks_and_writes(results, tmp_path, monkeypatch, capsys):
    page = tmp_path / "README.md"
    page.write_text("<!-- results: accuracy-size --><!-- end -->\n")
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr("benchmarks.published.ROOT", tmp_path)
    monkeypatch.setattr("benchmarks.published.pages", lambda: [page])
    with pytest.raises(SystemExit):
        main(["tables", "--check", "--results", str(results)])
    assert "README.md: not as in" in capsys.readouterr().err
    main(["tables", "--results", str(results)])
    main(["tables", "--check", "--results", str(results)])
    assert "All pages are as in the results." in capsys.readouterr().out


def test_every_table_is_used():
    shown = "".join(path.read_text(encoding="utf-8") for path in pages())
    assert {name for name in TABLES if f"<!-- results: {name} -->" not in shown} <= {
        "intervals-about",
        "intervals-simulated",
    }
