import pickle

import numpy as np
import pandas as pd
import pytest

from clvkit.errors import ClvkitError, HistoryTypeError
from clvkit.history import (
    HistoryArray,
    customers_of,
    get_histories,
    latest_histories,
    latest_rows,
    make_samples,
    replace_histories,
)


@pytest.mark.parametrize(
    "pick",
    [lambda X: X, lambda X: X["history"], lambda X: X["history"].array],
    ids=["frame", "series", "array"],
)
def test_get_histories(cdnow_histories, pick):
    assert get_histories(pick(cdnow_histories)) is not None
    assert np.shares_memory(
        get_histories(pick(cdnow_histories)).store.time,
        cdnow_histories["history"].array.store.time,
    )


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"a": [1]}), r"X has no column 'history' \(its columns: \['a'\]\). Make"),
        (pd.DataFrame({"history": [1]}), r"histories are needed, but X holds int64. Make samples"),
        (np.ones((2, 2)), r"histories are needed, but X holds float64"),
        (None, r"histories are needed, but X holds NoneType"),
        ([1], r"histories are needed, but X holds list"),
    ],
    ids=["no column", "numbers", "array", "None", "list"],
)
def test_get_histories_refuses(X, message):
    with pytest.raises(HistoryTypeError, match=message) as error:
        get_histories(X)
    assert isinstance(error.value, (ClvkitError, TypeError))
    assert "clvkit.latest_histories(log)" in str(error.value)


def test_missing_histories(cdnow_histories):
    X = cdnow_histories.head(5).reset_index(drop=True)
    X = X.reindex([0, 1, 9, 2, 8])
    message = r"2 of 5 histories are missing, the first one in row 2: drop these rows"
    with pytest.raises(HistoryTypeError, match=message):
        get_histories(X)
    assert get_histories(X, allow_missing=True).isna().tolist() == [False, False, True, False, True]
    assert len(get_histories(X[X["history"].notna()])) == 3


def test_customers_of(cdnow_histories):
    X = cdnow_histories.head(3)
    assert customers_of(X).tolist() == [1, 2, 3]
    assert customers_of(X.swaplevel()).tolist() == [1, 2, 3]
    assert customers_of(X.droplevel("cutoff").rename_axis("who")).tolist() == [1, 2, 3]


def test_replace_histories(cdnow_histories):
    X = cdnow_histories.head(3).assign(age=[30, 40, 50])
    past = X["history"].array.cut_back("1997-09-30")
    for frame in (X, X.swaplevel()):
        replaced = replace_histories(frame, past)
        assert replaced.index.names == ["customer_id", "cutoff"]
        assert customers_of(replaced).tolist() == [1, 2, 3]
        assert (replaced.index.get_level_values("cutoff") == past.cutoffs).all()
        assert (replaced["history"].array == past).all()
        assert replaced["age"].tolist() == [30, 40, 50]
    assert (X.index.get_level_values("cutoff") == pd.Timestamp("1998-06-30")).all()


def test_replace_histories_of_a_plain_index(cdnow_histories):
    X = cdnow_histories.head(3).droplevel("cutoff").iloc[[2, 0, 0]]
    replaced = replace_histories(X, X["history"].array.cut_back("1997-09-30"))
    assert customers_of(replaced).tolist() == [3, 1, 1]


def test_latest_rows(cdnow):
    X, _ = make_samples(cdnow.head(40), "13W", ["1997-09-30", "1997-03-31", "1997-12-31"])
    latest = latest_rows(X.sample(frac=1, random_state=0))
    assert customers_of(latest).tolist() != sorted(customers_of(latest))
    assert (latest.index.get_level_values("cutoff") == pd.Timestamp("1997-12-31")).all()
    assert set(customers_of(latest)) == set(customers_of(X))
    assert latest_rows(latest) is latest
    assert len(latest_rows(X.iloc[:0])) == 0


@pytest.fixture(scope="module")
def snapshots(cdnow):
    """Rows of three cutoffs, shuffled, so that customers and cutoffs are mixed."""
    X, _ = make_samples(cdnow.head(40), "13W", ["1997-09-30", "1997-03-31", "1997-12-31"])
    return X.sample(frac=1, random_state=0)


FORMS = {
    "frame": lambda X: X,
    "levels swapped": lambda X: X.swaplevel(),
    "columns": lambda X: X.reset_index(),
    "no customer": lambda X: X.reset_index(drop=True),
    "series": lambda X: X["history"],
    "plain series": lambda X: X["history"].reset_index(drop=True),
    "array": lambda X: X["history"].array,
}


@pytest.mark.parametrize("form", FORMS)
def test_latest_rows_whatever_tells_the_customer(snapshots, form):
    latest = latest_rows(FORMS[form](snapshots))
    expected = latest_rows(snapshots)
    assert 0 < len(expected) < len(snapshots)
    assert type(latest) is type(FORMS[form](snapshots))
    assert (get_histories(latest) == get_histories(expected)).all()


def test_a_column_of_customers_goes_before_the_ranges(snapshots):
    # Ranges alone would not know one customer of two logs again.
    parts = [snapshots.iloc[:20], pickle.loads(pickle.dumps(snapshots.iloc[20:]))]
    X = pd.concat(parts).reset_index()
    assert len(latest_rows(X)) == X["customer_id"].nunique()
    assert customers_of(X).tolist() == X["customer_id"].tolist()
    replaced = replace_histories(X.drop(columns="cutoff"), X["history"].array)
    assert customers_of(replaced).tolist() == X["customer_id"].tolist()


def test_a_history_without_events_is_nobody_elses(snapshots):
    array = get_histories(snapshots).copy()
    empty = array[:1].cut_back("1990-01-01")
    # As compacted histories are: an empty range at the start of somebody's events.
    moved = HistoryArray(
        empty.store, array.begin[1:2], array.begin[1:2], np.array([10_300]), empty.dtype
    )
    both = HistoryArray._concat_same_type([array[1:2], moved])
    assert len(latest_rows(both)) == 2


@pytest.mark.parametrize(
    ("options", "held"),
    [
        ({"granularity": "h"}, r"3 in units of 'D' with .* \[\], 2 in units of 'h' with"),
        ({"granularity": "W"}, r"5 in units of 'D'"),
        ({"attributes": ["channel"]}, r"2 in units of 'D' with attributes \['channel'\]"),
    ],
    ids=["hours", "weeks", "attributes"],
)
def test_histories_that_pandas_joined_as_objects(options, held):
    log = pd.DataFrame(
        {"customer_id": [1, 2, 3], "date": "2024-01-01", "amount": 1.0, "channel": "web"}
    )
    X, other = latest_histories(log), latest_histories(log, **options).head(2)
    with pytest.raises(HistoryTypeError, match=held) as caught:
        get_histories(pd.concat([X, other]))
    assert "of several granularities or attributes that were mixed" in str(caught.value)
    assert "with the same granularity= and attributes=" in str(caught.value)


def test_the_remedy_for_histories_as_objects(cdnow_histories):
    X = cdnow_histories.head(3)
    with pytest.raises(HistoryTypeError, match=r"3 histories in 3 rows as objects"):
        get_histories(X.astype(object))
    again = X.assign(history=X["history"].astype(object).astype(X["history"].dtype))
    assert (get_histories(again) == get_histories(X)).all()
