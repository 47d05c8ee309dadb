"""Blocks of rows: that they cover the rows, and that nobody notices them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from clvkit.datasets import load_cdnow
from clvkit.features import _view, default_features
from clvkit.features._view import HistoryView, blocks_of_rows, divide
from clvkit.history import get_histories, latest_histories, make_samples


@pytest.fixture(scope="module")
def X():
    return make_samples(load_cdnow(), "13W", cutoffs=["1997-06-30", "1997-09-30"]).X


@pytest.mark.parametrize(("events", "rows"), [(1, 10**6), (50, 10**6), (10**6, 7), (50, 30)])
def test_blocks_cover_each_row_once_in_order(monkeypatch, X, events, rows):
    monkeypatch.setattr(_view, "_EVENTS_PER_BLOCK", events)
    monkeypatch.setattr(_view, "_ROWS_PER_BLOCK", rows)
    histories = get_histories(X)
    blocks = list(blocks_of_rows(histories))
    covered = np.concatenate([np.arange(block.start, block.stop) for block in blocks])
    assert_array_equal(covered, np.arange(len(X)))
    assert max(block.stop - block.start for block in blocks) <= rows
    # A block starts with the row that crosses a bound, and holds no more than that beside it.
    sizes = [(n := histories.n_events[block]).sum() - n[0] for block in blocks]
    assert max(sizes) <= events


def test_no_block_for_no_row(X):
    assert list(blocks_of_rows(get_histories(X)[:0])) == []


def test_where_the_blocks_are_cut_makes_no_difference(monkeypatch, X):
    features = default_features().fit(X)
    whole = features.transform(X)
    monkeypatch.setattr(_view, "_EVENTS_PER_BLOCK", 101)
    for n_jobs in (1, 3):
        features.named_transformers_["history"].set_params(n_jobs=n_jobs)
        assert_array_equal(features.transform(X), whole)


def test_histories_without_events_are_rows_too():
    X = latest_histories(load_cdnow())
    unknown = get_histories(X).cut_back("1990-01-01")
    assert sum(block.stop - block.start for block in blocks_of_rows(unknown)) == len(X)


def test_divide_by_nothing_and_less():
    quotient = divide(np.array([1.0, 1.0, 1.0, 0.0]), np.array([2.0, 0.0, -1.0, 4.0]))
    assert_array_equal(quotient, [0.5, np.nan, np.nan, 0.0])


def test_times_before_the_cutoff_by_hand():
    log = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b", "c", "c"],
            "date": pd.to_datetime(
                [
                    *("2024-03-01 09:00", "2024-03-04 08:00", "2024-03-04 20:00"),
                    *("2024-03-02 12:00", "2024-02-29 12:00", "2024-03-03 12:00"),
                ]
            ),
            "amount": [1.0, 1.0, 1.0, -1.0, 1.0, 1.0],
        }
    )
    by_day = HistoryView(get_histories(latest_histories(log, cutoff="2024-03-05")))
    assert_array_equal(by_day.event_days_ago, [4, 1, 1, 3, 5, 2])
    assert_array_equal(by_day.purchase_days_ago, [4, 1, 5, 2])
    assert_array_equal(by_day.event_row, [0, 0, 0, 1, 2, 2])
    assert_array_equal(by_day.purchase_row, [0, 0, 2, 2])
    assert_array_equal(by_day.gaps.days, [3.0, 3.0])
    assert_array_equal(by_day.gaps.offsets, [0, 1, 1, 2])
    assert_array_equal(by_day.gaps.row, [0, 2])
    # The cutoff is 2024-03-05 23:00: whole days are counted back from there.
    X = latest_histories(log, cutoff="2024-03-05", granularity="h")
    by_hour = HistoryView(get_histories(X))
    assert_array_equal(by_hour.event_days_ago, [4, 1, 1, 3, 5, 2])
    assert_array_equal(by_hour.gaps.days, [71 / 24, 0.5, 3.0])


def test_the_time_since_the_last_purchase_does_not_depend_on_the_age_in_its_last_bit():
    # Differences of ages in days, such as 50/24 - 49/24 and 7/24 - 6/24, would.
    first = pd.date_range("2024-03-01 00:00", periods=200, freq="h")
    log = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(200), 2),
            "date": np.ravel([[date, pd.Timestamp("2024-03-09 16:00")] for date in first]),
            "amount": 1.0,
        }
    )
    X = latest_histories(log, cutoff="2024-03-09", granularity="h")
    since = HistoryView(get_histories(X)).days_since_last
    assert_array_equal(since, np.full(200, 7 / 24))
