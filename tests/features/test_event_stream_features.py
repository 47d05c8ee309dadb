"""EventStreamFeatures on streams whose features are worked out by hand."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.errors import EmptyLogError, HistoryTypeError
from clvkit.features import EventStreamFeatures, default_features
from clvkit.history import get_histories, latest_histories, replace_histories
from clvkit.serving._trust import TRUSTED_TYPES
from clvkit.testing import check_history_transformer

NAN = np.nan

# customer -> purchases; visits with their amounts; then, at the cutoff 2024-03-31 with windows of
# 30 and 90 days: n_events, n_periods, days_since_first, days_since_last, per_day, 30d, 90d,
# since_purchase, per_purchase, amount, mean_amount, amount_30d, amount_90d.
TABLE = {
    "a visit before and two after": (
        ["2024-03-10"],
        [("2024-03-09", 1.0), ("2024-03-11", 2.0), ("2024-03-11", 3.0)],
        (3, 2, 22, 20, 3 / 23, 3, 3, 2, 3, 6, 2, 6, 6),
    ),
    "on the day of the purchase": (
        ["2024-01-01", "2024-03-31"],
        [("2024-03-31 23:00", 4.0)],
        (1, 1, 0, 0, 1, 1, 1, 0, 0.5, 4, 4, 4, 4),
    ),
    "at the edges of the windows": (  # 2024-03-02 is 29 days ago, 2024-01-02 is 89
        ["2024-01-01"],
        [("2024-01-01", 1.0), ("2024-01-02", 2.0), ("2024-03-01", 4.0), ("2024-03-02", 8.0)],
        (4, 4, 90, 29, 4 / 91, 1, 3, 3, 4, 15, 3.75, 8, 14),
    ),
    "a visit that cost and was paid back": (
        ["2024-02-29"],
        [("2024-03-01", 0.1), ("2024-03-01", 0.2), ("2024-03-05", -0.3)],
        (3, 2, 30, 26, 3 / 31, 1, 3, 3, 3, 0, 0, -0.3, 0),
    ),
    "never visits": (["2024-02-29"], [], (0, 0, NAN, NAN, 0, 0, 0, 0, 0, 0, NAN, 0, 0)),
    "returns only": (
        [("2024-02-29", -5.0)],
        [("2024-02-01", 1.0), ("2024-03-30", 1.0)],
        (2, 2, 59, 1, 2 / 60, 1, 2, 2, NAN, 2, 1, 1, 2),
    ),
}


def log_of(lines):
    rows = [
        (customer, *(line if isinstance(line, tuple) else (line, 10.0)))
        for customer, of_customer in lines.items()
        for line in of_customer
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return log.assign(date=pd.to_datetime(log["date"], format="mixed"))


@pytest.fixture(scope="module")
def X():
    transactions = log_of({customer: bought for customer, (bought, _, _) in TABLE.items()})
    visits = log_of({customer: visited for customer, (_, visited, _) in TABLE.items()})
    clicks = visits.drop(columns="amount")
    logs = {"transactions": transactions, "visits": visits, "clicks": clicks}
    return latest_histories(logs, cutoff="2024-03-31")


@pytest.mark.parametrize("customer", TABLE)
def test_features_by_hand(X, customer):
    streams = EventStreamFeatures(column="visits", windows=(30, 90))
    features = streams.set_output(transform="pandas").fit_transform(X).droplevel("cutoff")
    assert_allclose(features.loc[customer], TABLE[customer][2], rtol=1e-14, atol=0)


def test_every_stream_has_its_features_and_amounts_where_it_has_some(X):
    names = EventStreamFeatures(windows=(7,)).fit(X).get_feature_names_out().tolist()
    common = ["n_events", "n_periods", "days_since_first", "days_since_last", "per_day", "7d"]
    common += ["since_purchase", "per_purchase"]
    amounts = ["amount", "mean_amount", "amount_7d"]
    assert names == [
        *(f"visits_{name}" for name in common + amounts),
        *(f"clicks_{name}" for name in common),
    ]


def test_names_of_the_docstring_are_those_of_the_columns(X):
    table = EventStreamFeatures.__doc__.split("=\n")[2].split("\n    ===")[0]
    listed = [line.split()[0] for line in table.splitlines() if line[4:5].strip()]
    fitted = EventStreamFeatures(column=["visits"], windows=(30,)).fit(X)
    expected = [name.format(s="visits", w=30) for name in listed]
    assert expected == list(fitted.get_feature_names_out())


def test_streams_of_rows_cut_back_end_with_their_rows(X):
    early = replace_histories(X, get_histories(X).cut_back("2024-03-09"))
    fitted = EventStreamFeatures().set_output(transform="pandas").fit(X)
    counts = fitted.transform(early)["visits_n_events"].droplevel("cutoff")
    assert counts["a visit before and two after"] == 1
    assert counts["on the day of the purchase"] == 0


def test_without_streams_there_are_no_columns(X):
    alone = X[["history"]]
    assert EventStreamFeatures().fit_transform(alone).shape == (len(X), 0)
    assert EventStreamFeatures().set_output(transform="pandas").fit_transform(alone).empty
    assert not any("visits" in n for n in default_features().fit(alone).get_feature_names_out())


def test_the_default_union_takes_streams_for_no_covariates(X):
    frame = default_features().set_output(transform="pandas").fit_transform(X.assign(age=3.0))
    own = EventStreamFeatures().fit(X).get_feature_names_out().tolist()
    assert list(frame.columns[-len(own) - 1 :]) == [*own, "age"]
    assert "visits" not in frame
    assert_array_equal(frame[own], EventStreamFeatures().fit_transform(X))


def test_contract():
    check_history_transformer(EventStreamFeatures(), ignores_dates=True, n_logs=1)


def test_is_stored_with_trusted_types(X):
    fitted = default_features().fit(X)
    stored = skops.io.dumps(fitted)
    assert set(skops.io.get_untrusted_types(data=stored)) <= set(TRUSTED_TYPES)
    expected = fitted.transform(X)
    assert_array_equal(skops.io.loads(stored, trusted=list(TRUSTED_TYPES)).transform(X), expected)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), expected)


@pytest.mark.parametrize("windows", [(30, 7), (0, 7), (1.5,), (True,)], ids=str)
def test_windows_that_are_none(X, windows):
    with pytest.raises(ValueError, match=r"are not ascending whole numbers of days above 0"):
        EventStreamFeatures(windows=windows).fit(X)


def test_what_is_refused(X):
    with pytest.raises(HistoryTypeError, match="X has no column 'calls'"):
        EventStreamFeatures(column="calls").fit(X)
    with pytest.raises(HistoryTypeError, match="streams are taken by name"):
        EventStreamFeatures().fit(X["history"])
    with pytest.raises(HistoryTypeError, match="X has no column 'visits'"):
        EventStreamFeatures().fit(X).transform(X[["history"]])
    with pytest.raises(EmptyLogError, match="X has no rows"):
        EventStreamFeatures().fit(X.iloc[:0])
    holes = X.copy()
    holes.loc[holes.index[0], "visits"] = None
    with pytest.raises(HistoryTypeError, match="1 of 6 histories are missing"):
        EventStreamFeatures().fit(holes)
