"""Calendar arithmetic against pandas."""

import datetime

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from clvkit.features._calendar import days_in_months, last_complete_day, shift_years

DAYS = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 12, 31))


def number(date):
    return np.array([date], dtype="M8[D]").astype(np.int64)


@given(date=DAYS, years=st.integers(-30, 30))
def test_shift_years(date, years):
    expected = pd.Timestamp(date) + pd.DateOffset(years=years)
    assert_array_equal(shift_years(number(date), years), number(expected.date()))


@given(date=DAYS, length=st.integers(0, 1_000))
def test_days_in_months(date, length):
    days = pd.date_range(pd.Timestamp(date) + pd.Timedelta("1D"), periods=length)
    expected = np.bincount(days.month, minlength=13)[1:]
    assert_array_equal(days_in_months(number(date), number(date) + length), expected[None])


def test_last_complete_day():
    assert_array_equal(last_complete_day(np.array([0, 1]), "D"), [0, 1])
    assert_array_equal(last_complete_day(np.array([22, 23, 24]), "h"), [-1, 0, 0])
