"""Ranks, wins and differences are those that a reader would compute by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.scorecard import ALL_METRICS
from benchmarks.summary import (
    averages_table,
    critical_difference,
    ranks,
    summarise,
    summary_markdown,
    write_summary,
)

NAN = np.nan


def table(d2, crps=None, logs=("a", "b", "c")):
    """Return scores: competitor -> its D2 on each task, and its CRPS skill where there is one."""
    rows = []
    for name, values in d2.items():
        for number, (log, value) in enumerate(zip(logs, values, strict=True)):
            row = dict.fromkeys(ALL_METRICS, NAN)
            row |= {"log": log, "cutoff": "2024-01-01", "days": 9, "competitor": name}
            row |= {"d2_tweedie": value, "normalized_gini": value, "total_bias": -0.5}
            row |= {"crps_skill": (crps or {}).get(name, [NAN] * len(logs))[number]}
            row |= {"error": "no" if np.isnan(value) else "", "versions": "x 1", "seconds": 2.0}
            rows.append(row)
    return pd.DataFrame(rows)


def test_failures_share_the_last_ranks():
    scores = table({"a": [0.3, NAN, NAN], "b": [0.2, 0.1, NAN], "c": [0.2, 0.2, 0.1]})
    found = ranks(scores, "d2_tweedie")
    assert found[["a", "b", "c"]].to_numpy().tolist() == [[1, 2.5, 2.5], [3, 2, 1], [2.5, 2.5, 1]]


def test_who_failed_everywhere_is_last_and_not_forgotten():
    scores = table({"a": [0.3, 0.2, 0.1], "b": [0.2, 0.3, 0.3], "c": [NAN, NAN, NAN]})
    found = summarise(scores, "a").query("metric == 'd2_tweedie'").set_index("competitor")
    assert found["mean_rank"].to_dict() == pytest.approx({"a": 5 / 3, "b": 4 / 3, "c": 3})
    assert found.loc["c", ["scored", "wins"]].tolist() == [0, 0]
    assert np.isnan(found.loc["c", "difference"])
    assert "c" not in ranks(scores.assign(crps_skill=scores["d2_tweedie"]), "crps_skill")


def test_the_latent_rates_do_not_compete():
    scores = table({"a": [0.3, 0.2, 0.1], "(latent rates)": [0.9, 0.9, 0.9]})
    assert list(ranks(scores, "d2_tweedie")) == ["a"]


def test_a_task_on_which_everybody_failed_counts_for_nobody():
    scores = table({"a": [NAN, 0.2, 0.1], "b": [NAN, 0.1, 0.2]})
    assert ranks(scores, "d2_tweedie").mean().tolist() == [1.5, 1.5]


def test_points_are_not_ranked_by_crps():
    scores = table(
        {"a": [0.3, 0.2, 0.1], "b": [0.2, 0.1, NAN], "c": [0.1, 0.1, 0.2]},
        {"b": [0.5, 0.4, NAN], "c": [0.4, 0.5, 0.3]},
    )
    found = summarise(scores, "c").set_index(["metric", "competitor"])
    assert found.loc["crps_skill"].index.tolist() == ["c", "b"]
    assert found.loc["crps_skill", "mean_rank"].to_dict() == {"c": 4 / 3, "b": 5 / 3}


def test_wins_and_differences():
    scores = table({"a": [0.3, 0.2, 0.1], "b": [0.2, 0.4, NAN], "c": [0.1, 0.4, 0.5]})
    found = summarise(scores, "c").query("metric == 'd2_tweedie'").set_index("competitor")
    assert found["wins"].to_dict() == {"a": 1, "b": 1, "c": 2}
    assert found["scored"].to_dict() == {"a": 3, "b": 2, "c": 3}
    assert found.loc["a", "difference"] == pytest.approx((0.2 - 0.2 - 0.4) / 3)
    assert found.loc["b", "difference"] == pytest.approx(0.05)  # of the two that both did
    assert found.loc["a", "median_difference"] == pytest.approx(-0.2)
    assert found.loc["a", "lower"] == pytest.approx(-0.4)  # thrice the worst: one in 27
    assert found.loc["a", "lower"] < found.loc["a", "difference"] < found.loc["a", "upper"]
    assert np.isnan(found.loc["c", "difference"])


def test_real_and_simulated_tasks_are_told_apart():
    scores = table({"a": [0.3, 0.2, 0.1], "b": [0.2, 0.4, 0.3]}, logs=("x", "y", "sim:z"))
    found = summarise(scores, "a").query("metric == 'd2_tweedie' and competitor == 'b'")
    assert found.set_index("tasks")["n_tasks"].to_dict() == {"all": 3, "real": 2, "simulated": 1}


def test_the_critical_difference_is_that_of_the_tables():
    """Demsar (2006), section 3.2.2: ten data sets, 2.343 / 2.728 / 3.164 for 3, 5 and 10."""
    for k, q in ((3, 2.343), (5, 2.728), (10, 3.164)):
        expected = q * np.sqrt(k * (k + 1) / (6 * 10))
        assert critical_difference(k, 10) == pytest.approx(expected, rel=1e-3)


def test_the_report_has_a_table_a_metric(tmp_path):
    scores = table(
        {"a": [0.3, 0.2, 0.1], "b": [0.2, 0.4, NAN], "c": [0.1, 0.4, 0.5]},
        {"b": [0.5, 0.4, NAN], "c": [0.4, 0.5, 0.3]},
    )
    text = write_summary(tmp_path, scores, "c", {"date": "today"})
    assert text == (tmp_path / "summary.md").read_text()
    assert text == summary_markdown(scores, summarise(scores, "c"), "c", {"date": "today"})
    assert "### D2, all tasks (3)" in text
    assert "### CRPS skill, all tasks (3)" in text
    assert "| `b` | 2.17 | 1 | 2 of 3 | +0.050 [+0.000, +0.100] | +0.050 |" in text
    assert "failed" in text
    assert "less than 1.91 apart have not been shown to differ" in text
    assert "Too few competitors" in text  # of those with a distribution
    assert "- `a`: x 1" in text
    written = pd.read_csv(tmp_path / "summary.csv")
    assert len(written) == 3 + 3 + 2
    assert set(written["run_date"]) == {"today"}


def test_further_figures_are_means_over_the_tasks_with_a_result():
    scores = table({"a": [0.3, 0.2, NAN]}).assign(active_auc=[0.7, 0.9, NAN])
    assert "| `a` | 2 | 50.0% | 0.800 |" in averages_table(scores)
