"""SeasonFeatures on a log worked out by hand, and against a slow computation by pandas."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from clvkit.errors import DurationError, HorizonError
from clvkit.features import SeasonFeatures
from clvkit.history import get_histories, latest_histories, make_samples, replace_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving._trust import TRUSTED_TYPES

LOG = pd.DataFrame(
    [
        ("a", "2022-11-15", 100.0),
        ("a", "2022-12-10", 30.0),
        ("a", "2022-12-10", 10.0),
        ("a", "2022-12-20", -20.0),
        ("a", "2023-06-01", 60.0),
        ("b", "2023-03-01", 120.0),  # came after the season
        ("refunds only", "2022-12-05", -5.0),
        ("last day", "2022-12-31", 7.0),  # of the season
        ("day before", "2022-11-30", 50.0),  # the year
        ("nothing left", "2022-12-01", 0.1),
        ("nothing left", "2022-12-01", 0.2),
        ("nothing left", "2022-12-02", -0.3),
    ],
    columns=["customer_id", "date", "amount"],
).astype({"date": "datetime64[s]"})

MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august"]
MONTHS += ["september", "october", "november", "december"]


def features_at(cutoff, *, horizon="31D", fitted_at="2023-11-30", log=LOG, **settings):
    season = SeasonFeatures(horizon=horizon).fit(latest_histories(log, cutoff=fitted_at))
    X = latest_histories(log, cutoff=cutoff, **settings)
    return pd.DataFrame(
        season.transform(X), X.index.get_level_values(0), season.get_feature_names_out()
    )


def test_own_share_by_hand():
    share = features_at("2023-11-30")["season_share"]
    expected = {"a": 20 / 80, "last day": 1.0}
    of_all = 22 / 202  # for who came later, has spent nothing, or less
    assert_allclose(share, [expected.get(customer, of_all) for customer in share.index])


def test_share_of_all_by_hand():
    features = features_at("2023-11-30")
    assert_allclose(features["log_season_share"], 22 / 202, rtol=1e-14)
    assert_allclose(features["log_season_index"], 22 / 202 / (31 / 365), rtol=1e-14)


@pytest.mark.parametrize(
    ("cutoff", "expected"),
    [
        ("2024-01-31", 120 / 202),  # 1 February to 3 March 2023
        ("2024-11-15", 35 / 202),  # 16 to 30 November 2023, and 1 to 16 December 2022
        ("2024-11-30", 22 / 202),  # the last December known
        ("2031-11-30", 22 / 202),
    ],
)
def test_rows_later_than_fit_have_the_last_known_year(cutoff, expected):
    assert_allclose(features_at(cutoff)["log_season_share"], expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("cutoff", "own", "index"),
    [("2023-11-13", 31 / 365, 1.0), ("2023-11-14", 140 / 180, 185 / 352 / (31 / 365))],
    ids=["shorter", "a year"],
)
def test_all_days_are_alike_where_the_log_does_not_reach_a_year_back(cutoff, own, index):
    features = features_at(cutoff)
    assert_allclose(features.loc["a", "season_share"], own)
    assert_allclose(features["log_season_index"], index)


def test_all_days_are_alike_where_more_was_returned_than_bought():
    features = features_at("2023-11-30", log=LOG.assign(amount=-LOG["amount"].abs()))
    assert_allclose(features["log_season_index"], 1.0)
    assert_allclose(features["season_share"], 31 / 365)


@pytest.mark.parametrize(
    ("cutoff", "elapsed"),
    [
        ("2023-01-01", 1 / 365),
        ("2024-02-29", 60 / 366),
        ("2024-07-01", 183 / 366),
        ("2023-12-31", 1.0),
        ("2024-12-31", 1.0),
    ],
)
def test_time_of_year(cutoff, elapsed):
    features = features_at(cutoff).iloc[0]
    angle = 2 * np.pi * elapsed
    expected = [elapsed, np.sin(angle), np.cos(angle)]
    assert_allclose(features[["year_elapsed", "year_sin", "year_cos"]], expected, atol=1e-15)


@pytest.mark.parametrize(
    ("cutoff", "horizon", "days"),
    [
        ("2023-11-30", "31D", {"december": 31}),
        ("2024-02-14", "1M", {"february": 15, "march": 14}),
        ("2024-02-29", "1D", {"march": 1}),
        ("2023-12-31", "8W", {"january": 31, "february": 25}),
        ("2023-12-15", "2Y", dict.fromkeys(MONTHS, 0)),
    ],
)
def test_months_ahead(cutoff, horizon, days):
    months = features_at(cutoff, horizon=horizon).iloc[0][[f"horizon_in_{m}" for m in MONTHS]]
    if horizon == "2Y":
        days = dict(zip(MONTHS, 2 * np.array([31, 28, *[31, 30, 31, 30, 31] * 2]), strict=True))
        days["february"] += 1
    expected = np.array([days.get(month, 0) for month in MONTHS])
    assert_allclose(months, expected / expected.sum(), rtol=1e-14)


def test_leap_day():
    """The year to 29 February 2024 opens on 1 March 2023, and so does its season."""
    log = pd.DataFrame(
        {
            "customer_id": "a",
            "date": np.array(["2022-01-01", "2023-02-28", "2023-03-01", "2024-02-29"], "M8[s]"),
            "amount": [1.0, 2.0, 4.0, 12.0],
        }
    )
    features = features_at("2024-02-29", horizon="1D", log=log, fitted_at="2024-02-29")
    assert_allclose(features[["season_share", "log_season_share"]], [[0.25, 0.25]])
    assert_allclose(features["log_season_index"], 0.25 * 366)


def test_a_horizon_of_a_year_or_more_has_all_of_it():
    for horizon in ("1Y", "366D", "3Y"):
        features = features_at("2023-11-30", horizon=horizon)
        assert_allclose(features["log_season_index"], 1.0)
        assert features.loc["a", "season_share"] == 1.0


def test_hours():
    log = LOG.assign(date=LOG["date"] + np.timedelta64(9, "h"))
    season = SeasonFeatures(horizon="12h")
    X = latest_histories(log, cutoff="2023-11-30 07:59:59", granularity="h")
    features = season.set_output(transform="pandas").fit_transform(X)
    assert (features["horizon_in_november"] == 1.0).all()
    # Days of the log that are complete: the year to 29 November, and its first day for season.
    assert_allclose(features["log_season_share"], 50 / 252)
    # Own events to the hour: from 8 to 19 o'clock on 30 November 2022.
    own = features["season_share"].droplevel(1)
    assert own["day before"] == 1.0
    assert own["a"] == 0.0


def slow(log, cutoff, known, days):
    """Return own and the log's share by looping over customers and days."""
    end = pd.Timestamp(cutoff)
    opens = end - pd.DateOffset(years=1)
    closes = min(opens + pd.Timedelta(days=days), end)
    own = {}
    for customer, events in log[log["date"] <= end].groupby("customer_id"):
        year = events[events["date"] > opens]
        total = year["amount"].sum()
        there = events["date"].min() <= closes
        in_season = year.loc[year["date"] <= closes, "amount"].sum()
        own[customer] = in_season / total if there and total > 0 else np.nan
    last = min(end, pd.Timestamp(known))
    days_known = pd.date_range(last - pd.DateOffset(years=1), last, inclusive="right")
    daily = log.groupby("date")["amount"].sum().reindex(days_known, fill_value=0.0)
    n_years = 1
    while end - pd.DateOffset(years=n_years) >= last:
        n_years += 1
    start = days_known.searchsorted(end - pd.DateOffset(years=n_years), side="right")
    place = (start + np.arange(min(days, len(daily)))) % len(daily)
    of_all = daily.iloc[place].sum() / daily.sum()
    return pd.Series(own).fillna(of_all), of_all


