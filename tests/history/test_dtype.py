import pickle

import pandas as pd
import pytest

from clvkit.errors import UnknownNameError
from clvkit.history import HistoryArray, HistoryDtype

DTYPES = [
    HistoryDtype(),
    HistoryDtype("h"),
    HistoryDtype("W", attributes=("channel", "store")),
    HistoryDtype("D", attributes=("a, b", "x|y", "p=q", "[z]", "100%", "Größe")),
    HistoryDtype("D", horizon="13W", target="spend", floor="None", end="1998-06-30"),
    HistoryDtype("s", end="1998-06-30T23:59:59"),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_name_is_enough_to_make_it_again(dtype):
    again = pd.api.types.pandas_dtype(dtype.name)
    assert again == dtype
    assert hash(again) == hash(dtype)
    assert again.attributes == dtype.attributes
    assert pickle.loads(pickle.dumps(dtype)) == dtype


def test_short_name():
    assert pd.api.types.pandas_dtype("history") == HistoryDtype("D")
    assert HistoryDtype.construct_array_type() is HistoryArray
    assert HistoryDtype("W").resolution == "D"


@pytest.mark.parametrize(
    "name", ["category", "history[", "history[M]", "history[D, colour=red]", "history[D, end]"]
)
def test_other_names_are_no_history_dtype(name):
    with pytest.raises(TypeError, match="Cannot construct a 'HistoryDtype' from"):
        HistoryDtype.construct_from_string(name)
    with pytest.raises(TypeError, match="expects a string"):
        HistoryDtype.construct_from_string(3)


def test_unknown_granularity():
    with pytest.raises(UnknownNameError, match="granularity='M' is not known"):
        HistoryDtype("M")


def test_replace():
    dtype = HistoryDtype("D", horizon="13W").replace(horizon=None, end="1998-06-30")
    assert dtype == HistoryDtype("D", end="1998-06-30")


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        (HistoryDtype("D", horizon="1Y"), HistoryDtype("D", horizon="1Y"), "same"),
        (HistoryDtype("D", horizon="1Y"), HistoryDtype("D"), HistoryDtype("D")),
        (HistoryDtype("D"), HistoryDtype("h"), None),
        (HistoryDtype("D"), HistoryDtype("D", attributes=("a",)), None),
        (HistoryDtype("D"), pd.Int64Dtype(), None),
    ],
    ids=["same", "settings", "granularity", "attributes", "other"],
)
def test_common_dtype(first, second, common):
    expected = first if common == "same" else common
    assert first._get_common_dtype([first, second]) == expected
