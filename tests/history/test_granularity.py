import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import DurationError, UnknownNameError
from clvkit.history._granularity import get_granularity
from clvkit.utils._duration import RESOLUTIONS

PANDAS = {"W": "W-SUN", "D": "D", "h": "h", "min": "min"}
seconds = st.integers(-(10**9), 2 * 10**9)


@given(moments=st.lists(seconds, min_size=1, max_size=5))
@pytest.mark.parametrize(("name", "alias"), PANDAS.items())
@pytest.mark.parametrize("resolution", ["s", "min", "h", "D"])
def test_periods_are_those_of_pandas(moments, name, alias, resolution):
    granularity = get_granularity(name)
    length = RESOLUTIONS[resolution][1]
    if granularity.seconds < length:
        return
    ticks = np.array(moments) // length
    dates = pd.DatetimeIndex((ticks * length).astype("M8[s]"))
    ours = granularity.period(ticks, resolution)
    theirs = dates.to_period(alias).asi8
    assert (np.diff(ours) == np.diff(theirs)).all()
    np.testing.assert_array_equal(ours[:, None] == ours, theirs[:, None] == theirs)


@pytest.mark.parametrize(
    ("name", "resolution", "seconds"),
    [("W", "D", 604_800), ("D", "D", 86_400), ("h", "h", 3600), ("min", "min", 60), ("s", "s", 1)],
)
def test_resolution_and_length(name, resolution, seconds):
    granularity = get_granularity(name)
    assert (granularity.resolution, granularity.seconds) == (resolution, seconds)


@pytest.mark.parametrize("name", ["M", "Y", "d", "", None, 1, ["D"]], ids=str)
def test_unknown_names(name):
    with pytest.raises(UnknownNameError, match=r"is not known. Choose one of 'W', 'D', 'h', 'min'"):
        get_granularity(name)


def test_a_finer_period_than_the_resolution():
    with pytest.raises(DurationError, match="granularity='h' is finer than the histories"):
        get_granularity("h").period(np.array([1]), "D")
