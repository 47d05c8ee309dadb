"""What must hold of the door whatever the log."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from clvkit.history import HistoryArray, get_histories, latest_histories, make_samples


@given(data=st.data())
def test_samples_equal_a_plain_computation(logs, data):
    log = data.draw(logs)
    start, end = log["date"].min(), log["date"].max()
    horizon = data.draw(st.integers(1, 40))
    if (end - start).days < horizon:
        return
    cutoff = end - pd.Timedelta(days=horizon)
    X, y = make_samples(log, f"{horizon}D", cutoff, floor=None)
    past, future = log[log["date"] <= cutoff], log[log["date"] > cutoff]
    spend = future.groupby("customer_id")["amount"].sum()
    expected = spend.reindex(sorted(past["customer_id"].unique()), fill_value=0.0)
    assert X.index.get_level_values(0).tolist() == expected.index.tolist()
    np.testing.assert_allclose(y, expected, atol=1e-9)
    assert [len(h) for h in X["history"]] == past.groupby("customer_id").size().tolist()
    floored = make_samples(log, f"{horizon}D", cutoff).y
    np.testing.assert_array_equal(floored, np.maximum(y, 0.0))


@given(data=st.data())
def test_the_order_of_lines_cannot_matter(logs, data):
    log = data.draw(logs)
    shuffled = log.sample(frac=1, random_state=data.draw(st.integers(0, 99)))
    X = latest_histories(log, attributes=["kind"])
    other = latest_histories(shuffled, attributes=["kind"])
    pd.testing.assert_frame_equal(other, X)
    ours, theirs = get_histories(X).flat_events(), get_histories(other).flat_events()
    for left, right in zip(ours, theirs, strict=True):
        assert left.tobytes() == right.tobytes()


@given(data=st.data())
def test_no_future(logs, data):
    """Whatever happens after the cutoff, the histories at it are the same to the last bit."""
    log = data.draw(logs)
    first = log["date"].min()
    cutoff = first + pd.Timedelta(days=data.draw(st.integers(0, 200)))
    past, future = log[log["date"] <= cutoff], log[log["date"] > cutoff]
    changed = pd.concat([past, future.assign(amount=-future["amount"], customer_id=0)])
    expected = latest_histories(past, cutoff)
    for other in (log, changed):
        X = latest_histories(other, cutoff)
        pd.testing.assert_frame_equal(X, expected)
        left, right = get_histories(X).flat_events(), get_histories(expected).flat_events()
        assert left.amount.tobytes() == right.amount.tobytes()


@given(data=st.data())
def test_cutting_back_the_latest_is_what_was_known_then(logs, data):
    log = data.draw(logs)
    latest = latest_histories(log)["history"].array
    last = log["date"].max()
    cutoff = last - pd.Timedelta(days=data.draw(st.integers(0, 200)))
    if cutoff < log["date"].min():
        return
    back = latest.cut_back(cutoff)
    back = back[back.n_events > 0]
    then = latest_histories(log, cutoff)["history"].array
    assert isinstance(back, HistoryArray)
    assert (back == then).all()
