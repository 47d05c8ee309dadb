import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import HistoryTypeError
from clvkit.history import History, HistoryArray, HistoryDtype, latest_histories
from clvkit.history._event_store import EventStore
from clvkit.history._history_sequence import compact, from_histories


def history(n, **attributes):
    return History(np.arange(n) + 9000, np.ones(n), 9100, attributes)


@st.composite
def arrays(draw):
    """Rows over one store: overlapping, nested, empty, in any order, some of them missing."""
    n_events = draw(st.integers(0, 25))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    store = EventStore(np.sort(rng.integers(0, 99, n_events)), rng.normal(size=n_events))
    bounds = st.tuples(*[st.integers(0, n_events)] * 2).map(sorted)
    rows = draw(st.lists(bounds, max_size=12))
    begin, end = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    cutoff = np.full(len(rows), 200)
    array = HistoryArray(store, begin.copy(), end.copy(), cutoff, HistoryDtype())
    if rows and draw(st.booleans()):
        array[0] = None
    return array


@given(array=arrays())
def test_compact_keeps_every_event_once(array):
    slim = compact(array)
    assert slim.isna().tolist() == array.isna().tolist()
    present = ~array.isna()
    assert (slim == array)[present].all()
    used = {i for b, e in zip(array._begin, array._end, strict=True) for i in range(b, e)}
    assert len(slim.store) == len(used)
    assert slim.dtype == array.dtype
    assert compact(slim).store is slim.store


def test_compact_leaves_an_array_that_uses_its_whole_store():
    array = from_histories([history(2), history(3)])
    assert compact(array) is array


@given(data=st.data())
def test_from_histories_undoes_to_list(logs, data):
    array = latest_histories(data.draw(logs), attributes=["kind"])["history"].array
    again = from_histories([*array, pd.NA, None], array.dtype)
    assert (again[: len(array)] == array).all()
    assert again.isna().tolist() == [False] * len(array) + [True, True]


def test_from_histories_infers_the_dtype():
    text = np.array(["web", None], dtype=object)
    array = from_histories([None, history(2, channel=text)])
    assert array.dtype == HistoryDtype("D", attributes=("channel",))
    hours = History(np.array([5]), np.ones(1), 9, resolution="h")
    assert from_histories([hours]).dtype.granularity == "h"
    assert from_histories([None]).dtype == HistoryDtype()
    assert from_histories([None], "history[D, attributes=channel]").dtype.attributes == ("channel",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([history(1), 3.5, "x"], r"2 of 3 values are not histories, such as 3.5"),
        ([[history(1)]], r"1 of 1 values are not histories"),
        ([history(1), History(np.ones(1, int), np.ones(1), 9, {}, "h")], r"granularity 'h'.*'D'"),
        ([history(1), history(1, items=np.ones(1))], r"attributes \['items'\].*attributes \[\]"),
    ],
    ids=["strangers", "nested", "granularity", "attributes"],
)
def test_from_histories_refuses(values, message):
    with pytest.raises(HistoryTypeError, match=message):
        from_histories(values)


def test_isin(cdnow_histories):
    column = cdnow_histories["history"].head(4)
    second = column.iloc[1]
    assert column.isin([second]).tolist() == [False, True, False, False]
    assert column.isin([second, 3, "x"]).tolist() == [False, True, False, False]
    assert column.isin(column.iloc[2:]).tolist() == [False, False, True, True]
    assert not column.isin([]).any()
    assert not column.isin([None]).any()
    missing = column.where([True, True, False, True])
    assert missing.isin([None, second]).tolist() == [False, True, True, False]
