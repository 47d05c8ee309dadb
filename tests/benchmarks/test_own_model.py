"""An estimator of one's own competes like the others."""

from __future__ import annotations

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.logs import load_log
from benchmarks.own_model import own_adapter
from benchmarks.runner import run_adapter
from benchmarks.scorecard import score_prediction
from benchmarks.tasks import Task
from benchmarks.truth import split_log

TASK = Task("cdnow_sample", "1998-02-28", 60)

MODULE = """
from sklearn.ensemble import HistGradientBoostingRegressor
from clvkit.baselines import HistoricalRate

def make_estimator():
    return HistGradientBoostingRegressor(max_iter=20, random_state=0)

def of_histories(horizon):
    return HistoricalRate(horizon=horizon)
"""


@pytest.mark.parametrize("factory", ["make_estimator", "of_histories"])
def test_a_factory_competes(factory, tmp_path, monkeypatch):
    (tmp_path / "my_module.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "adapters"
    folder.mkdir()
    adapter = own_adapter(f"my_module:{factory}", folder)
    assert adapter.summary == f"my_module:{factory}, an estimator of one's own."
    split = split_log(load_log(TASK.log, None), TASK)
    outcome = run_adapter(adapter, split.past, TASK)
    assert outcome.error == ""
    assert score_prediction(split, outcome.prediction)["normalized_gini"] > 0.5


def test_a_module_that_is_not_there_is_a_result(tmp_path):
    split = split_log(load_log(TASK.log, None), TASK)
    outcome = run_adapter(own_adapter("nowhere:make", tmp_path), split.past, TASK)
    assert outcome.error == "ModuleNotFoundError: No module named 'nowhere'"


@pytest.mark.parametrize("text", ["my_module", "my_module:", ":make", "a:b:c", "../x:make"])
def test_anything_else_is_refused_with_an_example(text, tmp_path):
    with pytest.raises(BenchmarkError, match="my_module:make_estimator"):
        own_adapter(text, tmp_path)
