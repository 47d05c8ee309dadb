"""WindowFeatures on customers whose features are worked out by hand, and by a slow oracle."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils._param_validation import InvalidParameterError

from clvkit.datasets import load_cdnow
from clvkit.features import WindowFeatures
from clvkit.history import find_purchases, get_histories, latest_histories, make_samples

WINDOWS = (7, 30, 90, 180, 365)

# customer -> events; purchases and spend of the last 7, 30, 90, 180 and 365 days; spend in the
# 7, 30, 90 and 180 days after the cutoff less 365 days. The cutoff is 2024-06-30, so the windows
# start after 06-23, 05-31, 04-01, 2024-01-02 and 2023-07-01 (2024 is a leap year), and the year-ago
# ones end with 2023-07-08, 07-31, 09-29 and 12-28.
TABLE = {
    "first and last days": (
        [
            ("2023-07-01", 1.0),  # the day before the longest window
            ("2023-07-02", 2.0),
            ("2024-01-02", 4.0),  # 180 days ago
            ("2024-01-03", 8.0),
            ("2024-06-23", 16.0),  # 7 days ago
            ("2024-06-24", 32.0),
            ("2024-06-30", 64.0),
        ],
        (2, 3, 3, 4, 6),
        (96, 112, 112, 120, 126),
        (2, 2, 2, 2),
    ),
    "year-ago days": (
        [
            ("2023-07-08", 1.0),
            ("2023-07-09", 2.0),
            ("2023-07-31", 4.0),
            ("2023-08-01", 8.0),
            ("2023-09-29", 16.0),
            ("2023-09-30", 32.0),
            ("2023-12-28", 64.0),
            ("2023-12-29", 128.0),
        ],
        (0, 0, 0, 0, 8),
        (0, 0, 0, 0, 255),
        (1, 7, 31, 127),
    ),
    "same day": (
        [("2024-06-10 09:00", 5.0), ("2024-06-10 18:00", 7.0), ("2024-04-02", 3.0)],
        (0, 1, 2, 2, 2),
        (0, 12, 15, 15, 15),
        (0, 0, 0, 0),
    ),
    "ties": (
        [("2024-06-10", 5.0), ("2024-06-10", 5.0)],
        (0, 1, 1, 1, 1),
        (0, 10, 10, 10, 10),
        (0, 0, 0, 0),
    ),
    "at the cutoff": (
        [("2024-06-30", 42.0)],
        (1, 1, 1, 1, 1),
        (42, 42, 42, 42, 42),
        (0, 0, 0, 0),
    ),
    # The refund counts on its own day, here in all windows; the purchase in the longer ones.
    "refund above": (
        [("2024-05-01", 10.0), ("2024-06-25", -25.0)],
        (0, 0, 1, 1, 1),
        (-25, -25, -15, -15, -15),
        (0, 0, 0, 0),
    ),
    "refunds only": (
        [("2024-06-10", -5.0)],
        (0, 0, 0, 0, 0),
        (0, -5, -5, -5, -5),
        (0, 0, 0, 0),
    ),
    # 0.1 + 0.2 - 0.3 is 5.6e-17, on one day or on two.
    "rounded away": (
        [("2024-06-25", 0.1), ("2024-06-25", 0.2), ("2024-06-25", -0.3)],
        (0, 0, 0, 0, 0),
        (0, 0, 0, 0, 0),
        (0, 0, 0, 0),
    ),
    "rounded away later": (
        [("2024-06-01", 0.1), ("2024-06-01", 0.2), ("2024-06-25", -0.3)],
        (0, 1, 1, 1, 1),
        (-0.3, 0, 0, 0, 0),
        (0, 0, 0, 0),
    ),
    "free order": (
        [("2024-06-24", 0.0)],
        (1, 1, 1, 1, 1),
        (0, 0, 0, 0, 0),
        (0, 0, 0, 0),
    ),
    # 123 days ago.
    "leap day": (
        [("2024-02-29", 8.0)],
        (0, 0, 0, 1, 1),
        (0, 0, 0, 8, 8),
        (0, 0, 0, 0),
    ),
    # Known a year ago, and bought nothing then.
    "known before": (
        [("2023-01-01", 9.0)],
        (0, 0, 0, 0, 0),
        (0, 0, 0, 0, 0),
        (0, 0, 0, 0),
    ),
    # Known from 15 August on: by the end of the longer two.
    "came in between": (
        [("2023-08-15", 9.0)],
        (0, 0, 0, 0, 1),
        (0, 0, 0, 0, 9),
        (0, 0, 9, 9),
    ),
}


def transaction_log(events):
    rows = [(name, date, amount) for name, lines in events.items() for date, amount in lines]
    log = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return log.assign(date=pd.to_datetime(log["date"], format="mixed"))


def windows(X, **parameters):
    features = WindowFeatures(**parameters).set_output(transform="pandas").fit_transform(X)
    return features.droplevel("cutoff")


@pytest.fixture(scope="module", params=[None, "Asia/Tokyo"], ids=["naive", "time zone"])
def X(request):
    log = transaction_log({name: events for name, (events, *_) in TABLE.items()})
    # The local day counts: that of a morning in Tokyo is not that of UTC.
    log["date"] = log["date"].dt.tz_localize(request.param)
    return latest_histories(log.sample(frac=1, random_state=0), cutoff="2024-06-30")


@pytest.mark.parametrize("customer", TABLE)
def test_counts_and_sums_by_hand(X, customer):
    row = windows(X).loc[customer]
    _, purchases, spend, year_ago = TABLE[customer]
    assert_array_equal(row[[f"purchases_{days}d" for days in WINDOWS]], purchases)
    assert_array_equal(row[[f"spend_{days}d" for days in WINDOWS]], spend)
    assert_array_equal(row[[f"spend_{days}d_year_ago" for days in WINDOWS[:-1]]], year_ago)


def test_ratios_by_hand(X):
    features = windows(X)
    row = features.loc["first and last days"]
    counts = [row[f"purchase_rate_{pair}"] for pair in ("7d_to_30d", "90d_to_180d", "180d_to_365d")]
    assert_allclose(counts, [2 / 7 * 30 / 3, 3 / 90 * 180 / 4, 4 / 180 * 365 / 6])
    assert_allclose(row["spend_rate_7d_to_30d"], 96 / 7 * 30 / 112)
    assert features.loc["leap day", "purchase_rate_90d_to_180d"] == 0
    undefined = features.loc[["leap day", "refund above"], ["spend_rate_30d_to_90d"]]
    assert undefined.isna().all(axis=None)  # of nothing, and of net refunds


def test_decayed_sums_by_hand(X):
    row = windows(X, half_lives=[10]).loc["same day"]  # 20 and 89 days ago
    assert_allclose(row["decayed_purchases_10d"], 2**-2 + 2**-8.9)
    assert_allclose(row["decayed_spend_10d"], 12 * 2**-2 + 3 * 2**-8.9)
    row = windows(X, half_lives=[10]).loc["refund above"]  # lowers the purchase 60 days ago
    assert_allclose(row["decayed_spend_10d"], -15 * 2**-6)


def test_windows_end_with_the_cutoff_in_hours_too():
    events = [("2024-06-29 00:00", 1.0), ("2024-06-29 12:00", 2.0), ("2024-06-30 12:00", 4.0)]
    X = latest_histories(transaction_log({"a": events}), cutoff="2024-06-30 12:00", granularity="h")
    row = windows(X, windows=[1, 2]).loc["a"]
    assert_array_equal(row[["spend_1d", "spend_2d", "purchases_1d", "purchases_2d"]], [4, 7, 1, 3])


def test_weeks_count_purchases_by_their_week():
    # Cutoff Wednesday; Monday of the week before is 9 days ago, and its week 7.
    log = transaction_log({"a": [("2024-06-17", 1.0), ("2024-06-26", 2.0)]})
    row = windows(latest_histories(log, granularity="W"), windows=[7, 8]).loc["a"]
    assert_array_equal(row[["purchases_7d", "purchases_8d", "spend_8d"]], [1, 2, 2])


def test_a_history_without_events_has_empty_windows(X):
    unknown = get_histories(X).cut_back("1990-01-01")
    features = WindowFeatures().set_output(transform="pandas").fit(X).transform(unknown)
    assert (features.drop(columns=features.filter(like="_rate_")) == 0).all(axis=None)
    assert features.filter(like="_rate_").isna().all(axis=None)


def oracle(log, purchases, cutoff, days):
    ago = (cutoff - log["date"].dt.normalize()).dt.days
    bought = (cutoff - purchases).days
    year_ago = log["amount"][(ago < 365) & (ago >= 365 - days)].sum()
    return {
        f"purchases_{days}d": (bought < days).sum(),
        f"spend_{days}d": log["amount"][ago < days].sum(),
        f"spend_{days}d_year_ago": year_ago,
    }


def assert_as_the_oracle(log, X):
    table = WindowFeatures(windows=[7, 90, 200, 300]).set_output(transform="pandas")
    actual = table.fit_transform(X)
    purchases = find_purchases(get_histories(X))
    by_customer = dict(iter(log.groupby("customer_id")))
    for i, (customer, cutoff) in enumerate(X.index):
        mine = by_customer[customer]
        period = purchases.period[purchases.begin[i] : purchases.end[i]]
        dates = pd.DatetimeIndex(period.astype("M8[D]").astype("M8[s]"))
        past = mine[mine["date"] < cutoff + pd.Timedelta("1D")]
        for days in (7, 90, 200, 300):
            expected = oracle(past, dates, cutoff, days)
            assert_allclose(actual.iloc[i][list(expected)], list(expected.values()), atol=1e-9)


def test_agrees_with_a_slow_oracle_on_cdnow():
    log = load_cdnow()
    samples = make_samples(log, "13W", cutoffs=["1997-09-30", "1998-03-31"])
    assert_as_the_oracle(log, samples.X.iloc[::67])


@given(
    events=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 500), st.sampled_from([0.0, 5.25, -5.0])),
        min_size=1,
        max_size=40,
    )
)
def test_agrees_with_a_slow_oracle_on_random_logs(events):
    customer, day, amount = map(np.array, zip(*events, strict=True))
    date = np.datetime64("2023-06-01", "s") + day * np.timedelta64(1, "D")
    log = pd.DataFrame({"customer_id": customer, "date": date, "amount": amount})
    assert_as_the_oracle(log, latest_histories(log, cutoff="2024-10-31"))


# --- parameters -------------------------------------------------------------------------------


def test_one_window_has_no_ratio_and_none_is_a_year_ago(X):
    names = WindowFeatures(windows=[400], half_lives=[]).fit(X).get_feature_names_out()
    assert_array_equal(names, ["purchases_400d", "spend_400d"])


def test_windows_may_be_any_sequence_and_longer_than_the_log(X):
    features = windows(X, windows=np.array([7, 36_525]))
    assert_array_equal(features["spend_7d"], windows(X)["spend_7d"])
    assert features.loc["first and last days", "spend_36525d"] == 127


@pytest.mark.parametrize("name", ["windows", "half_lives"])
@pytest.mark.parametrize(
    "days", [[30, 7], [7, 7], [0, 7], [7.5], ["7D"], [36_526], [[7, 30]]], ids=str
)
def test_days_that_make_no_sense(X, name, days):
    with pytest.raises(ValueError, match=f"{name}=.* are not ascending whole numbers of days"):
        WindowFeatures(**{name: days}).fit(X)


def test_no_window(X):
    with pytest.raises(ValueError, match="windows is empty"):
        WindowFeatures(windows=[]).fit(X)


def test_a_number_is_no_sequence(X):
    with pytest.raises(InvalidParameterError, match="'windows' parameter"):
        WindowFeatures(windows=30).fit(X)


def test_the_docstring_describes_all_columns(X):
    fitted = WindowFeatures().fit(X)
    table = WindowFeatures.__doc__.split("=\n")[2].split("\n    ===")[0]
    patterns = [line.split()[0] for line in table.splitlines() if line[4:5].strip()]
    names = {
        pattern.format(w=w, s=s, l=long, h=h)
        for pattern in patterns
        for w in (WINDOWS[:-1] if "year_ago" in pattern else WINDOWS)
        for s, long in pairwise(WINDOWS)
        for h in (30, 180)
    }
    assert names == set(fitted.get_feature_names_out())
