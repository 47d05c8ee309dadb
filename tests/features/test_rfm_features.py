"""RFMFeatures on customers whose features are worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.errors import DurationError, EmptyLogError, HistoryTypeError
from clvkit.features import RFMFeatures
from clvkit.features._quintiles import scored_values
from clvkit.features._view import HistoryView
from clvkit.history import get_histories, latest_histories, replace_histories, rfm_summary
from clvkit.testing import check_history_transformer
from clvkit.testing._history_logs import CUTOFFS, Rows, random_logs

NAN = np.nan

# Cutoff 2024-03-31; half-life 10 days. 2024 is a leap year.
LOG = {
    "steady": [("2024-01-01", 10.0), ("2024-01-11", 20.0), ("2024-01-21", 30.0)],
    "same day": [("2024-03-01 09:00", 5.0), ("2024-03-01 18:00", 5.0), ("2024-03-16", 20.0)],
    "at the cutoff": [("2024-03-31", 42.0)],
    "to its last minute": [("2024-03-31 00:01", 1.0), ("2024-03-31 23:59", 2.0)],
    "leap day": [("2024-02-29", 8.0), ("2024-03-31", 12.0)],
    "refund above": [("2024-01-31", 10.0), ("2024-02-10", -25.0), ("2024-03-01", 40.0)],
    "refunds only": [("2024-02-20", -5.0)],
    "fully refunded": [("2024-03-01", 30.0), ("2024-03-01", -30.0), ("2024-03-11", 15.0)],
    "rounded away": [("2024-03-01", 0.1), ("2024-03-01", 0.2), ("2024-03-02", -0.3)],
    "free order": [("2024-03-21", 0.0)],
    "tied": [("2024-01-01", 20.0), ("2024-01-11", 20.0), ("2024-01-21", 20.0)],
    "four": [(f"2024-03-0{d}", a) for d, a in zip((1, 2, 3, 9), (7, 1, 3, 4), strict=True)],
}

COUNTS = {  # frequency, recency, T, days_since_last, n_purchases, n_events
    "steady": (2, 20, 90, 70, 3, 3),
    "same day": (1, 15, 30, 15, 2, 3),
    "at the cutoff": (0, 0, 0, 0, 1, 1),
    "to its last minute": (0, 0, 0, 0, 1, 2),
    "leap day": (1, 31, 31, 0, 2, 2),
    "refund above": (1, 30, 60, 30, 2, 3),
    "refunds only": (0, 0, 40, NAN, 0, 1),
    "fully refunded": (0, 0, 20, 20, 1, 3),
    "rounded away": (0, 0, 30, 30, 1, 3),
    "free order": (0, 0, 10, 10, 1, 1),
    "tied": (2, 20, 90, 70, 3, 3),
    "four": (3, 8, 30, 22, 4, 4),
}

MONEY = {  # monetary_value, total_spend, mean, median, max, sd, last
    "steady": (25, 60, 20, 20, 30, 10, 30),
    "same day": (20, 30, 15, 15, 20, np.sqrt(50), 20),
    "at the cutoff": (0, 42, 42, 42, 42, NAN, 42),
    "to its last minute": (0, 3, 3, 3, 3, NAN, 3),
    "leap day": (12, 20, 10, 10, 12, np.sqrt(8), 12),
    "refund above": (40, 25, 12.5, 12.5, 40, 27.5 * np.sqrt(2), 40),
    "refunds only": (0, -5, NAN, NAN, NAN, NAN, NAN),
    "fully refunded": (0, 15, 15, 15, 15, NAN, 15),
    "rounded away": (0, 0, 0, 0, 0, NAN, 0),
    "free order": (0, 0, 0, 0, 0, NAN, 0),
    "tied": (20, 60, 20, 20, 20, 0, 20),
    "four": (8 / 3, 15, 3.75, 3.5, 7, 2.5, 4),
}

WEIGHTED = {  # purchase_rate, spend_rate, decayed_purchases, decayed_spend
    "steady": (3 / 91, 60 / 91, 7 / 512, (10 + 2 * 20 + 4 * 30) / 512),
    "same day": (2 / 31, 30 / 31, 2**-3 + 2**-1.5, 10 * 2**-3 + 20 * 2**-1.5),
    "at the cutoff": (1, 42, 1, 42),
    "to its last minute": (1, 3, 1, 3),
    "leap day": (2 / 32, 20 / 32, 2**-3.1 + 1, 8 * 2**-3.1 + 12),
    "refund above": (2 / 61, 25 / 61, 2**-6 + 2**-3, -15 * 2**-6 + 40 * 2**-3),
    "refunds only": (0, -5 / 41, 0, 0),
    "fully refunded": (1 / 21, 15 / 21, 2**-2, 15 * 2**-2),
    "rounded away": (1 / 31, 0, 2**-3, 0),
    "free order": (1 / 11, 0, 2**-1, 0),
    "tied": (3 / 91, 60 / 91, 7 / 512, 140 / 512),
    "four": (4 / 31, 15 / 31, 2**-3 + 2**-2.9 + 2**-2.8 + 2**-2.2, None),
}


def transaction_log(events):
    rows = [(name, date, amount) for name, lines in events.items() for date, amount in lines]
    log = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return log.assign(date=pd.to_datetime(log["date"], format="mixed"), amount=log.amount * 1.0)


@pytest.fixture(scope="module")
def X():
    return latest_histories(transaction_log(LOG), cutoff="2024-03-31")


@pytest.fixture(scope="module")
def features(X):
    table = RFMFeatures(half_life="10D").set_output(transform="pandas").fit_transform(X)
    return table.droplevel("cutoff")


@pytest.mark.parametrize("customer", LOG)
def test_times_and_counts_by_hand(features, customer):
    names = ["frequency", "recency", "T", "days_since_last", "n_purchases", "n_events"]
    assert_array_equal(features.loc[customer, names], COUNTS[customer])


@pytest.mark.parametrize("customer", LOG)
def test_money_by_hand(features, customer):
    names = [f"{kind}_purchase" for kind in ("mean", "median", "max", "sd", "last")]
    actual = features.loc[customer, ["monetary_value", "total_spend", *names]]
    assert_allclose(actual, MONEY[customer], rtol=1e-14, atol=0)


@pytest.mark.parametrize("customer", LOG)
def test_rates_and_decayed_sums_by_hand(features, customer):
    names = ["purchase_rate", "spend_rate", "decayed_purchases", "decayed_spend"]
    expected = list(WEIGHTED[customer])
    if customer == "four":
        expected[3] = 7 * 2**-3 + 1 * 2**-2.9 + 3 * 2**-2.8 + 4 * 2**-2.2
    assert_allclose(features.loc[customer, names], expected, rtol=1e-14, atol=0)


def test_agrees_with_the_summary_of_purchase_models(X, features):
    summary = rfm_summary(X, time_unit="1D").droplevel("cutoff")
    pd.testing.assert_frame_equal(features[summary.columns], summary, check_flags=False)


def test_times_are_days_in_any_granularity():
    log = transaction_log({"a": [("2024-03-01 06:00", 1.0), ("2024-03-02 18:00", 2.0)]})
    hours = latest_histories(log, cutoff="2024-03-03", granularity="h")
    weeks = latest_histories(log, cutoff="2024-03-20", granularity="W")
    transformer = RFMFeatures().set_output(transform="pandas")
    by_hour, by_week = (transformer.fit_transform(X).iloc[0] for X in (hours, weeks))
    assert by_hour["recency"] == 1.5
    assert by_hour["T"] == (18 + 24 + 23) / 24
    assert (by_week["n_purchases"], by_week["T"]) == (1, 21)


# --- scores -----------------------------------------------------------------------------------


def spenders(amounts, date="2024-01-07"):
    return transaction_log({f"{i:03}": [(date, amount)] for i, amount in enumerate(amounts)})


def scores(fitted, X, name="monetary_score"):
    return fitted.transform(X)[:, list(fitted.get_feature_names_out()).index(name)]


def test_each_score_has_a_fifth_of_the_customers():
    X = latest_histories(spenders(np.arange(1, 11) * 10.0))
    assert_array_equal(scores(RFMFeatures().fit(X), X), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5])


def test_equal_values_have_equal_scores():
    X = latest_histories(spenders([5.0] * 6 + [8.0] * 3 + [9.0]))
    fitted = RFMFeatures().fit(X)
    assert_array_equal(scores(fitted, X), [1] * 6 + [4] * 3 + [5])
    assert_array_equal(scores(fitted, X, "frequency_score"), [1] * 10)


def test_values_never_seen_are_scored_between_the_same_edges():
    fitted = RFMFeatures().fit(latest_histories(spenders(np.arange(1, 11) * 10.0)))
    X = latest_histories(spenders([-3.0, 20.0, 20.01, 1e9]))
    assert_array_equal(scores(fitted, X), [1, 1, 2, 5])


def test_recent_customers_have_high_recency_scores_and_refunds_only_the_lowest():
    events = {f"{i:02}": [(f"2024-01-{i:02}", 1.0)] for i in range(1, 10)}
    X = latest_histories(transaction_log({**events, "10": [("2024-01-28", -1.0)]}))
    recency = scores(RFMFeatures().fit(X), X, "recency_score")
    assert_array_equal(recency, [1, 2, 2, 3, 3, 4, 4, 5, 5, 1])


def test_scores_compare_with_those_known_at_the_rows_own_cutoff():
    # In January everybody spends 10 to 50; in February three of them spend a lot more.
    log = pd.concat(
        [spenders([10.0, 20.0, 30.0, 40.0, 50.0]), spenders([900.0] * 3, date="2024-02-11")]
    )
    X = latest_histories(log)
    january = replace_histories(X, get_histories(X).cut_back("2024-01-30"))
    both = RFMFeatures().fit(pd.concat([january, X]))
    alone = RFMFeatures().fit(january)
    assert_array_equal(scores(both, january), [1, 2, 3, 4, 5])
    assert_array_equal(scores(both, january), scores(alone, january))
    assert_array_equal(scores(both, X), [3, 4, 5, 1, 2])


def test_rows_cut_back_before_the_first_cutoff_of_fit_have_scores():
    X = latest_histories(spenders([10.0, 20.0, 30.0, 40.0, 50.0]), cutoff="2024-12-31")
    fitted = RFMFeatures().fit(X)
    past = replace_histories(X, get_histories(X).cut_back("2024-06-30"))
    assert_array_equal(scores(fitted, past), [1, 2, 3, 4, 5])
    before = replace_histories(X, get_histories(X).cut_back("2023-12-31"))
    assert np.isnan(scores(fitted, before)).all()


def test_a_customer_counts_once_by_his_latest_row():
    X = latest_histories(spenders([10.0, 20.0, 30.0, 40.0, 50.0]), cutoff="2024-03-31")
    rich = X.iloc[[4] * 30]
    assert_array_equal(scores(RFMFeatures().fit(pd.concat([X, rich])), X), [1, 2, 3, 4, 5])


# --- manners ----------------------------------------------------------------------------------


def test_takes_a_series_or_an_array_of_histories(X):
    fitted = RFMFeatures().fit(X["history"])
    expected = RFMFeatures().fit_transform(X)
    assert_array_equal(fitted.transform(X["history"]), expected)
    assert_array_equal(RFMFeatures().fit_transform(get_histories(X)), expected)


def test_names_of_the_docstring_are_those_of_the_columns():
    table = RFMFeatures.__doc__.split("=\n")[2].split("\n    ===")[0]
    listed = [line.split()[0] for line in table.splitlines() if line[4:5].strip()]
    X = latest_histories(spenders([1.0]))
    assert listed == list(RFMFeatures().fit(X).get_feature_names_out())


@pytest.mark.parametrize("half_life", ["3m", "soon"])
def test_half_life_that_cannot_be_read(X, half_life):
    with pytest.raises(DurationError, match=f"half_life='{half_life}'"):
        RFMFeatures(half_life=half_life).fit(X)


def test_no_rows_to_fit_on(X):
    with pytest.raises(EmptyLogError, match="X has no rows, and RFMFeatures needs some"):
        RFMFeatures().fit(X.iloc[:0])


def test_histories_of_another_granularity():
    log = spenders([1.0])
    fitted = RFMFeatures().fit(latest_histories(log))
    with pytest.raises(HistoryTypeError, match=r"granularity 'D', and X holds .* granularity 'h'"):
        fitted.transform(latest_histories(log, granularity="h"))


def test_a_sample_of_many_customers_depends_neither_on_the_order_nor_on_later_events(monkeypatch):
    monkeypatch.setattr("clvkit.features._quintiles._MAX_CUSTOMERS", 3)
    check_history_transformer(RFMFeatures(), n_logs=2, granularities=["D", "h"])


@pytest.mark.parametrize("granularity", ["D", "h", "W"])
@pytest.mark.parametrize("one_cutoff", [True, False])
def test_edges_are_those_of_the_customers_as_they_were_at_each_time(granularity, one_cutoff):
    rows = Rows(random_logs(0, n_customers=60), granularity=granularity)
    X = rows.at(CUTOFFS[-1:]) if one_cutoff else rows.one_each(CUTOFFS)
    fitted = RFMFeatures().fit(X)
    latest = get_histories(X)
    for time, edges in zip(fitted.score_times_, fitted.score_edges_, strict=True):
        known = (latest.first_moments <= time) & (latest.cutoff_moments >= time)
        values = np.sort(scored_values(HistoryView(latest[known].cut_back(time))), axis=1)
        place = np.ceil(np.arange(1, 5) * known.sum() / 5).astype(int) - 1
        assert_array_equal(edges, values[:, place])


def test_the_mean_of_purchases_that_add_up_to_nothing_is_exactly_0():
    # Both later purchases are taken back at the end: 0.1 + 0.2 - 0.3 is 5.6e-17.
    amounts = [0.1, 0.2, 0.1, -0.4]
    dates = ["2024-01-05", "2024-01-06", "2024-01-07", "2024-02-01"]
    log = pd.DataFrame({"customer_id": 1, "date": dates, "amount": amounts})
    X = latest_histories(log, cutoff="2024-03-31")
    features = RFMFeatures().set_output(transform="pandas").fit_transform(X)
    assert features["mean_purchase"].item() == 0
    log["amount"] = [5.0, 0.1, 0.2, -0.3]
    features = RFMFeatures().fit(X).set_output(transform="pandas")
    repeats = features.transform(latest_histories(log, cutoff="2024-03-31"))
    assert repeats["monetary_value"].item() == 0
