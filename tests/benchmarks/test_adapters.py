"""Competitors are found by name or file, and read without being run."""

from __future__ import annotations

import pytest

from benchmarks.adapters import FOLDER, find_adapter, read_adapter, standard_adapters
from benchmarks.errors import BenchmarkError


def test_the_standard_ones_are_the_files_of_the_folder():
    adapters = {adapter.name: adapter for adapter in standard_adapters()}
    assert {"clvkit_automl", "lifetimes_bg_nbd", "lifetimes_pareto_nbd"} < set(adapters)
    assert {"past_rate", "last_period", "lightgbm_tweedie"} < set(adapters)
    assert all(adapter.summary for adapter in adapters.values())
    assert not [name for name in adapters if name.startswith("_")]


def test_an_adapter_stays_short():
    assert [
        path.name for path in FOLDER.glob("*.py") if len(path.read_text().splitlines()) >= 60
    ] == []


def test_requirements_are_read_without_importing(tmp_path):
    path = tmp_path / "peer.py"
    path.write_text(
        '"""A peer.\n\nMore of it."""\nimport not_installed_here\n'
        'REQUIREMENTS: list[str] = ["peer==1.0", "numpy<2"]\nPYTHON = "3.11"\n'
        "def predict(log, cutoff, days, seed): ..."
    )
    found = find_adapter(str(path))
    assert (found.name, found.summary) == ("peer", "A peer.")
    assert (found.requirements, found.python) == (("peer==1.0", "numpy<2"), "3.11")


def test_both_adapters_of_lifetimes_share_an_environment():
    one, other = (find_adapter(f"lifetimes_{model}_nbd") for model in ("bg", "pareto"))
    assert (one.requirements, one.python) == (other.requirements, other.python)
    assert one.requirements[0] == "lifetimes==0.11.3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "has no function predict"),
        ("def predict(:", "cannot be read"),
        (
            'REQUIREMENTS = ["a"] + more\ndef predict(log, cutoff, days, seed): ...',
            "must be literals",
        ),
        ('REQUIREMENTS = "a"\ndef predict(log, cutoff, days, seed): ...', "are 'a' and None"),
        ("REQUIREMENTS = [3]\ndef predict(log, cutoff, days, seed): ...", r"are \[3\] and None"),
        ("PYTHON = 3.11\ndef predict(log, cutoff, days, seed): ...", r"are \(\) and 3\.11"),
        ("\0", "cannot be read"),
    ],
    ids=["another function", "no Python", "no literal", "a text", "a number", "version", "binary"],
)
def test_files_that_are_no_adapters_are_refused(text, message, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(BenchmarkError, match=message):
        read_adapter(tmp_path / "mine.py")


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(BenchmarkError, match=r"no competitor 'prophet'.*past_rate.*file\.py"):
        find_adapter("prophet")
    with pytest.raises(BenchmarkError, match="cannot be read"):
        find_adapter(str(tmp_path / "absent.py"))
