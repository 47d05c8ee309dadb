import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import ClvkitError, DurationError
from clvkit.utils._duration import RESOLUTIONS, Duration, parse_duration


def day(text):
    return int(np.datetime64(text, "D").astype(int))


def text_of(days):
    return np.datetime_as_string(np.asarray(days).astype("M8[D]")).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90D", Duration(90, "D")),
        (" 26 W ", Duration(26, "W")),
        ("12M", Duration(12, "M")),
        ("2q", Duration(2, "Q")),
        ("1y", Duration(1, "Y")),
        ("36h", Duration(36, "h")),
        ("36H", Duration(36, "h")),
        ("15min", Duration(15, "min")),
        ("5s", Duration(5, "s")),
        (Duration(7, "D"), Duration(7, "D")),
    ],
    ids=str,
)
def test_parse(text, expected):
    assert parse_duration(text) == expected
    assert parse_duration(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3m", r"horizon='3m' could mean minutes or months: write '3M' .* or '3min'"),
        ("0D", r"must be longer than nothing"),
        (90, r"must be a string, got 90\. Write a whole number and a unit"),
        (None, r"must be a string, got None"),
        (pd.Timedelta("90D"), r"must be a string, got Timedelta"),
        ("abc", r"horizon='abc' cannot be read"),
        ("", r"cannot be read"),
        ("-3D", r"cannot be read"),
        ("1.5Y", r"cannot be read"),
        ("D", r"cannot be read"),
        ("999999999999999999Y", r"horizon='9{18}Y' is longer than a thousand years. Write a whole"),
        ("1001Y", r"longer than a thousand years"),
        ("9" * 5000 + "s", r"longer than a thousand years"),
        ("3 fortnights", r"unknown unit 'fortnights'.*'90D', '26W', '12M' or '1Y'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_parse_refuses(text, message):
    with pytest.raises(DurationError, match=message) as error:
        parse_duration(text)
    assert isinstance(error.value, (ClvkitError, ValueError))


@pytest.mark.parametrize("text", ["1000Y", "12000M", "365243D", "31536000000s", "0" * 30 + "90D"])
def test_the_longest_durations(text):
    duration = parse_duration(text)
    assert duration.after(0) > 0
    assert str(duration) == text.lstrip("0")


def test_the_message_names_the_parameter():
    with pytest.raises(DurationError, match="time_unit='week'"):
        parse_duration("week", name="time_unit")


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2023-01-31", "1M", "2023-02-28"),
        ("2024-01-31", "1M", "2024-02-29"),
        ("2024-02-29", "1Y", "2025-02-28"),
        ("2024-02-29", "4Y", "2028-02-29"),
        ("2023-12-31", "2Q", "2024-06-30"),
        ("1969-11-30", "3M", "1970-02-28"),
        ("2023-02-28", "1D", "2023-03-01"),
        ("2024-02-28", "1W", "2024-03-06"),
    ],
)
def test_after(start, duration, end):
    assert text_of(parse_duration(duration).after(day(start))) == end


days = st.integers(day("1900-01-01"), day("2100-01-01"))
calendar = st.builds(Duration, st.integers(1, 30), st.sampled_from(["M", "Q", "Y"]))
fixed = st.builds(Duration, st.integers(1, 400), st.sampled_from(["D", "W"]))


@given(start=days, duration=calendar)
def test_calendar_arithmetic_is_that_of_pandas(start, duration):
    months = {"M": 1, "Q": 3, "Y": 12}[duration.unit] * duration.count
    stamp = pd.Timestamp(start, unit="D")
    assert pd.Timestamp(int(duration.after(start)), unit="D") == stamp + pd.DateOffset(
        months=months
    )
    assert pd.Timestamp(int(duration.before(start)), unit="D") == stamp - pd.DateOffset(
        months=months
    )


@given(end=days, duration=st.one_of(calendar, fixed))
def test_the_origin_is_the_latest_day_whose_horizon_ends_by_end(end, duration):
    start = duration.latest_start(end)
    assert duration.after(start) <= end
    assert duration.after(start + 1) > end


@given(end=days, hour=st.integers(0, 23), duration=st.one_of(calendar, fixed))
def test_a_finer_resolution_keeps_the_time_of_day(end, hour, duration):
    start = duration.latest_start(end * 24 + hour, "h")
    assert start == duration.latest_start(end) * 24 + hour


@pytest.mark.parametrize(
    ("end", "duration", "origin"),
    [
        ("2023-02-28", "1M", "2023-01-31"),
        ("2024-02-28", "1M", "2024-01-28"),
        ("2024-02-29", "1M", "2024-01-31"),
        ("2025-02-28", "1Y", "2024-02-29"),
        ("2023-04-30", "1M", "2023-03-31"),
        ("2023-04-29", "1M", "2023-03-29"),
        ("2023-04-30", "30D", "2023-03-31"),
    ],
)
def test_latest_start(end, duration, origin):
    assert text_of(parse_duration(duration).latest_start(day(end))) == origin


@pytest.mark.parametrize(
    ("duration", "resolution", "message"),
    [
        ("12M", "D", r"'12M' has no fixed length: give it in days or weeks, such as '365D'"),
        ("36h", "D", r"'36h' is no whole number of 'D'.*granularity='h'"),
        ("90min", "h", r"'90min' is no whole number of 'h'"),
    ],
)
def test_ticks_refuse(duration, resolution, message):
    with pytest.raises(DurationError, match=message):
        parse_duration(duration).ticks(resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_ticks(resolution):
    assert parse_duration("2W").ticks(resolution) * RESOLUTIONS[resolution][1] == 14 * 86_400


@pytest.mark.parametrize(
    ("duration", "divisor", "part"),
    [
        ("12M", 4, "3M"),
        ("1Y", 4, "3M"),
        ("1M", 4, "7D"),
        ("13W", 4, "22D"),
        ("26W", 2, "91D"),
        ("3D", 4, "1D"),
        ("5h", 4, "1h"),
        ("90min", 4, "22min"),
    ],
)
def test_part(duration, divisor, part):
    assert str(parse_duration(duration).part(divisor)) == part


@pytest.mark.parametrize(
    ("duration", "unit", "number"),
    [("1Y", "1M", 12.0), ("1Y", "1Q", 4.0), ("26W", "7D", 26.0), ("36h", "1D", 1.5)],
)
def test_in_units(duration, unit, number):
    assert parse_duration(duration).in_units(parse_duration(unit)) == number


def test_an_average_month_where_calendar_meets_fixed():
    assert parse_duration("12M").in_units(parse_duration("1D")) == pytest.approx(365.2425)
