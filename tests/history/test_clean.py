import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvkit.errors import AmountError, DataWarning, EmptyLogError, LogError, UnknownNameError
from clvkit.history import latest_histories
from clvkit.history._clean import (
    apply_duplicates,
    apply_refunds,
    check_policy,
    clean_columns,
    read_customers,
    warn_after_end,
)

COLUMNS = ("who", "when", "much")


def frame(who=("a", "b"), when=("2024-01-01", "2024-01-02"), much=(1.0, 2.0)):
    return pl.DataFrame({"who": who, "when": when, "much": much}, strict=False)


def test_a_clean_log_stays_as_it_is():
    cleaned = clean_columns(frame(), *COLUMNS)
    assert cleaned["who"].to_list() == ["a", "b"]
    assert cleaned["much"].to_list() == [1.0, 2.0]
    assert cleaned.schema["when"] == pl.Datetime("us")


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, None], pl.Int32, [1, None]),
        ([1.0, float("nan"), None], pl.Float64, [1, None, None]),
        ([1.5, 2.0], pl.Float64, [1.5, 2.0]),
        ([1e300, 2.0], pl.Float64, [1e300, 2.0]),
        ([2.0**53, 1.0], pl.Float64, [2.0**53, 1.0]),
        (["a", "", "  ", None, " b"], pl.String, ["a", None, None, None, " b"]),
        (["b", None, "a"], pl.Categorical, ["b", None, "a"]),
        ([None, None], pl.Null, [None, None]),
        ([True, False], pl.Boolean, [True, False]),
    ],
    ids=["int", "nan", "parts", "huge", "unsafe", "text", "category", "null", "bool"],
)
def test_customers(values, dtype, expected):
    column = read_customers(pl.Series("who", values, dtype=dtype))
    assert column.to_list() == expected
    assert column.name == "who"
    whole = dtype == pl.Float64 and all(v is None or isinstance(v, int) for v in expected)
    assert column.dtype.is_integer() == (whole or dtype == pl.Int32)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], r"column 'who' holds List\(Int64\), such as \[\[1\]\]"),
        (b"1", r"column 'who' holds Binary, such as \[b'1'\]"),
    ],
    ids=["list", "bytes"],
)
def test_what_cannot_name_a_customer(value, message):
    with pytest.raises(LogError, match=message):
        read_customers(pl.Series("who", [value]))


def test_a_row_that_is_left_out_may_hold_anything_else():
    spoilt = frame(who=[None, "b"], when=["nonsense", "2024-01-02"], much=[float("inf"), 2.0])
    with pytest.warns(DataWarning, match=r"1 of 2 rows have no customer.*the first one is row 0"):
        cleaned = clean_columns(spoilt.with_columns(when=pl.Series(["", "2024-01-02"])), *COLUMNS)
    assert cleaned["much"].to_list() == [2.0]


def test_no_rows():
    with pytest.raises(EmptyLogError, match="the log has no rows"):
        clean_columns(frame().head(0), *COLUMNS)


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf"), -float("inf")])
def test_amounts_that_are_no_amounts(bad):
    with pytest.raises(AmountError, match=r"in 1 of 2 rows, such as .* of customer 'b'. Correct"):
        clean_columns(frame(much=(1.0, bad)), *COLUMNS)


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Float32, pl.Decimal(10, 2)])
def test_amounts_of_any_numeric_type(dtype):
    column = pl.Series("much", [1, 2]).cast(dtype)
    cleaned = clean_columns(frame().with_columns(column), *COLUMNS)
    assert cleaned.schema["much"] == pl.Float64
    assert cleaned["much"].to_list() == [1.0, 2.0]


def test_there_is_one_zero():
    cleaned = clean_columns(frame(much=(-0.0, 0.0)), *COLUMNS)
    assert [str(value) for value in cleaned["much"]] == ["0.0", "0.0"]


def test_duplicates_keep_the_first():
    twice = frame(who=("a", "b", "a"), when=("x", "y", "x"), much=(1.0, 2.0, 1.0))
    assert apply_duplicates(twice, "drop").rows() == twice.rows()[:2]
    assert apply_duplicates(twice, "keep") is twice


def test_refunds_leave_free_orders():
    log = frame(much=(-1.0, 0.0))
    assert apply_refunds(log, "drop", "much")["much"].to_list() == [0.0]
    assert apply_refunds(log, "net", "much") is log


@pytest.mark.parametrize("value", ["b", None, ["a"]], ids=str)
def test_policies(value):
    check_policy("colour", "a", ("a", "c"))
    with pytest.raises(UnknownNameError, match=r"colour=.* is not known. Choose one of 'a', 'c'"):
        check_policy("colour", value, ("a", "c"))


def test_warn_after_end():
    with pytest.warns(DataWarning, match=r"3 of 9 rows are dated after end='2024-01-01', such as"):
        warn_after_end(3, 9, "x", "2024-01-01")


def far_log(first, n=3_000):
    day = np.datetime64("2022-01-01", "s") + np.arange(n).astype("m8[h]")
    day[:2] = np.datetime64(first, "s")
    return pd.DataFrame({"customer_id": np.arange(n) % 7, "date": day, "amount": 1.0})


@pytest.mark.parametrize("first", ["0001-01-01", "1900-01-01", "1970-01-01"])
@pytest.mark.parametrize("n", [5, 3_000])
def test_placeholder_dates_are_pointed_at(first, n):
    log = far_log(first, n).iloc[:: -1 if n > 5 else 1].drop(index=1)
    message = rf"1 of {n - 1} rows are dated absurdly far.*such as {first} of customer 0, .*Correct"
    with pytest.warns(DataWarning, match=message):
        latest_histories(log)


@pytest.mark.parametrize("first", ["1994-01-01", "2021-12-31"])
def test_a_log_that_begins_long_before_the_rest_is_left_alone(first):
    latest_histories(far_log(first))


def test_a_log_of_many_years_is_left_alone():
    date = np.arange("1960-01-01", "2024-01-01", 7, dtype="M8[D]").astype("M8[s]")
    latest_histories(pd.DataFrame({"customer_id": 1, "date": date, "amount": 1.0}))


@pytest.mark.parametrize("much", [[1e308] * 3, [1e308, -1e308, 1e307]], ids=["sum", "refunds"])
def test_amounts_too_large_to_add_up(much):
    table = frame(list("abc"), ["2024-01-01"] * 3, much)
    with pytest.raises(AmountError, match=r"'much' .* too large to add up.* 1e\+308 of .*'a'"):
        clean_columns(table, *COLUMNS)


def test_large_amounts_that_add_up():
    assert clean_columns(frame(much=[8e307, 8e307]), *COLUMNS)["much"].sum() == 1.6e308
