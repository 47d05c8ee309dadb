import datetime
import re

import pandas as pd
import polars as pl
import pytest

from clvkit.errors import DateError
from clvkit.history._dates import check_time_zones, read_dates

WHO = pl.Series("who", ["Ann", "Bob", "Cid"])


def read(values, dtype=None):
    return read_dates(pl.Series("when", values, dtype=dtype), WHO[: len(values)])


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["2024-02-29", "2024-03-01"], pl.String),
        (["2024-02-29T00:00:00", "2024-03-01 00:00"], pl.String),
        (["20240229", "20240301"], pl.String),
        (["2024-02-29T00:00:00+05:00", "2024-03-01T00:00:00+05:00"], pl.String),
        (["2024-02-29T00:00Z", "2024-03-01T00:00Z"], pl.String),
        (["2024-02-29", "2024-03-01"], pl.Categorical),
        ([datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)], pl.Date),
        ([datetime.datetime(2024, 2, 29), datetime.datetime(2024, 3, 1)], pl.Datetime("ns")),
    ],
    ids=["day", "mixed", "basic", "offset", "utc", "category", "date", "ns"],
)
def test_kinds_of_dates(values, dtype):
    column = read(values, dtype)
    assert column.name == "when"
    assert column.dtype.time_zone is None
    assert column.cast(pl.Date).to_list() == [datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)]


def test_the_wall_clock_counts():
    utc = pl.Series("when", [datetime.datetime(2024, 6, 30, 22, 30)]).dt.replace_time_zone("UTC")
    local = utc.dt.convert_time_zone("Europe/Berlin")
    assert read_dates(local, WHO[:1]).to_list() == [datetime.datetime(2024, 7, 1, 0, 30)]
    assert read(["2024-07-01T00:30:00+02:00"]).to_list() == [datetime.datetime(2024, 7, 1, 0, 30)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["2024-01-01", "01/02/2024", "01/02/2024"],
            r"in 2 of 3 rows, such as '01/02/2024'",
        ),
        (["2024-02-30"], r"in 1 of 1 rows, such as '2024-02-30'"),
        (["", "2024-01-01"], r"in 1 of 2 rows, such as ''"),
        (["2024-01-01", None], r"column 'when' has no date in 1 of 2 rows, such as one of .*'Bob'"),
        ([None], r"has no date in 1 of 1 rows, such as one of customer 'Ann'"),
        ([45_000], r"column 'when' holds Int64, such as \[45000\], not dates"),
        ([4.5], r"column 'when' holds Float64, such as \[4.5\], not dates"),
        ([True], r"holds Boolean"),
        ([datetime.time(10)], r"holds Time"),
        (
            ["2024-01-01T10:00+01:00", "2024-01-02T10:00"],
            r"mixes time zones, such as 2024-01-01T10:00\+01:00, 2024-01-02T10:00. Convert it",
        ),
    ],
    ids=[
        "ambiguous",
        "no day",
        "empty",
        "null",
        "all null",
        "int",
        "float",
        "bool",
        "time",
        "zones",
    ],
)
def test_what_is_no_date(values, message):
    with pytest.raises(DateError, match=message):
        read(values)


def test_the_remedy_for_daylight_saving_keeps_the_wall_clock():
    texts = ["2024-03-30T23:30:00+01:00", "2024-04-01T00:30:00+02:00"]
    with pytest.raises(DateError, match=r"mixes time zones") as caught:
        read(texts)
    remedy = re.search(r"for example (pd\..*)\.$", str(caught.value))[1]
    log = pd.DataFrame({"when": texts})
    dates = read_dates(pl.from_pandas(eval(remedy, {"pd": pd, "log": log})).alias("when"), WHO[:2])
    assert dates.to_list() == [
        datetime.datetime(2024, 3, 30, 23, 30),
        datetime.datetime(2024, 4, 1, 0, 30),
    ]


def test_objects_in_several_time_zones():
    utc, other = datetime.UTC, datetime.timezone(datetime.timedelta(hours=3))
    naive = datetime.datetime(2024, 1, 1)
    several = [naive.replace(tzinfo=utc), naive.replace(tzinfo=other), None]
    table = pd.DataFrame({"when": pd.Series(several, dtype=object), "who": ["a", "b", "c"]})
    with pytest.raises(DateError, match=r"column 'when' mixes time zones, such as UTC, UTC\+03:00"):
        check_time_zones(table, ["who", "when"])
    check_time_zones(table, ["who"])
    check_time_zones(table.iloc[[0, 2]], ["who", "when"])


@pytest.mark.parametrize("text", ["2011", "2011-03", "201103", "2011-03T10:00", "today", "now", ""])
def test_text_that_names_no_day_is_refused(text):
    with pytest.raises(
        DateError, match=rf"cannot be read as dates in 2 of 3 rows, such as '{text}'"
    ):
        read(["2024-02-29", text, text])


@pytest.mark.parametrize("text", ["2011-03-05", " 2011-03-05", "20110305", "2011-03-05T10:00Z"])
def test_text_that_names_a_day(text):
    assert read([text]).cast(pl.Date).to_list() == [datetime.date(2011, 3, 5)]
