"""The table: one row a trial, the best one first, failures last."""

from __future__ import annotations

import pickle

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from clvkit.automl import Candidate
from clvkit.automl._evaluation import Evaluation
from clvkit.automl._leaderboard import make_leaderboard, mean_metrics
from clvkit.automl._leaderboard_display import LeaderboardDisplay
from clvkit.automl._validation import Fold, Validation

mpl.use("Agg")


def evaluation(name, trial, scores, error="", family="own"):
    candidate = Candidate(name, family, None)
    metrics = [{"mae": 10 * score, "churn_brier": np.nan} for score in scores]
    return Evaluation(candidate, {}, trial, scores=scores, metrics=metrics, error=error)


def board(evaluations):
    folds = [Fold(day, None, None, None, None, None) for day in ("2020-03-01", "2020-02-01")]
    return make_leaderboard(evaluations, Validation("rolling", "4W", folds), "mae")


@pytest.fixture
def table():
    evaluations = [
        evaluation("second", 0, [0.1, 0.3]),
        evaluation("broken", 1, [0.9], error="ValueError: no"),
        evaluation("first", 2, [0.4, 0.2]),
        evaluation("tied", 3, [0.3, 0.1]),
    ]
    return board(evaluations)


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


def test_metrics_have_a_mean_a_spread_and_a_value_at_each_origin(table):
    assert table["mae_std"]["first"] == pytest.approx(1.0)
    assert table["mae@2020-03-01"]["first"] == 4.0
    assert table["mae@2020-02-01"]["first"] == 2.0
    assert np.isnan(table["mae_std"]["broken"])


def test_a_candidate_given_up_early_shows_what_it_did_and_has_no_rank():
    pruned = evaluation("pruned", 0, [0.9])
    pruned.is_pruned = True
    table = board([pruned, evaluation("whole", 1, [0.1, 0.3])])
    assert table.index.tolist() == ["whole", "pruned"]
    assert table["state"].tolist() == ["finished", "pruned"]
    assert table["score@2020-03-01"]["pruned"] == 0.9
    assert np.isnan(table["score@2020-02-01"]["pruned"])
    assert table.loc["pruned", ["score", "score_std", "mae", "mae_std"]].isna().all()


def test_the_difference_to_the_best_baseline_is_paired():
    """Both go up and down together: the difference is surer than either score."""
    rng = np.random.default_rng(0)
    common, own = rng.normal(0, 0.1, 50), rng.normal(0, 0.01, 50)
    baseline = evaluation("mean", 0, [0.1, 0.1], family="baseline")
    baseline.resampled_scores = [(0.1 + common).tolist()] * 2
    worse = evaluation("worse", 1, [0.0, 0.0], family="baseline")
    better = evaluation("better", 2, [0.3, 0.3])
    better.resampled_scores = [(0.3 + common + own).tolist()] * 2
    table = board([baseline, worse, better])
    assert table.attrs["baseline"] == "mean"
    difference = table.loc["better", ["vs_baseline_lower", "vs_baseline", "vs_baseline_upper"]]
    half = 1.96 * own.std(ddof=1)
    assert difference.tolist() == pytest.approx([0.2 - half, 0.2, 0.2 + half])
    assert table.loc["mean", "vs_baseline_lower"] == table.loc["mean", "vs_baseline_upper"] == 0
    # Without resamples, as in a study of an earlier version, there is no interval.
    assert table.loc["worse", "vs_baseline"] == pytest.approx(-0.1)
    assert np.isnan(table.loc["worse", "vs_baseline_lower"])


def test_without_a_baseline_there_is_no_difference(table):
    assert table.attrs["baseline"] == ""
    assert table["vs_baseline"].isna().all()


def test_it_is_a_frame_that_plots_its_candidates(table):
    display = table.plot()
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == [
        "first (own)", "second (own)", "tied (own)",
    ]  # fmt: skip
    assert display.means_.get_offsets()[:, 0].tolist() == pytest.approx([0.3, 0.2, 0.2])
    assert len(display.origins_.get_offsets()) == 6
    assert isinstance(table, pd.DataFrame)
    for part in (table.iloc[:2], table[table["mae"] > 2], table.head(2), pickled(table)):
        assert len(part.plot(n_candidates=1).names) == 1
        assert part.plot().scoring == "mae"


def test_the_plot_is_not_ruled_by_a_candidate_that_is_far_off():
    scores = [[0.31, 0.28], [0.25, 0.21], [0.2, 0.1], [-11.0, -8.0]]
    names = ["tweedie", "bg_nbd", "historical_rate", "last_period"]
    display = LeaderboardDisplay(scores=scores, names=names, families=[""] * 4, baseline=0.15)
    ax = display.plot().ax_
    left, right = ax.get_xlim()
    assert -1.0 < left < 0.1
    assert right > 0.31
    (text,) = [text.get_text() for text in ax.texts]
    assert text.endswith("-9.5")
    near = LeaderboardDisplay(scores=scores[:3], names=names[:3], families=[""] * 3).plot()
    assert not near.ax_.texts
    plt.close("all")


def test_pandas_can_plot_it_too(table):
    assert len(table.plot(kind="scatter", x="score", y="mae").collections) == 1
    assert len(table.plot.scatter(x="score", y="mae").collections) == 1
    # What has no score any more is plotted by pandas alone.
    assert len(table[["mae"]].plot().get_lines()) == 1
    assert table["mae"].plot(ax=plt.figure().add_subplot()).get_lines()


def pickled(table):
    return pickle.loads(pickle.dumps(table))


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")
