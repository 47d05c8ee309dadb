"""One scorer ranks; of several all stand on the leaderboard."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import make_scorer, mean_absolute_error

from clvkit import AutoCLV
from clvkit.automl._scoring import other_scores, resolve_scoring
from clvkit.errors import StudyError, UnknownNameError
from clvkit.metrics import get_clv_scorer, profit_scorer


def ratio(estimator, X, y):
    return float(np.sum(estimator.predict(X)) / np.sum(y))


PROFIT = profit_scorer(0.3, 2, 500)


@pytest.mark.parametrize(
    ("scoring", "refit", "name", "names"),
    [
        ("mae", None, "mae", ["mae"]),
        (ratio, None, "ratio", ["ratio"]),
        (PROFIT, "profit", "profit", ["profit"]),
        (["mae", PROFIT, ratio], None, "mae", ["mae", "profit", "ratio"]),
        (["mae", PROFIT], "profit", "profit", ["mae", "profit"]),
        ({"a": "mae", "b": PROFIT}, None, "a", ["a", "b"]),
        ({"a": "mae", "b": "mae"}, "b", "b", ["a", "b"]),
    ],
    ids=["name", "function", "profit", "three", "refit", "dict", "dict-refit"],
)
def test_names_and_which_ranks(scoring, refit, name, names):
    found = resolve_scoring(scoring, refit)
    assert found.name == name
    assert list(found.scorers) == names


@pytest.mark.parametrize(
    ("scoring", "refit", "text"),
    [
        (["mae", "mse"], None, "scoring='mse' is not known"),
        ([], None, "at least one scorer"),
        ({}, None, "at least one scorer"),
        ([PROFIT, profit_scorer(0.3, 2)], None, "a name of its own"),
        (["mae", PROFIT], "rmse", r"refit='rmse' is none of the scorers.*'mae', 'profit'"),
        ("mae", "rmse", "refit='rmse' is none of the scorers"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(scoring, refit, text):
    with pytest.raises(UnknownNameError, match=text):
        resolve_scoring(scoring, refit)


def test_the_identity_is_the_same_in_every_process_and_tells_scorers_apart():
    assert resolve_scoring("mae", None).identity == "mae"
    assert resolve_scoring(ratio, None).identity == "ratio"
    both = resolve_scoring({"a": "mae", "b": PROFIT}, "b").identity
    assert both.startswith("b of a=")
    assert "budget=500" in both
    assert " at 0x" not in resolve_scoring([ratio, "mae"], None).identity
    assert resolve_scoring(PROFIT, None).identity != (
        resolve_scoring(profit_scorer(0.3, 2, 600), None).identity
    )


class Zeros(RegressorMixin, BaseEstimator):
    def predict(self, X):
        return np.zeros(len(X))

    def predict_components(self, X):
        return {}


def test_every_score_by_name_where_there_are_several():
    X, y = np.zeros((2, 1)), np.array([0.0, 4.0])
    scoring = resolve_scoring({"a": "mae", "brier": "churn_brier"}, None)
    scores = other_scores(scoring, Zeros(), X, y)
    assert scores["score_a"] == -2
    assert np.isnan(scores["score_brier"])
    assert other_scores(resolve_scoring("mae", None), Zeros(), X, y) == {}
    assert other_scores(get_clv_scorer("mae"), Zeros(), X, y) == {}


@pytest.fixture(scope="module")
def past(cdnow):
    return cdnow[(cdnow["customer_id"] % 3 == 0) & (cdnow["date"] <= "1998-03-31")]


def test_all_stand_on_the_leaderboard_and_one_ranks(past):
    scoring = {
        "everybody": "d2_tweedie",
        "campaign": profit_scorer(0.3, 2, 200),
        "error": make_scorer(mean_absolute_error, greater_is_better=False),
    }
    settings = {"candidates": ["baseline", "bg_nbd"], "n_trials": 4, "n_origins": 2}
    settings |= {"ensemble": False, "random_state": 0, "verbose": 0}
    by_profit = AutoCLV("13W", scoring=scoring, refit="campaign", **settings).fit(past)
    board = by_profit.leaderboard_
    assert board.attrs["scoring"] == "campaign"
    assert board["score"].to_numpy() == pytest.approx(board["score_campaign"].to_numpy())
    assert board["score"].is_monotonic_decreasing
    assert board["score_everybody"].to_numpy() == pytest.approx(board["d2_tweedie"].to_numpy())
    assert board["score_error"].to_numpy() == pytest.approx(-board["mae"].to_numpy())
    first = AutoCLV("13W", scoring=scoring, **settings).fit(past)
    assert first.leaderboard_.attrs["scoring"] == "everybody"
    assert first.best_score_ == first.leaderboard_["score_everybody"].max()


def test_a_study_of_other_terms_is_refused(past, tmp_path):
    study = {
        "storage": f"sqlite:///{tmp_path}/study.db",
        "study_name": "campaign",
        "candidates": ["historical_rate"],
        "n_trials": 1,
        "n_origins": 1,
        "random_state": 0,
        "verbose": 0,
    }
    AutoCLV("13W", scoring=profit_scorer(0.3, 2, 200), **study).fit(past)
    with pytest.raises(StudyError, match="differs in scoring"):
        AutoCLV("13W", scoring=profit_scorer(0.3, 2, 300), **study).fit(past)
