"""CadenceFeatures on customers whose features are worked out by hand, and by a slow oracle."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.datasets import load_cdnow
from clvkit.features import CadenceFeatures
from clvkit.history import find_purchases, get_histories, latest_histories, make_samples

NAN = np.nan
SQRT2 = np.sqrt(2)

# customer -> events; mean_gap, sd_gap, cv_gap, median_gap, max_gap, last_gap, gaps_since_last,
# regularity, erlang_k, gap_trend at the cutoff 2024-03-31. 2024 is a leap year.
TABLE = {
    # Equal gaps of 10 days: k would be infinite.
    "clockwork": (
        [("2024-01-01", 10.0), ("2024-01-11", 20.0), ("2024-01-21", 30.0)],
        (10, 0, 0, 10, 10, 10, 7, 1, 100, 0),
    ),
    # Gaps 10, 30: contrast (20 / 40) ** 2 = 1/4 = 4 V, k = (4 - 1) / 2. Slope 20 of a mean of 20.
    "slows down": (
        [("2024-01-01", 1.0), ("2024-01-11", 1.0), ("2024-02-10", 1.0)],
        (20, 10 * SQRT2, SQRT2 / 2, 20, 30, 30, 2.5, 0.75, 1.5, 1),
    ),
    "speeds up": (
        [("2024-01-01", 1.0), ("2024-01-31", 1.0), ("2024-02-10", 1.0)],
        (20, 10 * SQRT2, SQRT2 / 2, 20, 30, 10, 2.5, 0.75, 1.5, -1),
    ),
    # Gaps 2, 6, 2, 6: each contrast is 1/4; slope (-1.5 * 2 - .5 * 6 + .5 * 2 + 1.5 * 6) / 5.
    "alternates": (
        [(f"2024-03-{day:02}", 1.0) for day in (1, 3, 9, 11, 17)],
        (4, np.sqrt(16 / 3), np.sqrt(1 / 3), 4, 6, 6, 3.5, 0.75, 1.5, 0.2),
    ),
    # Gaps 1, 9, 1: contrast 64/100 twice, so 1 / .64 = 1.5625. The middle does not tilt the line.
    "bursts": (
        [(f"2024-03-{day:02}", 1.0) for day in (1, 2, 11, 12)],
        (11 / 3, np.sqrt(64 / 3), np.sqrt(64 / 3) * 3 / 11, 1, 9, 1, 57 / 11, 0.36, 0.28125, 0),
    ),
    "same day": (
        [("2024-03-01 09:00", 5.0), ("2024-03-01 18:00", 5.0), ("2024-03-16", 20.0)],
        (15, NAN, NAN, 15, 15, 15, 1, NAN, NAN, NAN),
    ),
    "ties": (
        [("2024-03-01", 5.0), ("2024-03-01", 5.0), ("2024-03-11", 5.0), ("2024-03-11", 5.0)],
        (10, NAN, NAN, 10, 10, 10, 2, NAN, NAN, NAN),
    ),
    "at the cutoff": ([("2024-03-31", 42.0)], (NAN,) * 10),
    "to the cutoff": (
        [("2024-03-01", 1.0), ("2024-03-31", 1.0)],
        (30, NAN, NAN, 30, 30, 30, 0, NAN, NAN, NAN),
    ),
    "leap day": (
        [("2024-02-28", 8.0), ("2024-02-29", 8.0), ("2024-03-01", 12.0)],
        (1, 0, 0, 1, 1, 1, 30, 1, 100, 0),
    ),
    # Neither refund is a purchase, nor do they undo the first one.
    "refund above": (
        [("2024-01-31", 10.0), ("2024-02-10", -25.0), ("2024-03-01", 40.0)],
        (30, NAN, NAN, 30, 30, 30, 1, NAN, NAN, NAN),
    ),
    "fully refunded": (
        [("2024-03-01", 30.0), ("2024-03-01", -30.0), ("2024-03-11", 15.0)],
        (NAN,) * 10,
    ),
    "refunds only": ([("2024-02-20", -5.0), ("2024-02-25", -5.0)], (NAN,) * 10),
    "free orders": (
        [("2024-03-01", 0.0), ("2024-03-21", 0.0)],
        (20, NAN, NAN, 20, 20, 20, 0.5, NAN, NAN, NAN),
    ),
}


def transaction_log(events):
    rows = [(name, date, amount) for name, lines in events.items() for date, amount in lines]
    log = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return log.assign(date=pd.to_datetime(log["date"], format="mixed"))


def cadence(X):
    features = CadenceFeatures().set_output(transform="pandas").fit_transform(X)
    return features.droplevel("cutoff")


@pytest.fixture(scope="module", params=[None, "Asia/Tokyo"], ids=["naive", "time zone"])
def X(request):
    log = transaction_log({name: lines for name, (lines, _) in TABLE.items()})
    # The local day counts: that of a morning in Tokyo is not that of UTC.
    log["date"] = log["date"].dt.tz_localize(request.param)
    return latest_histories(log.sample(frac=1, random_state=0), cutoff="2024-03-31")


@pytest.mark.parametrize("customer", TABLE)
def test_features_by_hand(X, customer):
    assert_allclose(cadence(X).loc[customer], TABLE[customer][1], rtol=1e-14, atol=0)


def test_gaps_are_days_in_any_granularity():
    log = transaction_log({"a": [(f"2024-03-0{day} {day}:00", 1.0) for day in (1, 2, 4)]})
    by_hour = cadence(latest_histories(log, cutoff="2024-03-05", granularity="h")).loc["a"]
    by_week = cadence(latest_histories(log, cutoff="2024-03-20", granularity="W")).loc["a"]
    assert_allclose(by_hour[["mean_gap", "last_gap"]], [75 / 48, 50 / 24])
    assert by_week["mean_gap"] == by_week["max_gap"] == 7  # two purchases in two weeks


def test_a_history_without_events_has_no_cadence(X):
    unknown = get_histories(X).cut_back("1990-01-01")
    assert np.isnan(CadenceFeatures().fit_transform(unknown)).all()


def test_regularity_tells_the_shape_of_gamma_gaps():
    # On average over customers of any rate: 4 V estimates 1 / (2k + 1) without bias.
    rng = np.random.default_rng(0)
    for shape in (1, 3):
        gaps = rng.gamma(shape, rng.gamma(2.0, 20_000.0, (2_000, 1)), (2_000, 8)).astype(int) + 1
        second = np.datetime64("2000-01-01", "s") + gaps.cumsum(axis=1)
        log = pd.DataFrame(
            {"customer_id": np.repeat(np.arange(2_000), 8), "date": second.ravel(), "amount": 1.0}
        )
        regularity = cadence(latest_histories(log, granularity="s"))["regularity"]
        assert_allclose(1 - regularity.mean(), 1 / (2 * shape + 1), rtol=0.03)


def oracle(days, now):
    gaps = np.diff(days).astype(float)
    if not len(gaps):
        return [NAN] * 10
    row = [gaps.mean(), NAN, NAN, np.median(gaps), gaps.max(), gaps[-1]]
    row += [(now - days[-1]) / gaps.mean(), NAN, NAN, NAN]
    if len(gaps) > 1:
        share = gaps[:-1] / (gaps[:-1] + gaps[1:])
        variance = np.mean((share - 0.5) ** 2)
        shape = (1 - 4 * variance) / (8 * variance) if variance else np.inf
        slope = np.polyfit(np.arange(len(gaps)), gaps, 1)[0] / gaps.mean()
        row[1:3] = gaps.std(ddof=1), gaps.std(ddof=1) / gaps.mean()
        row[7:] = 1 - 4 * variance, min(shape, 100), slope
    return row


def assert_as_the_oracle(X):
    purchases = find_purchases(get_histories(X))
    bounds = zip(purchases.begin, purchases.end, purchases.now, strict=True)
    expected = [oracle(purchases.period[begin:end], now) for begin, end, now in bounds]
    assert_allclose(CadenceFeatures().fit_transform(X), expected, rtol=1e-9, atol=1e-12)


def test_agrees_with_a_slow_oracle_on_cdnow():
    samples = make_samples(load_cdnow(), "13W", cutoffs=["1997-06-30", "1998-03-31"])
    assert_as_the_oracle(samples.X.iloc[::7])


@given(
    events=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 400), st.sampled_from([0.0, 5.0, -5.0])),
        min_size=1,
        max_size=60,
    )
)
def test_agrees_with_a_slow_oracle_on_random_logs(events):
    customer, day, amount = map(np.array, zip(*events, strict=True))
    date = np.datetime64("2023-06-01") + day
    log = pd.DataFrame({"customer_id": customer, "date": date, "amount": amount})
    assert_as_the_oracle(latest_histories(log, cutoff="2024-12-31"))


@pytest.mark.parametrize("n_gaps", [2, 3, 10])
def test_one_long_gap_cannot_move_the_trend_beyond_its_bound(n_gaps):
    days = [*range(n_gaps), 5_000]
    date = np.datetime64("2000-01-01") + np.array(days)
    log = pd.DataFrame({"customer_id": 1, "date": date, "amount": 1.0})
    trend = cadence(latest_histories(log))["gap_trend"].iloc[0]
    bound = 6 / (n_gaps + 1)
    assert 0.98 * bound < trend < bound


def test_names_of_the_docstring_are_those_of_the_columns(X):
    table = CadenceFeatures.__doc__.split("=\n")[2].split("\n    ===")[0]
    listed = [line.split()[0] for line in table.splitlines() if line[4:5].strip()]
    assert_array_equal(listed, CadenceFeatures().fit(X).get_feature_names_out())
