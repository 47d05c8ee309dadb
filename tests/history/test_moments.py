import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import CutoffError
from clvkit.history import from_arrow, latest_histories, to_arrow
from clvkit.history._granularity import get_granularity
from clvkit.history._history import as_cutoffs, format_cutoff
from clvkit.history._moments import as_moments, format_moment, parse_cutoff, parse_cutoffs
from clvkit.history._sample_index import sample_index
from clvkit.utils._duration import RESOLUTIONS


@pytest.mark.parametrize(
    ("date", "resolution", "text"),
    [
        ("2024-02-29T23:59:59.999999", "D", "2024-02-29"),
        ("2024-02-29T23:59:59.999999", "h", "2024-02-29T23"),
        ("2024-02-29T23:59:59.999999", "min", "2024-02-29T23:59"),
        ("2024-02-29T23:59:59.999999", "s", "2024-02-29T23:59:59"),
        ("1969-12-31T00:00:01", "D", "1969-12-31"),
        ("1901-01-01T23:59", "D", "1901-01-01"),
    ],
)
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_moments_are_rounded_down(date, resolution, text, unit):
    moment = as_moments(np.array([date], dtype=f"M8[{unit}]"), resolution)
    assert moment.dtype == np.int64
    assert format_moment(moment[0], resolution) == text


@pytest.mark.parametrize(
    ("cutoff", "granularity", "text"),
    [
        ("2024-02-29", "D", "2024-02-29"),
        ("2024-02-29", "W", "2024-02-29"),
        ("2024-02-29", "h", "2024-02-29T23"),
        ("2024-02-29", "s", "2024-02-29T23:59:59"),
        ("2024-02-29T00:00:00", "h", "2024-02-29T23"),
        ("2024-02-29 13:00", "h", "2024-02-29T13"),
        ("2024-02-29 13:59:59", "h", "2024-02-29T13"),
        ("2024-02-29 00:59:59", "h", "2024-02-29T00"),
        ("2024-02-29 13:59:59.999999", "h", "2024-02-29T13"),
        (pd.Timestamp("2024-02-29 13:59:59.999999999"), "s", "2024-02-29T13:59:59"),
        ("2024-02-29 23:59:59", "D", "2024-02-29"),
        ("2024-02-29 13:45", "min", "2024-02-29T13:45"),
        (datetime.date(2024, 2, 29), "min", "2024-02-29T23:59"),
        (datetime.datetime(2024, 2, 29, 7), "h", "2024-02-29T07"),
        (np.datetime64("2024-02-29T07"), "h", "2024-02-29T07"),
        (pd.Timestamp("2024-02-29"), "D", "2024-02-29"),
    ],
    ids=str,
)
def test_a_midnight_is_the_end_of_its_day(cutoff, granularity, text):
    period = get_granularity(granularity)
    moment = parse_cutoff(cutoff, period)
    assert format_moment(moment, period.resolution) == text
    assert parse_cutoffs([cutoff, cutoff], period).tolist() == [moment, moment]


@pytest.mark.parametrize("cutoff", ["2024-02-29 00:00:01", datetime.datetime(2024, 2, 29, 7)])
@pytest.mark.parametrize("granularity", ["D", "W"])
def test_a_time_of_day_needs_a_finer_granularity(cutoff, granularity):
    message = (
        rf"has a time of day, but the granularity is '{granularity}'.*Give the day, '2024-02-29'"
    )
    with pytest.raises(CutoffError, match=message):
        parse_cutoff(cutoff, get_granularity(granularity))


DAYS = get_granularity("D")
MONTHS = ["2024-02T10", "20240", np.datetime64("2024-02"), np.datetime64("2024")]


@pytest.mark.parametrize(
    "cutoff", [3, 3.0, None, True, "2024", "2024-02", "29.2.2024", "", pd.NaT, *MONTHS]
)
def test_what_is_no_day(cutoff):
    with pytest.raises(CutoffError, match=r"(since|cutoff).*Give a day such as since='1998-03-31'"):
        parse_cutoff(cutoff, DAYS, name="since")


