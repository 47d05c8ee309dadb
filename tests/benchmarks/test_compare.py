"""Every competitor on every task, and the tables of it."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.accuracy_tables import accuracy_markdown
from benchmarks.compare import Settings, Watch, compare
from benchmarks.logs import load_log
from benchmarks.scores import METRICS
from benchmarks.simulated import simulated_tasks
from benchmarks.tasks import Task
from clvkit.metrics import d2_tweedie

SAMPLE = Task("cdnow_sample", "1997-12-31", 90)
TASKS = (SAMPLE, *simulated_tasks("bg_nbd"))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two adapters, of which one fails, on a real and a simulated log."""
    from benchmarks.adapters import find_adapter, read_adapter

    path = tmp_path_factory.mktemp("adapters") / "broken.py"
    path.write_text("def predict(log, cutoff, days, seed): raise ValueError('no | luck')")
    adapters = [find_adapter("past_rate"), read_adapter(path), find_adapter("last_period")]
    told, kept = [], []

    class Listener(Watch):
        def begins(self, task, competitor):
            told.append((str(task), competitor, "begins"))

        def ended(self, task, row):
            told.append((str(task), row["competitor"], "ended"))

        def finished(self, results):
            kept.append(len(results.scores))

    found = compare(
        TASKS,
        adapters,
        lambda name: load_log(name, None),
        Settings(reference="past_rate", n_resamples=50),
        Listener(),
    )
    return found, told, kept


def test_each_task_and_competitor_has_a_row(results):
    scores = results[0].scores
    names = ["past_rate", "broken", "last_period"]
    assert scores["competitor"].tolist() == [*names, *names, "(latent rates)"]
    assert scores["customers"].tolist() == [2357] * 3 + [3000] * 4
    broken = scores["competitor"] == "broken"
    assert set(scores.loc[broken, "error"]) == {"ValueError: no | luck"}
    assert scores.loc[broken, list(METRICS)].isna().all(axis=None)
    assert scores.loc[~broken, [*METRICS, "without_prediction"]].notna().all(axis=None)
    assert (scores.loc[~broken, "error"] == "").all()


def test_a_score_is_the_metric_of_truth_and_prediction(results):
    log = load_log(SAMPLE.log, None)
    before = log[log["date"] <= "1997-12-31"]
    after = log[log["date"].between("1998-01-01", "1998-03-31")].groupby("customer_id")["amount"]
    recent = before[before["date"] >= "1997-10-03"].groupby("customer_id")["amount"]
    customers = before["customer_id"].unique()
    y, pred = (part.sum().reindex(customers, fill_value=0.0) for part in (after, recent))
    row = results[0].scores.query("log == 'cdnow_sample' and competitor == 'last_period'").iloc[0]
    assert row["d2_tweedie"] == pytest.approx(d2_tweedie(y, pred))
    assert row["without_prediction"] == len(customers) - recent.ngroups


def test_nobody_knows_better_than_the_latent_rates(results):
    scores = results[0].scores
    simulated = scores[scores["log"] == TASKS[1].log].set_index("competitor")["d2_tweedie"]
    assert simulated.idxmax() == "(latent rates)"


def test_differences_are_to_the_reference(results):
    scores, differences = results[0]
    assert set(differences["reference"]) == {"past_rate"}
    assert len(differences) == (1 + 2) * len(METRICS)
    wide = scores[scores["log"] == "cdnow_sample"].set_index("competitor")
    gap = differences.query("log == 'cdnow_sample' and metric == 'mae'").iloc[0]
    expected = wide.loc["last_period", "mae"] - wide.loc["past_rate", "mae"]
    assert gap["difference"] == pytest.approx(expected)
    assert gap["lower"] < gap["difference"] < gap["upper"]


def test_results_are_told_and_kept_as_they_come(results):
    _, told, kept = results
    assert told[0] == ("cdnow_sample 1997-12-31 + 90", "past_rate", "begins")
    assert told[1] == ("cdnow_sample 1997-12-31 + 90", "past_rate", "ended")
    assert len(told) == 2 * 7
    assert kept == [3, 7]


def test_the_report_has_a_table_a_task_and_the_messages(results):
    text = accuracy_markdown(*results[0], {"date": "today"})
    assert text.startswith("## Accuracy\n\n- date: today\n")
    assert "### cdnow_sample, 1997-12-31 + 90 days, 2357 customers" in text
    assert "| broken | failed |" in text
    assert "- broken, cdnow_sample 1997-12-31 + 90: ValueError: no | luck" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4  # of spend, and of what else is told
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_without_the_reference_there_are_no_differences(results):
    scores = results[0].scores
    text = accuracy_markdown(scores, pd.DataFrame(), {})
    assert "less" not in text
    assert "| competitor | D2 | Gini | bias | MAE | RMSE | R2 | s |" in text
