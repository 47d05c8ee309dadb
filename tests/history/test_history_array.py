import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import CutoffError
from clvkit.history import (
    History,
    HistoryArray,
    HistoryDtype,
    get_histories,
    latest_histories,
    make_samples,
)


def buffers(array):
    return array.store.time, array.store.amount


SHARING = {
    "slice": lambda a: a[2:7],
    "step": lambda a: a[::-2],
    "mask": lambda a: a[np.arange(len(a)) % 3 == 0],
    "positions": lambda a: a[[4, 1, 1]],
    "take": lambda a: a.take([1, -1], allow_fill=True),
    "copy": lambda a: a.copy(),
    "cut_back": lambda a: a.cut_back("2023-06-30"),
    "concat": lambda a: HistoryArray._concat_same_type([a[:3], a[5:]]),
    "astype": lambda a: a.astype(HistoryDtype("D", horizon="1Y")),
}


@pytest.mark.parametrize("way", SHARING)
def test_events_are_shared_not_copied(array, way):
    other = SHARING[way](array)
    for ours, theirs in zip(buffers(array), buffers(other), strict=True):
        assert np.shares_memory(ours, theirs)


def test_frames_share_events_too(X):
    rows = X[X["history"].notna()].iloc[2:9].sample(frac=1, random_state=0)
    both = pd.concat([rows, X.iloc[:2]])
    for frame in (rows, both):
        assert np.shares_memory(get_histories(X).store.time, get_histories(frame).store.time)


def test_a_row_costs_at_most_forty_bytes(cdnow):
    X, _ = make_samples(cdnow, "13W")
    array = get_histories(X)
    rows = array._begin.nbytes + array._end.nbytes + array._cutoff.nbytes
    codes = sum(code.nbytes for code in X.index.codes)
    assert (rows + codes) / len(X) <= 40
    assert len(array.store) == len(cdnow)


def test_nobody_can_write_to_shared_events(array):
    with pytest.raises(ValueError, match="read-only"):
        array.store.amount[0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        array[0].time[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        array.flat_events().amount[:] = 0.0


# --- what the rows hold -----------------------------------------------------------------------


def test_flat_events_are_views_where_the_rows_are_one_stretch(array):
    assert np.shares_memory(array.flat_events().time, array.store.time)
    assert np.shares_memory(array[3:6].flat_events().time, array.store.time)


@pytest.mark.parametrize("way", SHARING)
def test_flat_events_are_the_events_of_the_rows(array, way):
    other = SHARING[way](array)
    offsets, time, amount = other.flat_events()
    for name in ("channel", "items"):
        assert len(other.flat_attribute(name).values) == len(time)
    for i, history in enumerate(other):
        row = slice(offsets[i], offsets[i + 1])
        if history is pd.NA:
            assert row.start == row.stop
            continue
        np.testing.assert_array_equal(time[row], history.time)
        np.testing.assert_array_equal(amount[row], history.amount)
        decoded = other.flat_attribute("channel").decode()[row]
        np.testing.assert_array_equal(decoded, history.attributes["channel"])


def test_net_amount(array):
    expected = [history.amount.sum() for history in array]
    np.testing.assert_allclose(array.net_amount(array._begin, array._end), expected)


def test_cutoffs(X, array):
    index = X.index.get_level_values("cutoff")
    assert (array.cutoffs == index).all()
    assert array.cutoffs.dtype == "datetime64[us]"
    assert array[0].cutoff == index[0]


# --- cutting back -----------------------------------------------------------------------------


def test_cut_back_keeps_the_events_up_to_the_day(array):
    cutoff = np.datetime64("2023-05-17")
    for history, before in zip(array.cut_back(cutoff), array, strict=True):
        assert history.cutoff == pd.Timestamp(cutoff)
        known = before.time.astype("M8[D]") <= cutoff
        np.testing.assert_array_equal(history.time, before.time[known])
        np.testing.assert_array_equal(history.amount, before.amount[known])
        for name, values in before.attributes.items():
            np.testing.assert_array_equal(history.attributes[name], values[known])


def test_cut_back_to_a_cutoff_of_each_row(array):
    days = pd.date_range("2023-02-01", periods=len(array), freq="9D")
    each = array.cut_back(days)
    assert (each.cutoffs == days).all()
    for i, day in enumerate(days):
        assert each[i] == array[i : i + 1].cut_back(day)[0]
    assert (each == array.cut_back(each.cutoff_moments)).all()


@given(first=st.integers(0, 320), second=st.integers(0, 320), data=st.data())
def test_cutting_back_twice_is_cutting_back_to_the_earlier(logs, first, second, data):
    log = data.draw(logs)
    array = latest_histories(log, "2021-06-30")["history"].array
    early, late = sorted([first, second])
    start = np.datetime64("2020-01-01")
    late, early = start + np.timedelta64(late, "D"), start + np.timedelta64(early, "D")
    assert (array.cut_back(late).cut_back(early) == array.cut_back(early)).all()
    assert (array.cut_back(late).cut_back(late) == array.cut_back(late)).all()


def test_a_history_is_never_cut_forward(array):
    later = array.cutoffs[0] + pd.Timedelta("1D")
    message = rf"12 of 12 histories end before the cutoff {later.date()} \(the first one at"
    with pytest.raises(CutoffError, match=message):
        array.cut_back(later)
    mixed = array[:3].cut_back(["2023-03-01", "2023-04-01", "2023-05-01"])
    with pytest.raises(CutoffError, match=r"2 of 3 histories end before the cutoff 2023-04-15"):
        mixed.cut_back("2023-04-15")


def test_missing_histories_stay_missing(array):
    array[2] = None
    back = array.cut_back("2023-04-01")
    assert back.isna().tolist() == array.isna().tolist()
    assert back.isna().sum() == 1


# --- equality ---------------------------------------------------------------------------------


def test_equality_is_of_contents_not_of_stores(X, array):
    again = pickle.loads(pickle.dumps(array[4:8]))
    assert (again == array[4:8]).all()
    assert not (again != array[4:8]).any()
    assert (array == array[0]).tolist() == [True] + [False] * 11
    assert not (array == "a history").any()
    other = array.cut_back("2023-06-30")
    assert not (other == array).any()
    with pytest.raises(ValueError, match="Lengths must match"):
        _ = array == array[:3]
    pd.testing.assert_series_equal(
        X["history"] == X["history"], pd.Series(True, X.index, name="history")
    )


@pytest.mark.parametrize("change", ["time", "amount", "channel", "items", "cutoff"])
def test_whatever_differs_makes_histories_unequal(array, change):
    history = array[0]
    time, amount, cutoff = history.time.copy(), history.amount.copy(), history._cutoff
    attributes = {name: values.copy() for name, values in history.attributes.items()}
    if change == "time":
        time[0] -= 1
    elif change == "amount":
        amount[-1] += 0.01
    elif change == "cutoff":
        cutoff += 1
    else:
        attributes[change][0] = "other" if change == "channel" else -1.0
    other = History(time, amount, cutoff, attributes)
    assert other != history
    assert (array[:1] == other).tolist() == [False]


def test_a_missing_history_equals_nothing(array):
    array[1] = pd.NA
    assert (array == array).tolist() == [True, False] + [True] * 10
    assert array.isna().tolist() == [False, True] + [False] * 10


def test_attributes_that_are_missing_on_both_sides_are_equal(array):
    channels = array.flat_attribute("channel").decode()
    assert None in channels.tolist()
    assert (array == array.copy()).all()
