"""Daily totals of all customers, who may be observed to different cutoffs."""

import warnings

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.errors import DataWarning
from clvkit.features._daily_spend import learn_daily_spend
from clvkit.history import get_histories, latest_histories, replace_histories

DAY = np.arange("2024-01-01", "2024-01-11", dtype="M8[D]").astype("M8[s]")
BOTH = pd.concat(
    pd.DataFrame({"customer_id": customer, "date": DAY, "amount": amount})
    for customer, amount in [("a", 10.0), ("b", 6.0)]
)
FIRST, LAST = 19_723, 19_732  # 2024-01-01 and 2024-01-10, in days since 1970


def learn(X, last=LAST):
    return learn_daily_spend(get_histories(X), last)


def test_totals():
    daily = learn(latest_histories(BOTH))
    assert (daily.first_day, daily.last_day) == (FIRST, LAST)
    assert_array_equal(daily.spend, np.full(10, 16.0))
    assert_array_equal(
        daily.total(np.array([FIRST - 5, LAST - 2]), np.array([FIRST, LAST])), [16, 32]
    )


def test_who_is_not_observed_is_taken_to_be_like_the_others():
    X = latest_histories(BOTH)
    cut = replace_histories(X, get_histories(X).cut_back(["2024-01-10", "2024-01-04"]))
    assert_array_equal(learn(cut).spend, [*[16.0] * 4, *[20.0] * 6])


def test_nobody_is_observed_before_he_is_acquired():
    late = BOTH[(BOTH["customer_id"] == "a") | (BOTH["date"] > "2024-01-06")]
    assert_array_equal(learn(latest_histories(late)).spend, [*[10.0] * 6, *[16.0] * 4])


def test_a_refunded_day_is_0_and_not_what_rounding_left():
    log = pd.DataFrame({"customer_id": "a", "date": DAY[:3], "amount": [0.1, 0.2, -0.3]})
    assert_array_equal(learn(latest_histories(log.assign(date=DAY[0])), FIRST).spend, [0.0])
    total = learn(latest_histories(log), FIRST + 2).total(np.array([FIRST - 1]), np.array([LAST]))
    assert_array_equal(total, [0.0])


def test_part_of_a_day_is_not_a_day():
    log = BOTH.assign(date=BOTH["date"] + np.timedelta64(9, "h"))
    X = latest_histories(log, cutoff="2024-01-10 11:59:59", granularity="h")
    daily = learn(X, int(get_histories(X).cutoff_moments[0]))
    assert daily.last_day == LAST - 1
    assert_array_equal(daily.spend, np.full(9, 16.0))


def test_no_events():
    daily = learn(latest_histories(BOTH).iloc[:0])
    assert len(daily.spend) == 0
    assert_array_equal(daily.reaches_back(np.array([LAST - 366, LAST - 1])), [False, False])
    assert_array_equal(daily.total(np.array([0]), np.array([LAST])), [0.0])


def test_a_placeholder_date_does_not_lengthen_the_table():
    odd = pd.DataFrame({"customer_id": ["z"], "date": ["0001-01-01"], "amount": [5.0]})
    odd = odd.assign(date=odd["date"].to_numpy().astype("M8[s]"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        daily = learn(latest_histories(pd.concat([BOTH, odd])))
    assert len(daily.spend) == 18_263
    assert_allclose(daily.spend[-10:], 16.0)
    assert daily.spend[:-10].sum() == 0.0
