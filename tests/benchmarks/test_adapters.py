"""Competitors are found by name or file, and read without being run."""

from __future__ import annotations

import pytest

from benchmarks.adapters import FOLDER, find_adapter, read_adapter, standard_adapters
from benchmarks.errors import BenchmarkError


def test_the_standard_ones_are_the_files_of_the_folder():
    adapters = {adapter.name: adapter for adapter in standard_adapters()}
    assert {"clvkit_automl", "lifetimes_bg_nbd", "lifetimes_pareto_nbd"} < set(adapters)
    assert {"past_rate", "last_period", "lightgbm_tweedie"} < set(adapters)
    assert {"lifetimes_mbg_nbd", "sklearn_hist_gbm", "pymc_marketing_map"} < set(adapters)
    assert {"flaml_automl", "autogluon_tabular"} < set(adapters)
    assert all(adapter.summary for adapter in adapters.values())
    assert not [name for name in adapters if name.startswith("_")]


def test_an_adapter_stays_short():
    assert [
        path.name for path in FOLDER.glob("[!_]*.py") if len(path.read_text().splitlines()) >= 60
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


def test_the_adapters_of_lifetimes_share_an_environment():
    found = [find_adapter(f"lifetimes_{model}_nbd") for model in ("bg", "mbg", "pareto")]
    assert len({(adapter.requirements, adapter.python) for adapter in found}) == 1


def test_a_peer_of_its_own_environment_is_pinned():
    adapters = [adapter for adapter in standard_adapters() if adapter.requirements]
    assert all("==" in adapter.requirements[0] for adapter in adapters)


def test_a_quick_run_has_four_peers_and_none_that_takes_a_minute():
    quick = {adapter.name for adapter in standard_adapters() if not adapter.slow}
    peers = {name for name in quick if not name.startswith("clvkit")}
    assert len(peers - {"past_rate", "last_period"}) >= 4
    assert not quick & {"flaml_automl", "autogluon_tabular", "pymc_marketing_map"}


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
