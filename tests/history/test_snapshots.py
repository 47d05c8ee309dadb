import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.history import HistoryArray, latest_histories, make_samples, take_snapshots
from clvkit.utils._duration import parse_duration


def moment(text):
    return int(np.datetime64(text, "D").astype(int))


def test_rows_are_the_customers_seen_by_each_cutoff(cdnow, cdnow_histories):
    known = cdnow_histories["history"].array
    cutoffs = [moment("1997-12-31"), moment("1997-02-15")]
    rows, histories, y = take_snapshots(known, cutoffs, parse_duration("13W"))
    first = cdnow.groupby("customer_id")["date"].min()
    early = np.flatnonzero(first <= "1997-02-15")
    assert rows.tolist() == [*early, *range(len(first))]
    assert (histories.n_events > 0).all()
    assert np.shares_memory(histories.store.time, known.store.time)
    X, y_door = make_samples(cdnow, "13W", ["1997-02-15", "1997-12-31"])
    assert (X["history"].array == histories).all()
    assert histories.dtype == X["history"].dtype
    np.testing.assert_array_equal(y, y_door)


def test_a_history_labels_earlier_cutoffs_only(cdnow_histories):
    known = cdnow_histories["history"].array
    horizon = parse_duration("13W")
    end = moment("1998-06-30")
    rows, _, _ = take_snapshots(known, [end - 90], horizon)
    assert len(rows) == 0
    rows, _, _ = take_snapshots(known, [end - 91], horizon)
    assert len(rows) == len(known)


def test_each_customer_has_his_own_end(cdnow_histories):
    known = (
        cdnow_histories["history"].array[:3].cut_back(["1998-06-30", "1998-03-31", "1998-06-30"])
    )
    rows, _, _ = take_snapshots(known, [moment("1998-03-01")], parse_duration("90D"))
    assert rows.tolist() == [0, 2]


@pytest.mark.parametrize("cutoffs", [[], [moment("1990-01-01")]], ids=["none", "before the log"])
def test_no_samples(cdnow_histories, cutoffs):
    known = cdnow_histories["history"].array
    rows, histories, y = take_snapshots(known, cutoffs, parse_duration("13W"))
    assert (len(rows), len(histories), len(y)) == (0, 0, 0)
    assert histories.dtype.horizon == "13W"


def test_calendar_horizons(cdnow_histories):
    known = cdnow_histories["history"].array
    rows, _, y = take_snapshots(known, [moment("1998-02-28")], parse_duration("1M"), floor=None)
    future = [h.frame() for h in known[rows]]
    expected = [
        f.loc[(f["date"] > "1998-02-28") & (f["date"] <= "1998-03-28"), "amount"].sum()
        for f in future
    ]
    np.testing.assert_allclose(y, expected, rtol=1e-12)


@given(data=st.data())
def test_a_label_depends_on_its_own_events_to_the_last_bit(logs, data):
    known = latest_histories(data.draw(logs))["history"].array
    end = int(known.cutoff_moments[0])
    horizon = parse_duration(f"{data.draw(st.integers(1, 90))}D")
    cutoffs = [end - 90 - 30 * i for i in range(3)]
    rows, histories, y = take_snapshots(known, cutoffs, horizon, floor=None)
    order = np.array(data.draw(st.permutations(range(len(known)))), dtype=np.int64)
    rows_, histories_, y_ = take_snapshots(known[order], cutoffs, horizon, floor=None)
    ours, theirs = by_sample(rows, histories, y), by_sample(order[rows_], histories_, y_)
    assert ours == theirs
    for i in range(len(known)):
        alone = take_snapshots(known[[i]], cutoffs, horizon, floor=None)
        own = {key: value for key, value in ours.items() if key[0] == i}
        assert by_sample(alone.rows + i, alone.histories, alone.y) == own


def by_sample(rows, histories: HistoryArray, y):
    keys = zip(rows.tolist(), histories.cutoff_moments.tolist(), strict=True)
    return dict(zip(keys, (value.hex() for value in y.tolist()), strict=True))


def test_many_events_of_one_customer_sum_alike_wherever_they_lie():
    rng = np.random.default_rng(0)
    n = 40_000
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 4, n),
            "date": np.datetime64("2022-01-01") + rng.integers(0, 365, n).astype("m8[D]"),
            "amount": rng.lognormal(0, 5, n),
        }
    )
    _, y = make_samples(log, "180D", "2022-06-01")
    for customer in range(4):
        own = log[log["customer_id"] == customer]
        alone = make_samples(own, "180D", "2022-06-01", end="2022-12-31").y
        assert alone.iloc[0] == y.iloc[customer]
