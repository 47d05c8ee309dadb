import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.btyd._summary import read_rows, read_spend, read_weights
from clvkit.errors import DurationError, SummaryError, UnitWarning

GOOD = {"frequency": [2, 0, 1], "recency": [30.0, 0.0, 7.0], "T": [38.0, 38.0, 7.0]}


def frame(unit="7D", **changes):
    made = pd.DataFrame({**GOOD, **changes}, index=["ann", "bob", "eve"])
    if unit is not None:
        made.attrs["time_unit"] = unit
    return made


def test_array_is_read_by_position_and_in_the_models_unit():
    rows = read_rows(frame().to_numpy(), time_unit="1D")
    for column, expected in zip(rows[:3], GOOD.values(), strict=True):
        assert_array_equal(column, expected)


def test_frame_is_read_by_name():
    shuffled = frame()[["T", "recency", "frequency"]].assign(segment="x")
    assert_array_equal(read_rows(shuffled, time_unit="7D").frequency, GOOD["frequency"])


@pytest.mark.parametrize(
    ("own", "model", "factor"), [("1D", "7D", 1 / 7), ("7D", "1D", 7), ("1Y", "1M", 12)]
)
def test_frame_is_converted(own, model, factor):
    rows = read_rows(frame(own), time_unit=model)
    assert_allclose(rows.T, np.array(GOOD["T"]) * factor)
    assert_allclose(rows.recency, np.array(GOOD["recency"]) * factor)
    assert np.all(rows.recency <= rows.T)


def test_frame_without_unit_warns():
    with pytest.warns(UnitWarning, match=r"taken to be '7D'.*attrs\[\"time_unit\"\]"):
        rows = read_rows(frame(None), time_unit="7D")
    assert_array_equal(rows.T, GOOD["T"])


def test_polars_frame_is_read_with_the_same_warning():
    with pytest.warns(UnitWarning):
        rows = read_rows(pl.DataFrame({**GOOD, "frequency": [2.0, 0.0, 1.0]}), time_unit="7D")
    assert_array_equal(rows.recency, GOOD["recency"])


def test_unreadable_unit():
    with pytest.raises(DurationError, match="attrs"):
        read_rows(frame("weeks"), time_unit="7D")


def test_recency_may_exceed_T_by_rounding():
    rows = read_rows([[1, 7.0 * (1 + 1e-12), 7.0]], time_unit="7D")
    assert rows.recency[0] == rows.T[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"recency": [30.0, 0.0, 9.0]},
            r"recency is after T in 1 of 3 rows, for example row 2 \(index 'eve'\): "
            r"recency=9, T=7\. Recency is the age at the last purchase",
        ),
        ({"T": [np.nan, 38.0, np.inf]}, "T is missing or infinite in 2 of 3 rows.*'ann'.*repair"),
        ({"frequency": [2, -1, 1]}, "frequency is negative in 1 of 3 rows.*'bob'.*=-1"),
        ({"frequency": [2.5, 0, 1]}, "not a whole number in 1 of 3.*2.5.*sample_weight"),
        ({"frequency": [2, 0, 0]}, "recency is positive although frequency is 0.*'eve'"),
        ({"recency": [30.0, 0.0, 0.0]}, "recency is 0 although frequency is positive.*Merge"),
        ({"frequency": ["two", "0", "1"]}, "'frequency' of the summary is not numeric"),
    ],
    ids=["order", "missing", "negative", "fraction", "no repeat", "no time", "text"],
)
def test_impossible_frames_are_refused(changes, message):
    with pytest.raises(SummaryError, match=message):
        read_rows(frame(**changes), time_unit="7D")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[1.0, 2.0]], r"frequency, recency, T in this order, got shape \(1, 2\)"),
        ([1.0, 2.0, 3.0], r"got shape \(3,\)"),
        ([["a", "b", "c"]], "not numeric"),
        ([[2, 9.0, 3.0]], "row 0: recency=9, T=3"),
    ],
    ids=["too few columns", "one dimension", "text", "order"],
)
def test_impossible_arrays_are_refused(array, message):
    with pytest.raises(SummaryError, match=message):
        read_rows(array, time_unit="7D")


def test_missing_column_names_the_columns_there_are():
    with pytest.raises(SummaryError, match=r"no column 'T'; it has \['frequency', 'recency'\]"):
        read_rows(frame().drop(columns="T"), time_unit="7D")


@pytest.mark.parametrize("read", [lambda frame: read_rows(frame, time_unit="7D"), read_spend])
def test_a_column_that_is_there_twice_is_refused(read):
    whole = frame(monetary_value=[5.0, 0.0, 9.0], segment=["x", "y", "x"])

    def with_twice(column):
        twice = pd.concat([whole, whole[[column]]], axis=1)
        twice.attrs["time_unit"] = "7D"
        return twice

    with pytest.raises(SummaryError, match=r"2 columns named 'frequency'.*Drop or rename"):
        read(with_twice("frequency"))
    read(with_twice("segment"))  # not looked at


def test_input_is_not_changed():
    given = frame("1D")
    read_rows(given, time_unit="7D")
    pd.testing.assert_frame_equal(given, frame("1D"))


def test_spend_needs_frequency_and_monetary_value_only():
    x, spend = read_spend(pd.DataFrame({"monetary_value": [3.0, 0.0], "frequency": [1, 0]}))
    assert_array_equal(x, [1.0, 0.0])
    assert_array_equal(spend, [3.0, 0.0])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"shape \(1,\)"),
        ([1.0, -1.0], "negative or not finite in 1 of 2"),
        ([1, np.nan], "nan"),
    ],
    ids=["length", "negative", "missing"],
)
def test_weights_are_checked(weights, message):
    with pytest.raises(SummaryError, match=message):
        read_weights(weights, 2)