@given(
    seed=st.integers(0, 10_000),
    days=st.integers(1, 400),
    known=st.integers(400, 1_100),
    cutoff=st.integers(400, 1_500),
)
def test_against_a_slow_computation(seed, days, known, cutoff):
    rng = np.random.default_rng(seed)
    start = np.datetime64("2023-01-01")
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 8, 60),
            "date": (start + np.sort(rng.integers(0, 1_200, 60))).astype("M8[s]"),
            "amount": rng.choice([5.0, 20.0, 80.0, -3.0], 60),
        }
    )
    log.loc[0, "date"] = start
    known, cutoff = str(start + known), str(start + cutoff)
    features = features_at(cutoff, horizon=f"{days}D", fitted_at=known, log=log)
    own, share = slow(log, cutoff, known, days)
    assert_allclose(features["season_share"], own, rtol=1e-12)
    assert_allclose(features["log_season_share"], share, rtol=1e-12)


def rows(log, cutoffs):
    """Return the rows of each cutoff over one store, which knows what came after them."""
    X = latest_histories(log, cutoff="2026-12-31")
    return pd.concat([replace_histories(X, get_histories(X).cut_back(c)) for c in cutoffs])


@given(
    seed=st.integers(0, 10_000),
    fit_days=st.lists(st.integers(300, 1_400), min_size=1, max_size=4),
    day=st.integers(300, 1_100),
    horizon=st.sampled_from(["5W", "2M", "1Y"]),
)
def test_no_future_in_logs_of_several_years(seed, fit_days, day, horizon):
    """The random logs of the contract suite are shorter than a year."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2023-01-01")
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 8, 60),
            "date": (start + rng.integers(0, 1_200, 60)).astype("M8[s]"),
            "amount": rng.choice([5.0, 20.0, 80.0, -3.0, -9.0], 60),
        }
    )
    log.loc[0, "date"] = start
    cutoff = start + day
    past, future = log[log["date"] <= cutoff], log[log["date"] > cutoff]
    other = pd.concat([past, future[::2].assign(amount=1_000.0, customer_id=99)])
    row = rows(past, [str(cutoff)])
    features = [
        SeasonFeatures(horizon=horizon)
        .fit(rows(version, map(str, start + fit_days)))
        .transform(row)
        for version in (log, other)
    ]
    assert_allclose(*features, rtol=1e-12)


def test_learnt_from_snapshots_as_from_the_latest_rows():
    X = latest_histories(LOG, cutoff="2023-11-30")
    past = replace_histories(X, get_histories(X).cut_back("2022-12-15"))
    once = SeasonFeatures().fit(X)
    again = SeasonFeatures().fit(pd.concat([past, X, past]))
    assert_array_equal(again.daily_spend_, once.daily_spend_)


class TestHorizon:
    def test_of_the_samples(self):
        X, _ = make_samples(LOG, "31D", cutoffs=["2022-12-31", "2023-03-31"])
        season = SeasonFeatures().fit(X)
        assert season.horizon_ == "31D"
        assert_array_equal(season.transform(X), SeasonFeatures(horizon="31D").fit(X).transform(X))
        # Histories that record none are taken to be for the same horizon.
        later = latest_histories(LOG)
        assert season.transform(later).shape == (6, 18)

    def test_without_one_there_is_only_the_time_of_the_year(self):
        X = latest_histories(LOG)
        season = SeasonFeatures().fit(X)
        assert list(season.get_feature_names_out()) == ["year_elapsed", "year_sin", "year_cos"]
        X, _ = make_samples(LOG, "31D", cutoffs=["2023-03-31"])
        assert season.transform(X).shape == (len(X), 3)

    def test_another_one_is_refused(self):
        X, _ = make_samples(LOG, "31D", cutoffs=["2023-03-31"])
        with pytest.raises(HorizonError, match=r"horizon='8W'.* made with '31D'"):
            SeasonFeatures(horizon="8W").fit(X)
        fitted = SeasonFeatures(horizon="8W").fit(latest_histories(LOG))
        with pytest.raises(HorizonError, match=r"horizon='8W'.* made with '31D'"):
            fitted.transform(X)

    def test_that_cannot_be_counted(self):
        with pytest.raises(DurationError, match="'6h' is no whole number of 'D'"):
            SeasonFeatures(horizon="6h").fit(latest_histories(LOG))

    def test_of_a_snapshot_regressor(self):
        class Names:
            def fit(self, X, y):
                self.season_ = SeasonFeatures().fit(X)
                return self

            def predict(self, X):
                return self.season_.transform(X)[:, -1]

            def get_params(self, deep=True):
                return {}

        model = SnapshotRegressor(Names(), horizon="31D").fit(latest_histories(LOG))
        assert model.pipeline_.season_.horizon_ == "31D"
        assert len(model.predict(latest_histories(LOG))) == 6


@pytest.mark.parametrize("container", ["default", "pandas", "polars"])
@pytest.mark.parametrize("horizon", [None, "31D"])
def test_round_trips_and_containers(container, horizon):
    X = latest_histories(LOG)
    season = SeasonFeatures(horizon=horizon).set_output(transform=container)
    expected = clone(season).fit(X).transform(X)
    kind = {"default": np.ndarray, "pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
    assert isinstance(expected, kind)
    fitted = season.fit(X)
    stored = skops.io.loads(skops.io.dumps(fitted), trusted=TRUSTED_TYPES)
    for copy in (stored, pickle.loads(pickle.dumps(fitted))):
        assert_array_equal(np.asarray(copy.transform(X)), np.asarray(expected))


def test_names_of_the_docstring_are_those_of_the_columns():
    table = SeasonFeatures.__doc__.split("=\n")[2].split("\n    ===")[0]
    listed = [line.split()[0] for line in table.splitlines() if line[4:5].strip()]
    fitted = SeasonFeatures(horizon="31D").fit(latest_histories(LOG))
    assert listed == list(fitted.get_feature_names_out())
