import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.history import least_history, past_cutoffs
from clvkit.utils._duration import Duration, parse_duration


def day(text):
    return int(np.datetime64(text, "D").astype(int))


def past(start, end, horizon, step, **options):
    cutoffs = past_cutoffs(
        day(start), day(end), parse_duration(horizon), step=parse_duration(step), **options
    )
    return np.array(cutoffs, dtype="M8[D]").astype(str).tolist()


@pytest.mark.parametrize(
    ("horizon", "least"), [("1D", "28D"), ("56D", "28D"), ("13W", "45D"), ("1Y", "182D")]
)
def test_least_history(horizon, least):
    assert str(least_history(parse_duration(horizon))) == least


def test_the_latest_first_down_to_the_least_history():
    assert past("2023-01-01", "2023-06-30", "60D", "30D") == [
        "2023-05-01",
        "2023-04-01",
        "2023-03-02",
        "2023-01-31",
    ]
    # 30 days of history are the least for 60 days: one day less, and the oldest is gone.
    assert past("2023-01-02", "2023-06-30", "60D", "30D")[-1] == "2023-03-02"


def test_at_most_so_many():
    assert past("2023-01-01", "2023-06-30", "60D", "30D", n=2) == ["2023-05-01", "2023-04-01"]


def test_months_keep_to_their_ends():
    assert past("2022-12-01", "2023-12-31", "3M", "3M") == [
        "2023-09-30",
        "2023-06-30",
        "2023-03-30",
    ]
    assert past("2022-12-01", "2024-01-31", "1M", "1M")[:4] == [
        "2023-12-31",
        "2023-11-30",
        "2023-10-31",
        "2023-09-30",
    ]


def test_a_log_too_short_for_one():
    assert past("2023-01-01", "2023-03-30", "60D", "30D") == []
    assert past("2023-01-01", "2023-04-01", "60D", "30D") == ["2023-01-31"]


units = st.sampled_from(["D", "W", "M", "Q", "Y"])


@given(
    end=st.integers(day("2020-01-01"), day("2024-12-31")),
    horizon=st.builds(Duration, st.integers(1, 9), units),
    step=st.builds(Duration, st.integers(1, 9), units),
    resolution=st.sampled_from(["D", "h"]),
)
def test_every_horizon_ends_by_end(end, horizon, step, resolution):
    ticks = 1 if resolution == "D" else 24
    start, end = day("2018-01-01") * ticks, end * ticks + ticks - 1
    cutoffs = past_cutoffs(start, end, horizon, step=step, resolution=resolution)
    assert cutoffs == sorted(set(cutoffs), reverse=True)
    least = least_history(horizon).after(start, resolution)
    for cutoff in cutoffs:
        assert horizon.after(cutoff, resolution) <= end
        assert cutoff >= least
    if cutoffs:
        assert horizon.after(cutoffs[0] + ticks, resolution) > end
