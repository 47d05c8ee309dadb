import pickle
import subprocess
import sys
from io import BytesIO

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import _safe_indexing

from clvkit.errors import CutoffError, HistoryTypeError
from clvkit.history import (
    History,
    HistoryArray,
    HistoryDtype,
    get_histories,
    latest_histories,
    make_samples,
    rfm_summary,
)


@pytest.fixture
def X():
    rng = np.random.default_rng(5)
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 12, 90),
            "date": np.datetime64("2023-01-01") + rng.integers(0, 300, 90).astype("m8[D]"),
            "amount": np.round(rng.normal(20, 15, 90), 2),
            "channel": rng.choice(["web", "shop", None], 90),
            "items": rng.integers(0, 5, 90).astype(float),
        }
    )
    return latest_histories(log, attributes=["channel", "items"])


@pytest.fixture
def array(X):
    return X["history"].array


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


# --- pickling ---------------------------------------------------------------------------------


def own_bytes(array):
    """Bytes of the union of the rows' events: time, amount and two attributes."""
    used = np.zeros(len(array.store), dtype=bool)
    for begin, end in zip(array._begin, array._end, strict=True):
        used[begin:end] = True
    per_event = array.store.nbytes / len(array.store)
    return used.sum() * per_event + 24 * len(array)


@pytest.fixture(scope="module")
def large(cdnow):
    X, _ = make_samples(cdnow, "13W", attributes=["quantity"])
    return get_histories(X)


PARTS = {
    "whole": lambda a: a,
    "slice": lambda a: a[20_000:30_000],
    "mask": lambda a: a[np.arange(len(a)) % 7 == 0],
    "one cutoff": lambda a: a[a.cutoff_moments == a.cutoff_moments.max()],
    "reversed": lambda a: a[::-1],
}


@pytest.mark.parametrize("part", PARTS)
def test_a_pickle_holds_its_own_events_once(large, part):
    array = PARTS[part](large)
    pickled = pickle.dumps(array)
    assert len(pickled) <= 1.2 * own_bytes(array)
    again = pickle.loads(pickled)
    assert again.dtype == array.dtype
    assert (again == array).all()


def test_a_pickle_holds_its_own_categories_only(cdnow):
    pages = cdnow.assign(page="page " + cdnow.index.astype(str))
    array = get_histories(latest_histories(pages, attributes=["page"]))[:50]
    pickled = pickle.dumps(array)
    texts = sum(len(text) + 4 for history in array for text in history.attributes["page"])
    assert len(pickled) <= 1.2 * (own_bytes(array) + texts)
    again = pickle.loads(pickled)
    assert (again == array).all()
    assert len(again.store.attributes["page"].categories) == array.n_events.sum()


def test_a_pickled_frame_is_slim_once_its_index_is(cdnow):
    X, _ = make_samples({"transactions": cdnow, "visits": cdnow}, "13W")
    rows = X.iloc[1000:3000]
    rows = rows.set_axis(rows.index.remove_unused_levels(), axis=0)
    own = sum(own_bytes(get_histories(rows, column)) for column in X.columns)
    index = sum(level.nbytes for level in rows.index.levels)
    index += sum(code.nbytes for code in rows.index.codes)
    assert len(pickle.dumps(rows)) <= 1.2 * (own + index)


def test_what_is_compact_already_is_pickled_as_it_is(large):
    again = pickle.loads(pickle.dumps(large[:500]))
    assert again.__reduce__()[1][0] is again.store


def test_pickled_events_stay_read_only(array):
    again = pickle.loads(pickle.dumps(array))
    assert not again.store.time.flags.writeable


def test_joblib_and_frames(X):
    file = BytesIO()
    joblib.dump(X.iloc[3:6], file)
    file.seek(0)
    pd.testing.assert_frame_equal(joblib.load(file), X.iloc[3:6])


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


# --- pandas' operations -----------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, pd.NA, np.nan, pd.NaT])
def test_set_missing(array, value):
    array[3] = value
    assert array[3] is pd.NA
    assert array.isna().sum() == 1


def test_set_histories(array):
    original = array.copy()
    array[0] = original[5]
    array[[1, 2]] = original[[7, 8]]
    array[np.arange(12) == 3] = original[4]
    array[4:6] = pickle.loads(pickle.dumps(original[9:11]))
    order = [5, 7, 8, 4, 9, 10, 6, 7, 8, 9, 10, 11]
    assert (array == original.take(order)).all()


def test_setting_does_not_write_through(array):
    view = array[:3]
    view[0] = None
    assert not array.isna().any()


@pytest.mark.parametrize("value", ["text", 3.0, [1, 2]])
def test_set_refuses_what_is_no_history(array, value):
    with pytest.raises(HistoryTypeError, match="values are not histories, such as"):
        array[:2] = value


