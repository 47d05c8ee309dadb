"""Decayed counts and sums, and that a day's weight is the same in any batch."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.features._decay import decayed_purchases
from clvkit.features._view import HistoryView
from clvkit.history import get_histories, latest_histories


@pytest.fixture(scope="module")
def histories():
    """A customer a day, the first one 3,000 days before the cutoff."""
    date = np.datetime64("2016-04-14", "s") + np.arange(3_001) * np.timedelta64(1, "D")
    log = pd.DataFrame({"customer_id": np.arange(3_001), "date": date, "amount": 3.0})
    return get_histories(latest_histories(log))


@pytest.mark.parametrize("half_life", [1.0, 30.5, 365.0])
def test_half_after_each_half_life(histories, half_life):
    purchases, spend = decayed_purchases(HistoryView(histories), half_life)
    expected = 0.5 ** (np.arange(3_000, -1, -1) / half_life)
    assert_allclose(purchases, expected, rtol=1e-12)
    assert_allclose(spend, 3 * expected, rtol=1e-12)


def test_a_day_weighs_the_same_bits_in_any_batch(histories):
    whole = decayed_purchases(HistoryView(histories), 77.7)
    for rows in (slice(0, 1), slice(1_985, 2_000), slice(2_990, None)):
        assert_array_equal(
            decayed_purchases(HistoryView(histories[rows]), 77.7), np.array(whole)[:, rows]
        )


def test_a_refund_lowers_the_purchase_before_it():
    log = pd.DataFrame(
        {
            "customer_id": "a",
            "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-21"]),
            "amount": [8.0, -2.0, 1.0],
        }
    )
    purchases, spend = decayed_purchases(HistoryView(get_histories(latest_histories(log))), 10.0)
    assert_array_equal(purchases, [2**-2 + 1])
    assert_array_equal(spend, [6 * 2**-2 + 1])


def test_no_purchase_weighs_nothing(histories):
    unknown = histories.cut_back("1990-01-01")
    assert_array_equal(decayed_purchases(HistoryView(unknown), 90.0), np.zeros((2, 3_001)))
