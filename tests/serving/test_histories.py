import numpy as np
import pandas as pd
import pytest

from clvkit.errors import ArgumentError, HistoryTypeError, HorizonError, MissingColumnError
from clvkit.history import get_histories
from clvkit.serving._histories import (
    check_histories,
    histories_to_score,
    record_horizon,
    take_columns,
)

DOOR = {
    "customer_id": "customer_id",
    "date": "date",
    "amount": "amount",
    "attributes": [],
    "refunds": "net",
    "duplicates": "keep",
    "granularity": "D",
}


def cutoffs(X):
    return set(X.index.get_level_values("cutoff").strftime("%Y-%m-%d"))


@pytest.mark.parametrize(
    ("cutoff", "training_end", "expected"),
    [
        (None, "1999-01-31", "1999-01-31"),
        (None, "1998-01-31", "1998-06-30"),
        ("1997-12-31", "1999-01-31", "1997-12-31"),
        ("1999-12-31", "1998-01-31", "1999-12-31"),
    ],
    ids=["training", "log", "earlier", "later"],
)
def test_the_cutoff_is_the_one_given_or_the_later_of_two(log, cutoff, training_end, expected):
    log = pd.concat([log, log.iloc[:1].assign(date=pd.Timestamp("1998-06-30"))])
    X = histories_to_score(log, cutoff, training_end=training_end, **DOOR)
    assert cutoffs(X) == {expected}
    assert len(X) == log.loc[log["date"] <= expected, "customer_id"].nunique()


def test_an_early_cutoff_leaves_out_who_came_later(log):
    X = histories_to_score(log, "1997-01-31", training_end="1998-01-31", **DOOR)
    first = log.groupby("customer_id")["date"].min()
    early = first.index[first <= "1997-01-31"]
    assert X.index.get_level_values("customer_id").tolist() == early.tolist()
    assert 0 < len(early) < len(first)


def test_the_horizon_is_recorded_and_checked(X):
    recorded = record_horizon(X, "13W")
    assert get_histories(recorded).dtype.horizon == "13W"
    assert get_histories(X).dtype.horizon is None
    assert len(check_histories(recorded, "13W", "D", ())) == len(X)
    with pytest.raises(HorizonError, match="26W"):
        check_histories(recorded, "26W", "D", ())


@pytest.mark.parametrize(
    ("granularity", "attributes", "message"),
    [("h", (), "granularity='D'"), ("D", ("quantity",), r"attributes=\[\]")],
    ids=["granularity", "attributes"],
)
def test_other_settings_are_named(X, granularity, attributes, message):
    with pytest.raises(HistoryTypeError, match=message):
        check_histories(X, "13W", granularity, attributes)


def test_columns_come_in_the_order_of_training(X):
    wide = X.assign(age=1.0, tier="gold")
    taken = take_columns(wide[["tier", "history", "age"]], np.array(["history", "age", "tier"]))
    assert list(taken.columns) == ["history", "age", "tier"]


def test_missing_and_unknown_columns_are_told_apart(X):
    with pytest.raises(MissingColumnError, match="covariates 'age', and X has none"):
        take_columns(X, ["history", "age"])
    with pytest.raises(ArgumentError, match="without any, and is given the covariates 'age'"):
        take_columns(X.assign(age=1.0), ["history"])
    with pytest.raises(ArgumentError, match="with 'age', and is given the covariates 'tier'"):
        take_columns(X.assign(age=1.0, tier="gold"), ["history", "age"])
