import numpy as np
import pandas as pd
import pytest

from clvkit.errors import DurationError
from clvkit.history import find_purchases, latest_histories
from clvkit.history._granularity import get_granularity


@pytest.fixture
def purchases(hand_log):
    X = latest_histories(hand_log, "2024-06-30")
    found = find_purchases(X["history"].array)
    return dict(zip(X.index.get_level_values(0), range(len(X)), strict=True)), found


def days_and_amounts(purchases, customer):
    rows, found = purchases
    row = slice(found.offsets[rows[customer]], found.offsets[rows[customer] + 1])
    days = found.period[row].astype("M8[D]").astype(str)
    return dict(zip(days.tolist(), found.amount[row].round(9).tolist(), strict=True))


@pytest.mark.parametrize(
    ("customer", "expected"),
    {
        "A same day": {"2024-01-10": 25.0, "2024-03-10": 30.0},
        "B large refund": {"2024-02-01": 50.0, "2024-02-20": -30.0},
        "C later refund": {"2024-01-01": 100.0, "2024-04-01": 40.0, "2024-05-01": 40.0},
        "D free orders": {"2024-05-05": 0.0, "2024-05-20": 0.0},
        "E refunded": {"2024-03-01": 10.0},
        "F at cutoff": {"2024-06-30": 8.0},
        "G ties": {"2024-06-01": 10.0, "2024-06-15": 6.0},
        "I refund only": {},
        "J refund first": {"2024-05-11": 20.0, "2024-05-21": 20.0},
        "M refund later": {"2024-04-10": 0.0},
    }.items(),
)
def test_purchases_of_the_hand_computed_log(purchases, customer, expected):
    assert days_and_amounts(purchases, customer) == expected


def test_ages(purchases, hand_answers):
    _, found = purchases
    np.testing.assert_array_equal(found.age, hand_answers["T"])
    np.testing.assert_array_equal(np.maximum(found.count - 1, 0), hand_answers["frequency"])
    repeat = hand_answers["frequency"] > 0
    np.testing.assert_array_equal(found.age_at_last[repeat], hand_answers["recency"][repeat])
    np.testing.assert_array_equal(found.end - found.begin, found.count)


def test_rows_without_events(cdnow_histories):
    array = cdnow_histories["history"].array[:4].cut_back("1990-01-01")
    found = find_purchases(array)
    assert found.count.tolist() == [0, 0, 0, 0]
    assert found.age.tolist() == [0, 0, 0, 0]
    assert len(find_purchases(array[:0]).count) == 0


def test_a_period_finer_than_the_histories_is_refused(cdnow_histories):
    with pytest.raises(DurationError, match="granularity='min' is finer than the histories"):
        find_purchases(cdnow_histories["history"].array, get_granularity("min"))


def test_weeks_start_on_monday():
    log = pd.DataFrame(
        {
            "customer_id": 1,
            "date": pd.to_datetime(["2024-06-02", "2024-06-03", "2024-06-09", "2024-06-10"]),
            "amount": 1.0,
        }
    )
    array = latest_histories(log, granularity="W")["history"].array
    assert find_purchases(array).amount.tolist() == [1.0, 2.0, 1.0]
    assert find_purchases(array, get_granularity("D")).count.tolist() == [4]