OTHER_KINDS = {
    "hours": {"granularity": "h", "attributes": ["channel", "items"]},
    "weeks": {"granularity": "W", "attributes": ["channel", "items"]},
    "no attributes": {},
    "another attribute": {"attributes": ["items", "store"]},
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
@pytest.mark.parametrize("how", ["set", "set one", "fill", "concatenate"])
def test_histories_of_another_kind_are_refused(array, kind, how):
    log = other_log(channel=["fax", "web"], items=[1, 2], store=["a", "b"])
    other = latest_histories(log, **OTHER_KINDS[kind])["history"].array
    attempts = {
        "set": lambda: array.__setitem__(slice(0, 2), other),
        "set one": lambda: array.__setitem__(0, other[0]),
        "fill": lambda: array.take([-1], allow_fill=True, fill_value=other[0]),
        "concatenate": lambda: HistoryArray._concat_same_type([array, other]),
    }
    if kind == "weeks" and how in ("set one", "fill"):
        attempts[how]()  # a history alone holds days, which a column of days may count
        return
    before = array.copy()
    with pytest.raises(HistoryTypeError, match=r"do(es)? not fit into a column of"):
        attempts[how]()
    assert (array == before).all()


def test_attributes_may_come_in_another_order(X):
    log = other_log(channel=["fax", "web"], items=[1, 2])
    other = latest_histories(log, attributes=["items", "channel"])
    joined = pd.concat([X, other])
    assert joined["history"].dtype.attributes == ("channel", "items")
    assert list(joined["history"])[len(X) :] == list(other["history"])
    array = X["history"].array.copy()
    array[:2] = other["history"].array
    assert array[0].attributes["channel"].tolist() == ["fax"]


def test_take_with_fill(array):
    filled = array.take([0, -1], allow_fill=True, fill_value=array[5])
    assert filled[1] == array[5]
    assert array.take([0, -1])[1] == array[11]
    assert array.take([0, -1], allow_fill=True)[1] is pd.NA
    with pytest.raises(IndexError):
        array.take([99])


def other_log(**columns):
    log = {"customer_id": [1, 2], "date": ["2023-05-01", "2023-06-01"], "amount": [1.0, 2.0]}
    return pd.DataFrame(log | columns)


def test_concat_unites_categories_of_different_stores(X):
    other = latest_histories(
        other_log(channel=["fax", "web"], items=[1, 2]), attributes=["channel", "items"]
    )
    joined = pd.concat([X.iloc[:4], other, X.iloc[8:]])
    assert joined["history"].dtype.attributes == ("channel", "items")
    array = get_histories(joined)
    assert array.store.attributes["channel"].categories == ["fax", "shop", "web"]
    parts = [*X["history"].iloc[:4], *other["history"], *X["history"].iloc[8:]]
    assert list(array) == parts


def test_concat_drops_settings_that_differ(cdnow):
    quarter, _ = make_samples(cdnow, "13W", 1)
    half, _ = make_samples(cdnow, "26W", 1)
    joined = pd.concat([quarter, half])
    shared = HistoryDtype("D", target="spend", floor="0.0", end="1998-06-30")
    assert joined["history"].dtype == shared
    assert pd.concat([quarter, quarter])["history"].dtype == quarter["history"].dtype


def test_concat_of_other_kinds_is_no_history_column(X):
    other = latest_histories(other_log(), granularity="h")
    assert pd.concat([X["history"], other["history"]]).dtype == object
    plain = latest_histories(other_log())
    assert pd.concat([X["history"], plain["history"]]).dtype == object


def test_concat_of_numbers_and_text_is_refused(X):
    log = other_log(channel=[1, 2], items=[1, 2])
    other = latest_histories(log, attributes=["channel", "items"])
    with pytest.raises(HistoryTypeError, match="numbers in some of the histories and text in"):
        pd.concat([X, other])


def test_factorize(array):
    codes, unique = pd.factorize(array.take([3, 1, 3, -1], allow_fill=True))
    assert codes.tolist() == [0, 1, 0, -1]
    assert (unique == array[[3, 1]]).all()


def test_duplicates_and_counts(X):
    twice = pd.concat([X.iloc[:3], X.iloc[:2]])
    assert twice["history"].duplicated().tolist() == [False, False, False, True, True]
    assert len(twice.drop_duplicates()) == 3
    assert sorted(twice["history"].value_counts().tolist()) == [1, 2, 2]


def test_astype(X, array):
    wider = X["history"].astype("history[D, horizon=13W]")
    assert wider.dtype.horizon == "13W"
    assert wider.dtype.attributes == ("channel", "items")
    assert array.astype(object)[0] == array[0]
    assert array.astype(str)[0].startswith("History(")
    with pytest.raises(HistoryTypeError, match="granularity 'D' cannot be cast to 'h'"):
        X["history"].astype("history[h]")
    with pytest.raises(HistoryTypeError, match="no array of numbers"):
        X["history"].astype(float)


def test_plain_arrays_of_numbers_are_refused_with_the_remedy(X, array):
    message = (
        r"a history column is no array of numbers. Put a feature transformer in front.*objects"
    )
    for attempt in (
        lambda: np.asarray(array),
        lambda: np.asarray(X["history"]),
        lambda: np.asarray(array, dtype=float),
        lambda: float(array[0]),
        lambda: LinearRegression().fit(X, np.ones(len(X))),
        lambda: LinearRegression().fit(X.assign(age=1.0), np.ones(len(X))),
    ):
        with pytest.raises(HistoryTypeError, match=message):
            attempt()
    assert isinstance(np.asarray(array, dtype=object)[0], History)
    assert isinstance(X.to_numpy()[0, 0], History)


def test_repr_in_frames(X):
    first = X["history"].iloc[0]
    assert repr(first) == f"History({first.describe()})"
    line = repr(X).splitlines()[2]
    assert first.describe() in line
    assert first.describe() in X.to_html()
    assert first.describe() in X._repr_html_(), "what notebooks show"
    assert "history[D, attributes=channel|items" in repr(X["history"])
    missing = X["history"].array.copy()
    missing[0] = None
    assert "<NA>" in repr(pd.Series(missing))


def test_pandas_operations(X):
    flat = X.reset_index()
    assert list(flat.columns) == ["customer_id", "cutoff", "history"]
    pd.testing.assert_frame_equal(flat.set_index(["customer_id", "cutoff"]), X)
    pd.testing.assert_frame_equal(X.sample(frac=1, random_state=0).sort_index(), X)
    assert X.query("customer_id > 8").index.equals(X.loc[9:].index)
    assert X.loc[(3, slice(None)), :]["history"].iloc[0] == X["history"].iloc[3]
    assert X.iloc[[3, 1]]["history"].tolist() == [X["history"].iloc[3], X["history"].iloc[1]]
    assert X[X["history"].notna()].equals(X)
    first = X.groupby(level="customer_id")["history"].first()
    assert (first.array == X["history"].array).all()
    table = pd.DataFrame({"customer_id": [5, 99], "tier": ["gold", "none"]})
    merged = table.merge(flat, on="customer_id", how="left")
    assert merged["history"].iloc[0] == X["history"].iloc[5]
    assert merged["history"].isna().tolist() == [False, True]
    assert X["history"].map(len).tolist() == get_histories(X).n_events.tolist()
    assert X.where(X.notna()).equals(X)
    assert X.reindex(X.index[::-1])["history"].iloc[0] == X["history"].iloc[-1]


def test_scikit_learn_operations(X):
    y = np.arange(len(X))
    train, test, y_train, _ = train_test_split(X, y, random_state=0)
    assert isinstance(train["history"].dtype, HistoryDtype)
    assert (train["history"].array == X["history"].array[y_train]).all()
    assert len(train) + len(test) == len(X)
    for fold, _ in KFold(3).split(X):
        pd.testing.assert_frame_equal(_safe_indexing(X, fold), X.iloc[fold])
    mask = _safe_indexing(X, np.arange(len(X)) % 2 == 0)
    assert isinstance(mask["history"].dtype, HistoryDtype)
    pipeline = clone(make_pipeline(FunctionTransformer(rfm_summary), LinearRegression()))
    predicted = pipeline.fit(X, y).predict(X)
    assert predicted.shape == (len(X),)


def test_empty(X):
    empty = X.iloc[:0]
    array = get_histories(empty)
    assert (len(array), len(array.flat_events().time)) == (0, 0)
    assert len(array.cut_back("2023-01-01")) == 0
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(empty)), empty)
    pd.testing.assert_frame_equal(pd.concat([empty, X]), X)


def test_json_holds_a_line_about_each_history_and_python_survives():
    # In a process of its own: an exception in the middle of pandas' JSON writer ends Python.
    script = """
from clvkit.datasets import load_cdnow
from clvkit.history import latest_histories
X = latest_histories(load_cdnow(), cutoff="1997-09-30").head(2)
X.iloc[1:, 0] = None
for frame in (X, X.reset_index(), X["history"]):
    for orient in ("records", "split", "values"):
        text = frame.to_json(orient=orient)
        assert "3 events 1997-01-01..1997-08-02, at 1997-09-30" in text, text
        assert "null" in text, text
print("survived")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "survived\n", done.stderr
