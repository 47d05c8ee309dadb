"""AutoCLV end to end on CDNOW: the three regimes, what comes out, and bad input."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from clvkit import AutoCLV, latest_histories, make_samples
from clvkit.automl import Candidate
from clvkit.baselines import HistoricalRate
from clvkit.errors import (
    AmountError,
    CandidateWarning,
    ClvkitError,
    DataWarning,
    DateError,
    DurationError,
    EmptyLogError,
    FewCustomersError,
    LogError,
    LogTypeError,
    MissingColumnError,
    OutputError,
    RegimeWarning,
    ShortLogError,
    StudyError,
    UnknownNameError,
)
from clvkit.metrics import clv_metrics, d2_tweedie
from clvkit.model_selection import ShortHorizonRegressor
from clvkit.serving import load


@pytest.fixture(scope="module")
def past(cdnow):
    return cdnow[cdnow["date"] <= "1998-03-31"]


#: One of each kind, which saves time where it does not matter who competes.
FEW = ["baseline", "bg_nbd", "tweedie"]


def search(n_trials=9, horizon="13W", **settings):
    settings = {"random_state": 0, "end": "1998-03-31", "candidates": FEW} | settings
    return AutoCLV(horizon, n_trials=n_trials, **settings)


@pytest.fixture(scope="module")
def auto(past):
    return search().fit(past)


def test_every_family_competes_out_of_time(auto):
    board = auto.leaderboard_
    assert set(board["family"]) == {"baseline", "btyd", "boosting", "ensemble"}
    assert set(board["regime"]) == {"rolling"}
    assert (board["error"] == "").all()
    assert board["score"].iloc[1:].is_monotonic_decreasing
    assert len(board) == 9 + 1
    assert auto.origins_ == ["1997-12-30", "1997-11-16", "1997-10-03"]
    assert [name for name in board if name.startswith("score@")] == [
        f"score@{origin}" for origin in auto.origins_
    ]
    means = board[[f"score@{origin}" for origin in auto.origins_]].mean(axis=1)
    assert means.to_numpy() == pytest.approx(board["score"].to_numpy())
    assert board["score"].to_numpy() == pytest.approx(board["d2_tweedie"].to_numpy())
    assert auto.best_score_ == board["score"].iloc[0]
    assert board.attrs["protocol"].startswith("out of time; horizon 13W after 1997-12-30")


def test_the_winner_beats_the_baselines_on_the_quarter_it_never_saw(auto, cdnow):
    X, y = make_samples(cdnow, "13W", cutoffs="1998-03-31")
    champion = clv_metrics(y, auto.predict(X))
    for baseline in ("historical_rate", "last_period"):
        pipeline = next(
            candidate for candidate in _defaults() if candidate.name == baseline
        ).estimator("13W")
        assert champion["d2_tweedie"] > d2_tweedie(y, pipeline.fit(X).predict(X)) + 0.05
    assert champion["normalized_gini"] > 0.6


def _defaults():
    from clvkit.automl import default_candidates

    return default_candidates()


def test_out_of_fold_predictions_are_those_of_the_leaderboard(auto):
    oof = auto.oof_predictions_
    assert oof.index.names == ["customer_id", "cutoff"]
    by_origin = oof.groupby("cutoff", sort=False)
    scores = [d2_tweedie(part["y_true"], part["y_pred"]) for _, part in by_origin]
    assert np.mean(scores) == pytest.approx(auto.best_score_)


def test_what_comes_out_agrees(auto, past):
    X = latest_histories(past, end="1998-03-31")
    values = auto.predict_customers(past)
    assert list(values.columns) == [
        "clv", "lower", "upper", "expected_purchases", "probability_alive", "segment",
    ]  # fmt: skip
    assert values.index.name == "customer_id"
    assert np.array_equal(values["clv"], auto.predict(X))
    assert type(auto.best_pipeline_) is Pipeline
    assert np.array_equal(auto.best_pipeline_.predict(X), auto.predict(X))
    assert ((values["lower"] <= values["clv"]) & (values["clv"] <= values["upper"])).all()
    counts = values["segment"].value_counts()
    assert set(counts.index) == set(range(1, 11))
    assert values.groupby("segment")["clv"].mean().is_monotonic_increasing


def test_one_customer_is_scored_as_in_the_whole_log(auto, past):
    everybody = auto.predict_customers(past)
    one = auto.predict_customers(past[past["customer_id"] == 7])
    pd.testing.assert_frame_equal(one, everybody.loc[[7]])


def test_the_same_seed_gives_the_same_leaderboard_with_one_and_two_jobs(auto, past):
    other = search(n_jobs=2).fit(past)
    times = ["fit_seconds", "predict_seconds", "feature_seconds"]
    pd.testing.assert_frame_equal(
        auto.leaderboard_.drop(columns=times), other.leaderboard_.drop(columns=times)
    )
    X = latest_histories(past, end="1998-03-31")
    assert np.array_equal(auto.predict(X), other.predict(X))


@pytest.mark.long
def test_histories_and_log_give_the_same(auto, past):
    X = latest_histories(past, end="1998-03-31")
    other = search(end=None).fit(X)
    assert np.array_equal(other.predict(X), auto.predict(X))


@pytest.mark.long
def test_samples_with_labels_of_their_own(cdnow):
    X, y = make_samples(cdnow, "13W")
    auto = search(5, end=None).fit(X, y)
    assert auto.regime_ == "rolling"
    assert auto.origins_[0] == "1998-03-31"
    doubled = AutoCLV("13W", candidates=["boosting"], n_trials=1, random_state=0).fit(X, 2 * y)
    single = AutoCLV("13W", candidates=["boosting"], n_trials=1, random_state=0).fit(X, y)
    assert doubled.predict(X).sum() == pytest.approx(2 * single.predict(X).sum(), rel=1e-9)
    one = X.index.get_level_values("cutoff") == "1998-03-31"
    with pytest.warns(RegimeWarning, match="no sample's horizon ends by the latest cutoff"):
        across = search(5, end=None).fit(X[one], y[one])
    assert across.regime_ == "single"


def test_the_single_regime_is_named_and_explained(cdnow):
    log = cdnow[cdnow["date"] <= "1997-10-31"]
    with pytest.warns(RegimeWarning, match=r"304 days, 2\.2 horizons.*across customers"):
        auto = search(6, "20W", end="1997-10-31", level="own", ensemble=False).fit(log)
    board = auto.leaderboard_
    assert set(board["regime"]) == {"single"}
    assert "boosting" in set(board["family"])
    # A baseline that is three times too high does not win by its order alone.
    assert board["score"]["historical_rate"] == board["d2_tweedie"]["historical_rate"]
    assert board.index.get_loc("bg_nbd") < board.index.get_loc("historical_rate")
    assert len(auto.predict_customers(log)) == 2357


def test_the_short_regime_leaves_labels_out_where_nobody_knows_the_total(cdnow):
    log = cdnow[cdnow["date"] <= "1997-09-30"]
    with pytest.warns(RegimeWarning, match=r"273 days, too few for a horizon of 39W.*136D"):
        auto = search(6, "39W", candidates="default", end="1997-09-30", level="own").fit(log)
    assert set(auto.leaderboard_["family"]) == {"baseline", "btyd", "ensemble"}
    assert "population_mean" not in auto.leaderboard_.index


def test_the_short_regime_learns_labels_of_half_of_the_log(cdnow):
    log = cdnow[cdnow["date"] <= "1997-09-30"]
    with pytest.warns(RegimeWarning, match=r"273 days, too few for a horizon of 39W.*136D"):
        auto = search(9, "39W", candidates="default", end="1997-09-30").fit(log)
    assert auto.regime_ == "short"
    assert set(auto.leaderboard_["regime"]) == {"short"}
    assert {"btyd", "boosting", "ensemble"} <= set(auto.leaderboard_["family"])
    assert auto.origins_ == ["1997-05-17"]
    # The champion predicts what was asked for, not the horizon it was validated at.
    assert auto.model_.horizon == "39W"
    X, actual = make_samples(cdnow, "39W", cutoffs="1997-09-30")
    assert abs(auto.predict(X).sum() / actual.sum() - 1) < 0.2
    assert auto.model_.predict_customers(log, "1997-09-30").shape == (2357, 6)


@pytest.mark.filterwarnings("ignore::clvkit.errors.RegimeWarning")
def test_a_champion_that_learns_a_shorter_horizon_is_explained_and_stored(cdnow, tmp_path):
    log = cdnow[cdnow["date"] <= "1997-09-30"]
    auto = search(1, "39W", candidates=["tweedie"], end="1997-09-30", ensemble=False).fit(log)
    assert auto.best_params_["candidate"] == "tweedie"
    regressor = auto.best_pipeline_[-1].estimator_[-1]
    assert isinstance(regressor, ShortHorizonRegressor)
    assert regressor.estimator_.horizon_ == "136D"
    told = auto.model_.explain(log, 1, cutoff="1997-09-30")
    values = auto.predict_customers(log, "1997-09-30")["clv"]
    assert told["contribution"].sum() == pytest.approx(values.loc[1])
    auto.model_.save(tmp_path / "model")
    again = load(tmp_path / "model").predict_customers(log, "1997-09-30")["clv"]
    assert again.equals(values)


def test_a_users_own_candidates_compete(past):
    own = {
        "double": Candidate("double", "own", _double, label_trained=False),
        "rate": HistoricalRate(horizon="13W"),
        "broken": Candidate("broken", "own", _broken),
    }
    auto = search(11, candidates=own, n_origins=1)
    with pytest.warns(CandidateWarning, match="broken: RuntimeError: no luck"):
        board = auto.fit(past).leaderboard_
    assert {"double", "rate", "broken", "bg_nbd", "tweedie"} <= set(board.index)
    assert board["score"]["rate"] == board["score"]["historical_rate"]
    # A candidate that fails is a result with its message, at the end of the table.
    assert board.index[-1] == "broken"
    assert board["error"]["broken"] == "RuntimeError: no luck"
    assert np.isnan(board["score"]["broken"])


def _double(horizon, random_state):
    return HistoricalRate(horizon=horizon)


def _broken(horizon, random_state):
    raise RuntimeError("no luck")


def test_all_candidates_failing_is_an_error(past):
    with pytest.raises(ClvkitError, match=r"none of 1 candidates.*broken: RuntimeError: no luck"):
        AutoCLV("13W", candidates=[Candidate("broken", "own", _broken)]).fit(past)


def test_a_timeout_keeps_what_was_done(past):
    start = time.perf_counter()
    auto = search(500, timeout=4).fit(past)
    assert time.perf_counter() - start < 8
    assert 1 <= len(auto.leaderboard_) < 500
    assert len(auto.predict_customers(past)) == 2357


@pytest.fixture
def study(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    return {"study_name": "cdnow", "storage": storage}


@pytest.mark.long
def test_a_study_is_continued_where_it_was(past, study):
    """Interrupted after 5 trials or not: the same proposals, the same leaderboard."""
    search(5, **study).fit(past)
    continued = search(9, **study).fit(past)
    assert len(continued.study_.trials) == 9
    whole = search().fit(past)
    times = ["fit_seconds", "predict_seconds", "feature_seconds"]
    pd.testing.assert_frame_equal(
        continued.leaderboard_.drop(columns=times), whole.leaderboard_.drop(columns=times)
    )
    X = latest_histories(past, end="1998-03-31")
    assert np.array_equal(continued.predict(X), whole.predict(X))


@pytest.mark.long
def test_a_finished_study_is_not_run_again(past, study):
    first = search(5, **study).fit(past)
    again = search(5, **study).fit(past)
    pd.testing.assert_frame_equal(first.leaderboard_, again.leaderboard_)
    assert first.best_score_ == again.best_score_


@pytest.mark.parametrize(
    ("horizon", "settings", "difference"),
    [
        ("8W", {}, "horizon, validation"),
        ("13W", {"scoring": "mae"}, "scoring"),
        ("13W", {"end": "1998-03-30"}, "log, validation"),
    ],
    ids=["horizon", "scoring", "log"],
)
def test_a_study_of_another_search_is_refused(past, study, horizon, settings, difference):
    search(2, **study).fit(past)
    log = past[past["date"] <= "1998-03-30"] if "end" in settings else past
    with pytest.raises(StudyError, match=f"differs in {difference}"):
        search(2, horizon, **{**study, **settings}).fit(log)


def test_it_clones_and_pickles(auto, past):
    again = pickle.loads(pickle.dumps(auto))
    X = latest_histories(past, end="1998-03-31")
    assert np.array_equal(again.predict(X), auto.predict(X))
    fresh = clone(auto)
    assert fresh.get_params()["n_trials"] == 9
    assert not hasattr(fresh, "model_")


@pytest.mark.parametrize("kind", ["polars", "arrow", "parquet"])
def test_any_table_gives_the_same(auto, past, kind, tmp_path):
    import polars as pl
    import pyarrow as pa

    past.to_parquet(tmp_path / "log.parquet")
    log = {
        "polars": lambda: pl.from_pandas(past).lazy(),
        "arrow": lambda: pa.Table.from_pandas(past),
        "parquet": lambda: tmp_path / "log.parquet",
    }[kind]()
    other = search(2, ensemble=False).fit(log)
    assert set(other.leaderboard_.index) <= set(auto.leaderboard_.index)
    for name in other.leaderboard_.index:
        assert other.leaderboard_["score"][name] == auto.leaderboard_["score"][name]
    assert len(other.predict_customers(log)) == 2357


# --- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda log: log.drop(columns="amount"), MissingColumnError, r"no column 'amount'"),
        (
            lambda log: log.assign(date=["31/31/2011", *log["date"].astype(str)[1:]]),
            DateError,
            r"column 'date' cannot be read as dates in 1 of 6406 rows, such as '31/31/2011'",
        ),
        (
            lambda log: log.assign(amount=np.where(log.index == 3, np.inf, log["amount"])),
            AmountError,
            r"column 'amount' is missing or not finite in 1 of 6406 rows, such as inf",
        ),
        (lambda log: log.iloc[:0], EmptyLogError, r"no rows"),
        (lambda log: log["amount"].tolist(), LogTypeError, r"the log must be a pandas, Polars"),
        (
            lambda log: log[log["customer_id"] == 1],
            FewCustomersError,
            r"only 1 customer.*at least 5.*fit a model directly",
        ),
        (lambda log: log[log["date"] == "1997-01-05"], ShortLogError, r"covers 1 days"),
        (lambda log: log.assign(amount=0.0), ShortLogError, r"nobody spent anything.*the amounts"),
        (
            lambda log: log.assign(customer_id=range(len(log))),
            ShortLogError,
            r"nobody spent.*customers has one event only.*column of orders",
        ),
    ],
    ids=[
        "column",
        "date",
        "infinite",
        "empty",
        "type",
        "one-customer",
        "one-day",
        "no-spend",
        "orders",
    ],
)
@pytest.mark.filterwarnings("ignore::clvkit.errors.RegimeWarning")
def test_a_bad_log_gets_a_message(past, change, error, text):
    with pytest.raises(error, match=text):
        AutoCLV("13W", n_trials=3).fit(change(past))


def test_rows_without_a_customer_are_left_out_with_a_warning(past):
    ids = past["customer_id"].astype("Int64").mask(past["customer_id"] <= 3)
    missing = int(ids.isna().sum())
    with pytest.warns(DataWarning, match=rf"{missing} of 6406 rows have no customer"):
        auto = search(2, end=None).fit(past.assign(customer_id=ids))
    assert auto.model_.n_customers_ == 2354


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"scoring": "d2_tweedy"}, UnknownNameError, r"Did you mean 'd2_tweedie'"),
        ({"candidates": ["btyd", "bosting"]}, UnknownNameError, r"'bosting'.*mean 'boosting'"),
        ({"candidates": []}, UnknownNameError, r"candidates is empty"),
        ({"candidates": {"mine": 3}}, UnknownNameError, r"candidates\['mine'\] must be a regr"),
        ({"register_as": "name"}, ClvkitError, r"register_as='name' needs tracking"),
        (
            {"register_as": "shop/clv", "tracking": "shop"},
            OutputError,
            r"'shop/clv' cannot be the name of a registered model",
        ),
        ({"n_trials": 0}, ValueError, r"'n_trials'"),
        ({"coverage": 90}, ValueError, r"'coverage'"),
        ({"horizon": "3m"}, DurationError, r"minutes or months"),
        (
            {"covariates": pd.DataFrame({"customer_id": [1], "valid_from": ["1997-01-01"]})},
            LogError,
            r"static covariates only",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_bad_settings_get_a_message(past, settings, error, text):
    with pytest.raises(error, match=text):
        AutoCLV(**{"horizon": "13W", "n_trials": 3, **settings}).fit(past)


def test_a_log_takes_no_labels(past):
    with pytest.raises(LogError, match=r"a log takes no y.*make_samples"):
        AutoCLV("13W").fit(past, past["amount"])


def test_labels_are_checked_before_the_search(cdnow):
    X, y = make_samples(cdnow, "13W", cutoffs=2)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        AutoCLV("13W").fit(X, y.mask(y > 100))


def test_boosting_alone_on_a_short_log_says_what_to_add(cdnow):
    log = cdnow[cdnow["date"] <= "1997-09-30"]
    with (
        pytest.warns(RegimeWarning),
        pytest.raises(ShortLogError, match=r"Add 'btyd' or 'baseline'"),
    ):
        AutoCLV("39W", candidates="boosting", level="own").fit(log)


def test_static_covariates_go_with_the_histories(past):
    table = pd.DataFrame({"customer_id": range(1, 2358)})
    table["country"] = np.where(table["customer_id"] % 3 == 0, "UK", "US")
    auto = AutoCLV("13W", candidates="boosting", n_trials=1, random_state=0, covariates=table).fit(
        past
    )
    inner = auto.best_pipeline_[-1].estimator_.pipeline_
    assert "country" in inner[0].get_feature_names_out()
    values = auto.predict_customers(past)
    one = auto.predict_customers(past[past["customer_id"] == 9], covariates=table)
    pd.testing.assert_frame_equal(one, values.loc[[9]])