@pytest.mark.parametrize("form", [list, np.array, lambda c: (*c, "2024-01-01")])
def test_months_among_several_cutoffs(form):
    with pytest.raises(CutoffError, match="names no single day"):
        parse_cutoffs(form([np.datetime64("2024-02"), np.datetime64("2024-03")]), DAYS)


@pytest.mark.parametrize(
    "cutoffs",
    [
        ["2024-01-02", "2024-01-01", "2024-01-02"],
        pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-02"]),
        pd.Series(pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-02"])),
        np.array(["2024-01-02", "2024-01-01", "2024-01-02"], dtype="M8[D]"),
        [datetime.date(2024, 1, 2), "2024-01-01", pd.Timestamp("2024-01-02")],
    ],
    ids=["text", "index", "series", "array", "mixed"],
)
def test_several_cutoffs_keep_their_order(cutoffs):
    moments = parse_cutoffs(cutoffs, get_granularity("D"))
    assert np.diff(moments).tolist() == [-1, 1]


def test_cutoffs_with_a_time_zone_or_missing():
    with pytest.raises(CutoffError, match="has a time zone"):
        parse_cutoffs(pd.to_datetime(["2024-01-01"]).tz_localize("UTC"), get_granularity("D"))
    with pytest.raises(CutoffError, match="1 of 2 cutoffs are missing"):
        parse_cutoffs(["2024-01-01", None], get_granularity("D"))


@pytest.mark.parametrize(
    ("cutoff", "granularity", "remedy"),
    [
        ("2024-02-29 14:05", "h", "'2024-02-29T14:59:59', that of the .* '2024-02-29T13:59:59'"),
        ("2024-02-29 00:05", "h", "'2024-02-29T00:59:59', that of the .* '2024-02-28T23:59:59'"),
        ("2024-02-29 14:05:07", "min", "'2024-02-29T14:05:59', .* '2024-02-29T14:04:59'"),
        ("2024-02-29 14:05:07.5", "s", "'2024-02-29T14:05:07', .* '2024-02-29T14:05:06'"),
    ],
)
def test_a_time_within_a_period_would_let_its_later_events_in(cutoff, granularity, remedy):
    with pytest.raises(CutoffError, match=rf"lies within a period of gran.*{remedy}"):
        parse_cutoff(cutoff, get_granularity(granularity))


MOMENTS = st.integers(-(10**5), 10**5)


@given(moments=st.lists(MOMENTS, min_size=1), granularity=st.sampled_from(["D", "W", *"hs", "min"]))
def test_a_cutoff_that_is_shown_means_the_same_cutoff(moments, granularity):
    period = get_granularity(granularity)
    day = 86_400 // RESOLUTIONS[period.resolution][1]
    moments += [moment * day for moment in moments]  # midnights
    shown = pd.DatetimeIndex(as_cutoffs(moments, period.resolution))
    assert parse_cutoffs(shown, period).tolist() == moments
    texts = [format_cutoff(moment, period.resolution) for moment in moments]
    assert parse_cutoffs(texts, period).tolist() == moments
    assert as_moments(shown.to_numpy(), period.resolution).tolist() == moments


@pytest.mark.parametrize("granularity", ["W", "D", "h", "min", "s"])
def test_histories_cut_back_to_their_own_cutoffs_are_the_same(granularity):
    hours = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.arange(50) * 1801, unit="s")
    log = pd.DataFrame({"customer_id": 1, "date": hours, "amount": np.arange(50.0)})
    known = latest_histories(log, granularity=granularity)["history"].array
    first = known.store.time[0]
    for moment in range(int(first), int(first) + 26):
        if moment > known.cutoff_moments[0]:
            continue
        array = known.cut_back(moment)
        assert (known.cut_back(array.cutoffs) == array).all()
        assert (known.cut_back(array[0].cutoff) == array).all()
        index = sample_index(pd.Index([1]), [0], array)
        assert (known.cut_back(index.get_level_values("cutoff")) == array).all()
        again = from_arrow(to_arrow(array), array.dtype)
        assert (again == array).all()
        assert again.dtype == array.dtype
