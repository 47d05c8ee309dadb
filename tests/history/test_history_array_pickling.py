"""What a pickled history column takes along."""

import pickle
from io import BytesIO

import joblib
import numpy as np
import pandas as pd
import pytest

from clvkit.history import (
    get_histories,
    latest_histories,
    make_samples,
)


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
