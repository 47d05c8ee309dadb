"""SnapshotRegressor: the same as fitting on purged samples, and nothing of the future."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline

from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.boosting import TweedieLGBMRegressor
from clvkit.btyd import BTYDRegressor
from clvkit.errors import HorizonError, ShortLogError
from clvkit.features import default_features
from clvkit.history import get_histories, latest_histories, make_samples
from clvkit.model_selection import SnapshotRegressor


def boosting():
    return make_pipeline(default_features(), TweedieLGBMRegressor(n_estimators=30, random_state=0))


@pytest.mark.parametrize(
    "pipeline",
    [boosting(), PopulationMean(), BTYDRegressor(horizon="13W")],
    ids=["boosting", "mean", "btyd"],
)
@pytest.mark.parametrize(
    ("step", "n_snapshots", "cutoffs"),
    [
        ("13W", 2, ["1997-12-30", "1998-03-31"]),
        ("1M", 3, ["1998-01-31", "1998-02-28", "1998-03-31"]),
    ],
)
def test_it_predicts_what_the_pipeline_fitted_on_purged_samples_predicts(
    cdnow, cdnow_histories, pipeline, step, n_snapshots, cutoffs
):
    X, y = make_samples(cdnow, "13W", cutoffs=cutoffs)
    expected = clone(pipeline).fit(X, y).predict(cdnow_histories)
    model = SnapshotRegressor(pipeline, "13W", step, n_snapshots).fit(cdnow_histories)
    assert model.snapshots_ == cutoffs
    assert model.n_samples_ == len(X)
    assert np.array_equal(model.predict(cdnow_histories), expected)


def test_the_default_snapshots_are_the_default_samples(cdnow, cdnow_histories):
    X, y = make_samples(cdnow, "13W")
    model = SnapshotRegressor(PopulationMean(), "13W", n_snapshots=None).fit(cdnow_histories)
    assert model.n_samples_ == len(X)
    assert model.pipeline_.mean_ == y.mean()
    X, y = make_samples(cdnow, "13W", cutoffs=6)
    assert SnapshotRegressor(PopulationMean(), "13W").fit(cdnow_histories).pipeline_.mean_ == (
        y.mean()
    )


def test_no_label_reaches_beyond_the_histories(cdnow):
    """What happens after the latest cutoff of X changes nothing."""
    early = latest_histories(cdnow, cutoff="1998-03-31")
    cut = latest_histories(cdnow)
    cut["history"] = get_histories(cut).cut_back("1998-03-31")
    models = [SnapshotRegressor(boosting(), "13W").fit(X) for X in (early, cut)]
    assert models[0].snapshots_[-1] == "1997-12-30"
    predictions = [model.predict(early) for model in models]
    assert np.array_equal(*predictions)


def test_of_several_rows_of_a_customer_the_latest_counts(cdnow, cdnow_histories):
    X, y = make_samples(cdnow, "13W", end="1998-06-30")
    latest = X[X.index.get_level_values("cutoff") == X.index.get_level_values("cutoff").max()]
    models = [SnapshotRegressor(PopulationMean()).fit(rows, y) for rows in (X, latest)]
    assert models[0].pipeline_.mean_ == models[1].pipeline_.mean_
    assert models[0].n_samples_ == models[1].n_samples_


def test_given_labels_are_used_as_they_are(cdnow, cdnow_histories):
    X, y = make_samples(cdnow, "13W", cutoffs="1998-03-31")
    model = SnapshotRegressor(PopulationMean(), labels="given")
    assert clone(model).fit(X, y * 2).pipeline_.mean_ == (y * 2).mean()
    # Without y the histories are asked: the known horizon before the cutoff.
    past = make_samples(cdnow[cdnow["date"] <= "1998-03-31"], "13W", end="1998-03-31").y
    refit = clone(model).set_params(n_snapshots=None).fit(X)
    assert refit.pipeline_.mean_ == past.mean()


def test_customers_who_left_the_table_early_give_labels_they_have(cdnow):
    """A customer known to an earlier cutoff than the others has no label beyond it."""
    X = latest_histories(cdnow)
    rows = get_histories(X).cut_back(
        np.where(np.arange(len(X)) < 100, np.datetime64("1998-03-31"), np.datetime64("1998-06-30"))
    )
    X = X.assign(history=rows)
    model = SnapshotRegressor(PopulationMean(), "13W", n_snapshots=1).fit(X)
    assert model.n_samples_ == len(X) - 100


def test_too_short_histories_say_what_to_do(cdnow):
    X = latest_histories(cdnow, cutoff="1997-03-31")
    with pytest.raises(ShortLogError, match=r"too short for labels.*13W.*45 days.*BTYDRegressor"):
        SnapshotRegressor(DummyRegressor(), "13W").fit(X)


def test_another_horizon_than_the_samples_raises(cdnow):
    X, y = make_samples(cdnow, "13W", cutoffs=2)
    with pytest.raises(HorizonError, match="predicts horizon='26W'"):
        SnapshotRegressor(PopulationMean(), "26W").fit(X, y)


def test_snapshots_within_a_day_keep_their_time_of_day():
    """Cut to dates, four snapshots of one day could not be told apart."""
    hours = pd.date_range("2024-01-01", "2024-03-31 23:00", freq="5h")
    customers = np.arange(len(hours)) % 20
    log = pd.DataFrame({"customer_id": customers, "date": hours, "amount": 1.0 + customers})
    X = latest_histories(log, granularity="h")
    model = SnapshotRegressor(PopulationMean(), "12h", n_snapshots=5).fit(X)
    # The last event is at 20:00 on the 31st: the latest label begins twelve hours before it.
    assert model.snapshots_ == [
        *(f"2024-03-30T{hour}" for hour in ("20", "23")),
        *(f"2024-03-31T{hour}" for hour in ("02", "05", "08")),
    ]
    cutoffs = [pd.Timestamp(moment) for moment in model.snapshots_]
    samples, y = make_samples(log, "12h", cutoffs=cutoffs, granularity="h")
    assert model.n_samples_ == len(samples)
    assert model.pipeline_.mean_ == y.mean()
    # The labels by hand: what was spent in the twelve hours after each of the cutoffs.
    spent = [
        log.loc[(log["date"] > cutoff) & (log["date"] <= cutoff + pd.Timedelta("12h")), "amount"]
        for cutoff in cutoffs
    ]
    assert model.pipeline_.mean_ == pytest.approx(sum(part.sum() for part in spent) / len(y))


def test_it_is_a_scikit_learn_estimator(cdnow_histories):
    model = SnapshotRegressor(boosting(), "13W", n_snapshots=2)
    assert clone(model).get_params()["pipeline__tweedielgbmregressor__n_estimators"] == 30
    X = cdnow_histories.iloc[:400]
    again = pickle.loads(pickle.dumps(model.fit(X)))
    assert np.array_equal(model.predict(X), again.predict(X))
    assert isinstance(model.pipeline_[0], ColumnTransformer)
    assert not hasattr(model, "predict_components")
    btyd = SnapshotRegressor(BTYDRegressor(horizon="13W"), "13W").fit(X)
    assert list(btyd.predict_components(X)) == [
        "expected_purchases",
        "probability_alive",
        "probability_active",
        "expected_spend",
    ]
    with pytest.raises(ValueError, match="n_snapshots"):
        SnapshotRegressor(HistoricalRate(), "13W", n_snapshots=0).fit(X)


def test_season_and_recency_weigh_rows(cdnow, cdnow_histories):
    """Snapshots a year ago are added, and the weights are those of the pipeline's last step."""
    model = SnapshotRegressor(
        PopulationMean(), "4W", n_snapshots=3, half_life="28D", season_weight=2.0
    ).fit(cdnow_histories)
    assert model.snapshots_ == ["1997-06-30", "1998-05-19", "1998-05-26", "1998-06-02"]
    assert model.snapshot_weights_ == pytest.approx(
        [2 * 0.5 ** (337 / 28), 0.5**0.5, 0.5**0.25, 1.0]
    )
    X, y = make_samples(cdnow, "4W", cutoffs=model.snapshots_)
    pipeline = boosting()
    model.set_params(pipeline=pipeline).fit(cdnow_histories)
    weight = pd.Series(model.snapshot_weights_, pd.to_datetime(model.snapshots_))
    weight = weight.loc[X.index.get_level_values("cutoff")].to_numpy()
    by_hand = clone(pipeline).fit(X, y, tweedielgbmregressor__sample_weight=weight)
    expected = by_hand.predict(cdnow_histories)
    assert np.array_equal(model.predict(cdnow_histories), expected)
    unweighted = clone(pipeline).fit(X, y).predict(cdnow_histories)
    assert not np.allclose(expected, unweighted)


