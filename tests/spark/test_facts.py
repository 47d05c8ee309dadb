import warnings

import numpy as np
import pandas as pd
import pytest

from clvkit.errors import (
    AmountError,
    DataWarning,
    DateError,
    DuplicateRowsError,
    EmptyLogError,
    RefundError,
)
from clvkit.history import latest_histories
from clvkit.spark import rfm_summary

DAYS = np.datetime64("2021-01-01", "us") + np.arange(8).astype("m8[D]")


def table(**columns):
    base = {"customer_id": [1, 1, 2, 2, 3, 3, 4, 4], "date": DAYS, "amount": np.arange(1.0, 9.0)}
    return pd.DataFrame(base | columns)


def both(frame, to_spark, **settings):
    """Return what the door says of a log on one machine and on Spark: error and warnings."""
    said = []
    for run in (
        lambda: latest_histories(frame, **settings),
        lambda: rfm_summary(to_spark(frame), **settings),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                run()
                error = None
            except Exception as caught_error:
                error = caught_error
        said.append((error, [str(w.message) for w in caught if w.category is DataWarning]))
    return said


@pytest.mark.parametrize(
    ("columns", "settings", "error", "message"),
    [
        pytest.param(
            {"amount": [1.0, np.inf, np.nan, 4, 5, 6, 7, 8]},
            {},
            AmountError,
            "column 'amount' is missing or not finite in 2 of 8 rows",
            id="amounts",
        ),
        pytest.param(
            {"amount": [1e308] * 8}, {}, AmountError, "too large to add up", id="too large"
        ),
        pytest.param(
            {"date": [None, *DAYS[1:]]}, {}, DateError, "no date in 1 of 8 rows", id="dates"
        ),
        pytest.param(
            {"customer_id": [None] * 8},
            {},
            EmptyLogError,
            "no row of the log names a customer: column 'customer_id' is missing in all 8",
            id="nobody",
        ),
        pytest.param(
            {"amount": -np.arange(1.0, 9.0)},
            {"refunds": "raise"},
            RefundError,
            "column 'amount' is negative in 8 of 8 rows",
            id="refunds",
        ),
        pytest.param(
            {"amount": -np.arange(1.0, 9.0)},
            {"refunds": "drop"},
            EmptyLogError,
            "negative in all 8 rows, and refunds='drop'",
            id="refunds only",
        ),
        pytest.param(
            {},
            {"cutoff": "2020-12-31"},
            EmptyLogError,
            "no event is left: the log starts on 2021-01-01, after the cutoff",
            id="before the log",
        ),
        pytest.param(
            {"date": DAYS[:1].repeat(8), "amount": 1.0},
            {"duplicates": "raise"},
            DuplicateRowsError,
            "4 of 8 rows of the log repeat an earlier row",
            id="duplicates",
        ),
    ],
)
def test_errors_are_those_of_the_door_with_the_counts_of_the_whole_log(
    columns, settings, error, message, to_spark
):
    frame = table(**columns)
    if "customer_id" in columns:
        frame["customer_id"] = frame["customer_id"].astype("Float64")
    if columns.get("date") is not None:
        frame["date"] = frame["date"].astype("M8[us]")
    for raised, _ in both(frame, to_spark, **settings):
        assert type(raised) is error, raised
        assert message in str(raised)


def test_an_empty_log_is_refused(to_spark):
    for raised, _ in both(table().head(0), to_spark):
        assert type(raised) is EmptyLogError
        assert "the log has no rows" in str(raised)


def test_warnings_are_given_once_with_the_counts_of_the_whole_log(to_spark):
    frame = table(customer_id=["a", None, "\u2009 ", "", "b", "b", "c", "c"])
    local, there = (said[1] for said in both(frame, to_spark, end="2021-01-06"))
    for messages in (local, there):
        assert len(messages) == 2
        assert messages[0].startswith("3 of 8 rows have no customer in column 'customer_id'")
        assert messages[1].startswith("2 of 5 rows are dated after end='2021-01-06', such as 2021-")


def test_placeholders_for_no_date_are_told(to_spark):
    frame = table(date=[np.datetime64("1899-12-30", "us"), *DAYS[1:]])
    local, there = (said[1] for said in both(frame, to_spark))
    assert len(local) == len(there) == 1
    assert there[0].startswith("1 of 8 rows are dated absurdly far before the others")
    assert there[0].partition("Correct")[0] == local[0].partition("Correct")[0]


def test_whole_floats_name_the_same_customers_in_every_partition(to_spark, collected):
    # A partition of whole numbers cannot know of the half in another one.
    whole = table(customer_id=[1.0, np.nan, 2, 2, 3, 3, 4, 4])
    halves = table(customer_id=[1.0, 1.5, 2, 2, 3, 3, 4, 4])
    with pytest.warns(DataWarning, match="1 of 8 rows have no customer"):
        assert collected(rfm_summary(to_spark(whole))).index.tolist() == [1, 2, 3, 4]
    got = rfm_summary(to_spark(halves), n_partitions=5)
    assert dict(got.dtypes)["customer_id"] == "double"
    assert collected(got).index.tolist() == [1.0, 1.5, 2.0, 3.0, 4.0]


def test_duplicates_are_dropped_by_all_columns(to_spark, collected):
    frame = table(customer_id=7, date=DAYS[:4].repeat(2), amount=3.0)
    frame["line"] = [0, 0, 0, 1, 0, 0, 0, 1]
    got = collected(rfm_summary(to_spark(frame), duplicates="drop"))
    want = latest_histories(frame, duplicates="drop")
    assert got["monetary_value"].tolist() == [5.0]
    assert int(want["history"].array.n_events[0]) == 6
