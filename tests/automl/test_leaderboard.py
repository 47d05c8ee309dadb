"""The table: one row a trial, the best one first, failures last."""

from __future__ import annotations

import numpy as np
import pytest

from clvkit.automl import Candidate
from clvkit.automl._evaluation import Evaluation
from clvkit.automl._leaderboard import make_leaderboard, mean_metrics
from clvkit.automl._validation import Fold, Validation


def evaluation(name, trial, scores, error=""):
    candidate = Candidate(name, "own", None)
    metrics = [{"mae": 10 * score, "churn_brier": np.nan} for score in scores]
    return Evaluation(candidate, {}, trial, scores=scores, metrics=metrics, error=error)


@pytest.fixture
def table():
    folds = [Fold(day, None, None, None, None, None) for day in ("2020-03-01", "2020-02-01")]
    evaluations = [
        evaluation("second", 0, [0.1, 0.3]),
        evaluation("broken", 1, [0.9], error="ValueError: no"),
        evaluation("first", 2, [0.4, 0.2]),
        evaluation("tied", 3, [0.3, 0.1]),
    ]
    return make_leaderboard(evaluations, Validation("rolling", "4W", folds), "mae")


def test_the_best_is_first_ties_go_to_the_earlier_and_failures_are_last(table):
    assert table.index.tolist() == ["first", "second", "tied", "broken"]
    assert table["score"].tolist()[:3] == pytest.approx([0.3, 0.2, 0.2])
    assert np.isnan(table["score"]["broken"])
    assert table["error"]["broken"] == "ValueError: no"


def test_scores_of_origins_and_means_of_metrics(table):
    assert table["score@2020-03-01"]["first"] == 0.4
    assert table["score@2020-02-01"]["first"] == 0.2
    assert table["score_std"]["first"] == pytest.approx(0.1)
    assert table["mae"]["first"] == pytest.approx(3.0)
    assert np.isnan(table["score@2020-03-01"]["broken"])
    assert np.isnan(table["mae"]["broken"])


def test_what_is_undefined_at_one_origin_is_undefined_in_the_mean():
    assert np.isnan(mean_metrics(evaluation("a", 0, [0.1, 0.2]))["churn_brier"])


def test_warnings_stand_in_one_text():
    doubtful = evaluation("doubtful", 0, [0.1])
    doubtful.warnings = ["BoundaryWarning: r", "DataWarning: d"]
    folds = [Fold("2020-03-01", None, None, None, None, None)]
    validation = Validation("rolling", "4W", folds)
    table = make_leaderboard([doubtful, evaluation("sure", 1, [0.2])], validation, "mae")
    assert table["warnings"].to_dict() == {
        "sure": "",
        "doubtful": "BoundaryWarning: r; DataWarning: d",
    }


def test_the_table_says_how_it_was_made(table):
    assert table.attrs["scoring"] == "mae"
    assert table.attrs["protocol"] == "out of time; horizon 4W after 2020-03-01, 2020-02-01"
    assert set(table["regime"]) == {"rolling"}