def test_without_weights_all_rows_count_alike(cdnow_histories):
    plain = SnapshotRegressor(boosting(), "13W", n_snapshots=2).fit(cdnow_histories)
    assert plain.snapshot_weights_.tolist() == [1.0, 1.0]
    even = SnapshotRegressor(boosting(), "13W", n_snapshots=2, half_life="900Y")
    even.fit(cdnow_histories)
    assert even.snapshot_weights_ == pytest.approx([1.0, 1.0], rel=1e-4)
    assert even.predict(cdnow_histories).sum() == pytest.approx(
        plain.predict(cdnow_histories).sum(), rel=1e-2
    )


@pytest.mark.parametrize("labels", ["histories", "given"])
def test_a_limit_of_rows_keeps_customers_whole(cdnow, labels):
    X, y = make_samples(cdnow, "13W", cutoffs=3)
    model = SnapshotRegressor(
        PopulationMean(), "13W", n_snapshots=3, labels=labels, max_rows=1000, random_state=0
    )
    rows = latest_histories(cdnow) if labels == "histories" else X
    model.fit(rows, y if labels == "given" else None)
    assert 1000 - 3 < model.n_samples_ <= 1000
    assert model.pipeline_.mean_ == clone(model).fit(rows, y).pipeline_.mean_
    other = clone(model).set_params(random_state=1).fit(rows, y)
    assert other.pipeline_.mean_ != model.pipeline_.mean_
    model.set_params(max_rows=10**6).fit(rows, y)
    assert model.pipeline_.mean_ == pytest.approx(y.mean(), rel=1e-12)
