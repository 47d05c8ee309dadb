"""Several logs at once: each further one is a history column of the same customers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import (
    AmountError,
    DataWarning,
    DateError,
    HistoryTypeError,
    LogError,
    LogTypeError,
    MissingColumnError,
    UnknownNameError,
)
from clvkit.history import (
    get_histories,
    history_columns,
    latest_histories,
    make_samples,
    replace_histories,
)

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "c"],
        "date": ["2024-01-01", "2024-03-01", "2024-01-10", "2024-02-20"],
        "amount": [10.0, 20.0, 30.0, 40.0],
    }
)
VISITS = pd.DataFrame(
    {
        "customer_id": ["c", "a", "nobody", "a", "c", "a"],
        "date": [f"2024-{day}" for day in ("02-25", "01-05", "01-06", "02-29", "02-25", "03-01")],
        "page": ["x", "y", "x", None, "x", "x"],
    }
)
BOTH = {"transactions": LOG, "visits": VISITS}
DAY = pd.Timedelta(1, "D")


def visits_of(X, customer):
    history = X.loc[[customer], "visits"].iloc[0]
    return history.frame()["date"].dt.strftime("%m-%d").tolist()


def test_each_further_log_is_a_history_column_of_the_same_customers_and_cutoffs():
    X = latest_histories(BOTH, attributes={"visits": ["page"]})
    assert history_columns(X) == list(X.columns) == ["history", "visits"]
    assert X["history"].dtype.attributes == ()
    assert X["visits"].dtype.attributes == ("page",)
    pd.testing.assert_frame_equal(X[["history"]], latest_histories(LOG))
    assert [visits_of(X, c) for c in "abc"] == [["01-05", "02-29", "03-01"], [], ["02-25"] * 2]
    visits = get_histories(X, "visits")
    assert (visits.cutoff_moments == get_histories(X).cutoff_moments).all()
    assert not visits.isna().any()
    assert len(visits.store) == 5, "the events of others are not kept"
    assert visits[0].attributes["page"].tolist() == ["y", None, "x"]


def test_events_of_a_log_without_amounts_are_of_amount_zero():
    X = latest_histories(BOTH)
    assert get_histories(X, "visits").flat_events().amount.tolist() == [0.0] * 5
    priced = VISITS.assign(amount=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    X = latest_histories({**BOTH, "visits": priced})
    assert get_histories(X, "visits").flat_events().amount.sum() == 18.0
    X = latest_histories({**BOTH, "visits": priced}, amount={"visits": None})
    assert get_histories(X, "visits").flat_events().amount.sum() == 0.0


def test_columns_may_be_named_log_by_log():
    calls = VISITS.rename(columns={"customer_id": "who", "date": "when"}).assign(cost=2.0)
    X = latest_histories(
        {"transactions": LOG.rename(columns={"amount": "price"}), "visits": VISITS, "calls": calls},
        customer_id={"calls": "who"},
        date={"calls": "when"},
        amount={"transactions": "price", "calls": "cost"},
    )
    assert list(X.columns) == ["history", "visits", "calls"]
    assert get_histories(X, "calls").flat_events().amount.tolist() == [2.0] * 5
    same = X["calls"].iloc[0].frame()["date"] == X["visits"].iloc[0].frame()["date"]
    assert same.all()


def test_an_attribute_named_for_all_logs_need_only_be_in_the_transactions():
    bought = LOG.assign(page=["x", "x", "y", "y"], shop="s")
    X = latest_histories({"transactions": bought, "visits": VISITS}, attributes=["page", "shop"])
    assert X["history"].dtype.attributes == ("page", "shop")
    assert X["visits"].dtype.attributes == ("page",)
    with pytest.raises(MissingColumnError, match=r"the log has no column 'page'"):
        latest_histories(BOTH, attributes=["page"])
    with pytest.raises(MissingColumnError, match=r"log 'visits' has no column 'shop'"):
        latest_histories(BOTH, attributes={"visits": ["shop"]})


def test_a_cutoff_cuts_all_logs_alike_and_without_a_word():
    X = latest_histories(BOTH, cutoff="2024-02-25")
    assert [visits_of(X, c) for c in "abc"] == [["01-05"], [], ["02-25"] * 2]
    assert (get_histories(X, "visits").cutoffs == pd.Timestamp("2024-02-25")).all()


def test_the_observation_of_all_logs_ends_with_the_transactions():
    late = pd.concat([VISITS, VISITS.assign(date="2024-04-01")])
    expected = latest_histories(BOTH)
    message = r"log 'visits': 6 of 12 rows .* after 2024-03-01, where by default .* Give end="
    with pytest.warns(DataWarning, match=message):
        X = latest_histories({**BOTH, "visits": late})
    pd.testing.assert_frame_equal(X, expected)
    with pytest.warns(DataWarning, match=r"log 'visits': 6 of 12 rows .* after end='2024-03-31'"):
        latest_histories({**BOTH, "visits": late}, end="2024-03-31")
    X = latest_histories({**BOTH, "visits": late}, end="2024-04-01")
    assert [visits_of(X, c) for c in "bc"] == [[], ["02-25"] * 2 + ["04-01"] * 2]


def test_labels_come_from_the_transactions():
    plain = make_samples(LOG, "10D", cutoffs=["2024-01-31", "2024-02-15"])
    X, y = make_samples(BOTH, "10D", cutoffs=["2024-01-31", "2024-02-15"])
    pd.testing.assert_series_equal(y, plain.y)
    pd.testing.assert_frame_equal(X[["history"]], plain.X)
    assert y.tolist() == [0.0, 0.0, 0.0, 0.0]
    X, y = make_samples(BOTH, "10D", cutoffs=["2024-02-20"])
    assert y.tolist() == [20.0, 0.0, 0.0]
    assert [visits_of(X, c) for c in "abc"] == [["01-05"], [], []]


def test_buffers_are_shared_between_cutoffs():
    X, _ = make_samples(BOTH, "10D", cutoffs=["2024-01-31", "2024-02-15"])
    first, second = (X.xs(cutoff, level="cutoff") for cutoff in X.index.levels[1])
    for column in ("history", "visits"):
        one, other = get_histories(first[column]), get_histories(second[column])
        assert np.shares_memory(one.store.time, other.store.time)


@pytest.mark.parametrize(
    "empty",
    [VISITS[:0], pd.DataFrame({"customer_id": [], "date": []}), VISITS.assign(date="2024-03-01")],
    ids=["no rows", "no rows and no types", "none by the cutoff"],
)
def test_a_customer_without_events_has_an_empty_history_and_not_a_missing_one(empty):
    X = latest_histories({**BOTH, "visits": empty}, cutoff="2024-02-25")
    assert X["visits"].notna().all()
    assert get_histories(X, "visits").n_events.tolist() == [0, 0, 0]
    assert X["visits"].iloc[0].cutoff == pd.Timestamp("2024-02-25")


REFUSED = {
    "no transactions": (
        {"visits": VISITS},
        {},
        LogTypeError,
        r"'transactions' must be one of them; got \['visits'\]. Pass {'transactions': log",
    ),
    "a name that is taken": (
        {**BOTH, "cutoff": VISITS},
        {},
        LogError,
        r"a log cannot be called 'cutoff'",
    ),
    "a name that is no text": ({**BOTH, 1: VISITS}, {}, LogError, r"cannot be called 1"),
    "no table": ({**BOTH, "visits": 3}, {}, LogTypeError, r"log 'visits' must be a pandas"),
    "ids of another type": (
        {**BOTH, "visits": VISITS.assign(customer_id=7)},
        {},
        LogError,
        r"log 'visits': the customers of this log are Int64, such as 7, those of the "
        r"transactions String, such as 'a'. .* log.astype\({'customer_id': str}\)",
    ),
    "a date": (
        {**BOTH, "visits": VISITS.assign(date="31/12/2024")},
        {},
        DateError,
        r"log 'visits': column 'date' cannot be read as dates in 6 of 6 rows",
    ),
    "an amount": (
        {**BOTH, "visits": VISITS.assign(amount=np.nan)},
        {},
        AmountError,
        r"log 'visits': column 'amount' is missing or not finite in 6 of 6 rows",
    ),
    "a column": (
        {**BOTH, "visits": VISITS.rename(columns={"date": "Date"})},
        {},
        MissingColumnError,
        r"log 'visits' has no column 'date' \(date\). Its columns: customer_id, Date, page",
    ),
    "an amount asked for": (
        BOTH,
        {"amount": {"visits": "cost"}},
        MissingColumnError,
        r"log 'visits' has no column 'cost' \(amount\)",
    ),
    "settings of a log that is none": (
        BOTH,
        {"attributes": {"clicks": ["page"]}},
        UnknownNameError,
        r"attributes names the logs 'clicks', which were not given. The logs are 'transactions', ",
    ),
    "a field of histories": (
        BOTH,
        {"attributes": {"visits": ["time"]}},
        LogError,
        r"attributes may not be called 'time'",
    ),
    "the name of a covariate": (
        BOTH,
        {"covariates": pd.DataFrame({"customer_id": ["a"], "visits": [1]})},
        LogError,
        r"the covariates table has columns \['visits'\], which are also names of logs",
    ),
}


@pytest.mark.parametrize(("logs", "settings", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_messages_name_the_log(logs, settings, error, message):
    with pytest.raises(error, match=message):
        latest_histories(logs, **settings)


def test_warnings_name_the_log():
    guests = VISITS.assign(customer_id=VISITS["customer_id"].where(VISITS["page"].notna()))
    with pytest.warns(DataWarning, match=r"log 'visits': 1 of 6 rows have no customer in column"):
        latest_histories({**BOTH, "visits": guests})
    strangers = VISITS.assign(customer_id="A-" + VISITS["customer_id"])
    with pytest.warns(DataWarning, match=r"log 'visits': none of its customers, such as 'A-c', is"):
        latest_histories({**BOTH, "visits": strangers})
    with pytest.warns(DataWarning, match=r"log 'visits': 1 of 6 rows are dated absurdly far"):
        latest_histories({**BOTH, "visits": VISITS.replace("2024-01-05", "1801-01-01")})


def test_policies_concern_the_transactions_only():
    returns = pd.concat([VISITS, VISITS]).assign(amount=-1.0)
    X = latest_histories({**BOTH, "visits": returns}, refunds="raise", duplicates="raise")
    assert get_histories(X, "visits").n_events.tolist() == [6, 0, 4]


def test_files_may_hold_whole_numbers_where_the_customers_are_text(tmp_path):
    VISITS.assign(customer_id=[7, 8, 7, 7, 9, 9]).to_csv(tmp_path / "visits.csv")
    log = LOG.assign(customer_id=["7", "7", "B", "9"])
    X = latest_histories({"transactions": log, "visits": tmp_path / "visits.csv"})
    assert get_histories(X, "visits").n_events.tolist() == [3, 2, 0]


def test_another_column_may_not_know_more_than_the_histories():
    X = latest_histories(BOTH)
    past = get_histories(X).cut_back("2024-02-25")
    half = X.assign(history=pd.Series(past, index=X.index))
    with pytest.raises(HistoryTypeError, match=r"'visits' has another cutoff .* in 3 of 3 rows"):
        get_histories(half, "visits")
    cut, expected = replace_histories(X, past), latest_histories(BOTH, cutoff="2024-02-25")
    assert history_columns(cut) == ["history", "visits"]
    for column in history_columns(cut):
        assert (get_histories(cut, column) == get_histories(expected, column)).all()
    hourly = latest_histories(BOTH, granularity="h")
    mixed = X.assign(visits=pd.Series(hourly["visits"].array, index=X.index))
    with pytest.raises(HistoryTypeError, match=r"'visits' holds histories of granularity 'h'"):
        replace_histories(mixed, past)


@given(data=st.data())
def test_nothing_after_a_cutoff_is_in_any_column(logs, data):
    log, visits = data.draw(logs), data.draw(logs)
    both = {"transactions": log, "visits": visits}
    cutoff = log["date"].min() + pd.Timedelta(data.draw(st.integers(0, 200)), "D")
    past = visits.assign(date=visits["date"].where(visits["date"] <= cutoff, cutoff + DAY))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        told = latest_histories(both, cutoff=cutoff)
        for other in (past, visits[visits["date"] <= cutoff]):
            again = latest_histories({**both, "visits": other}, cutoff=cutoff)
            pd.testing.assert_frame_equal(again, told)
        known = latest_histories(both, end="2022-01-01")
    cut = get_histories(known).cut_back(cutoff)
    seen = replace_histories(known, cut)[cut.n_events > 0]
    for column in history_columns(told):
        assert (get_histories(seen, column) == get_histories(told, column)).all()
