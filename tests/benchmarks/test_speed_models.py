"""Both packages are given the same summary, and come to the same result."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import speed_models
from benchmarks.adapters import find_adapter
from benchmarks.environments import EnvironmentUnavailable, environment_folder
from benchmarks.speed_models import PAIRS, available_pairs, discrete_summary, run_models
from clvkit import btyd

BG_NBD, GAMMA_GAMMA = PAIRS[:2]


def test_pairs_are_those_of_models_that_exist():
    names = [pair.model for pair in available_pairs()]
    assert names[:2] == ["BetaGeoNBD", "GammaGamma"]
    assert set(names) <= set(btyd.__all__)
    assert available_pairs(["GammaGamma"]) == [GAMMA_GAMMA]


def test_ours_is_measured_without_the_peer(monkeypatch):
    def absent(*_):
        raise EnvironmentUnavailable("no Python 3.11")

    monkeypatch.setattr(speed_models, "python_of", absent)
    table = run_models([300], [BG_NBD, GAMMA_GAMMA], cdnow=False, memory=False, repeats=1)
    assert list(table["task"]) == ["fit", "predict"] * 2
    assert (table["error"] == "").all()
    assert table["peer_error"].str.contains("no Python 3.11").all()
    assert (table["seconds"] > 0).all()
    assert "speedup" not in table


@pytest.mark.parametrize("memory", [False, pytest.param(True, marks=pytest.mark.long)])
def test_both_sides_agree(memory):
    adapter = find_adapter("lifetimes_bg_nbd")
    if not environment_folder(adapter.requirements, adapter.python).exists():
        pytest.skip("the environment of lifetimes has not been made (python -m benchmarks speed)")
    table = run_models([500], [BG_NBD, GAMMA_GAMMA], cdnow=False, memory=memory, repeats=1)
    assert (table[["error", "peer_error"]] == "").all(axis=None)
    assert (table["difference"] < 1e-3).all()
    if memory:
        assert (table[["peak_bytes", "peer_peak_bytes"]] >= 0).all(axis=None)


def test_discrete_summaries_are_histories():
    table = discrete_summary(20_000)
    assert (table["frequency"] <= table["recency"]).all()
    assert (table["recency"] <= table["T"]).all()
    assert ((table["frequency"] == 0) == (table["recency"] == 0)).all()
    assert np.all(table["T"].between(6, 12))
