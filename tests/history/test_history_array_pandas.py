"""A history column as pandas and scikit-learn use it."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import _safe_indexing

from clvkit.errors import HistoryTypeError
from clvkit.history import (
    History,
    HistoryArray,
    HistoryDtype,
    get_histories,
    latest_histories,
    make_samples,
    rfm_summary,
)


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
