import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.errors import ArgumentError, HorizonError
from clvkit.history import get_histories, latest_histories, make_samples
from clvkit.serving._learning import (
    attribute_names,
    attribute_types,
    covariate_types,
    fit_clone,
    training_end,
)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("quantity", ("quantity",)),
        (["quantity", "channel", "quantity"], ("quantity", "channel")),
        (np.array(["quantity"]), ("quantity",)),
        ((), ()),
    ],
    ids=["text", "twice", "array", "none"],
)
def test_names_of_attributes(given, names):
    assert attribute_names(given) == names


def test_types_of_columns(log, X):
    log = log.assign(channel="web")
    array = get_histories(latest_histories(log, attributes=["quantity", "channel"]))
    assert attribute_types(array) == {"quantity": "number", "channel": "string"}
    wide = X.assign(age=1, tier=pd.Categorical(["gold"] * len(X)), since=pd.Timestamp(0), vip=True)
    assert covariate_types(wide) == {
        "age": "number",
        "tier": "string",
        "since": "date",
        "vip": "number",
    }


@pytest.mark.parametrize(
    ("end", "labelled", "expected"),
    [
        (None, False, "1998-01-31"),
        (None, True, "1998-05-02"),
        ("1998-06-30", True, "1998-06-30"),
        ("1998-01-31", True, "1998-05-02"),
    ],
    ids=["histories", "labels", "recorded", "recorded-without-labels"],
)
def test_the_end_of_training_is_what_the_fit_knew(log, end, labelled, expected):
    array = get_histories(latest_histories(log, cutoff="1998-01-31"))
    array = array.with_dtype(array.dtype.replace(end=end))
    assert training_end(array, "13W", labelled=labelled) == expected


def test_hours_and_calendar_months_end_where_labels_do(log):
    log = log[log["date"] <= "1998-04-30"]
    samples = make_samples(log, "3M", cutoffs="1998-01-31", end="1998-04-30", granularity="h")
    assert training_end(get_histories(samples.X), "3M", labelled=True) == "1998-04-30T23"


@pytest.mark.parametrize("wrap", [lambda e: e, make_pipeline], ids=["alone", "pipeline"])
def test_who_learns_from_labels_is_told_where_they_come_from(X, wrap):
    with pytest.raises(ArgumentError, match=r"SnapshotRegressor.*make_samples") as caught:
        fit_clone(wrap(PopulationMean()), X, None)
    assert isinstance(caught.value.__cause__, (TypeError, ValueError))


def test_other_errors_are_left_as_they_are(X):
    class Picky(BaseEstimator):
        def fit(self, X, y=None):
            raise ValueError("my own")

        def predict(self, X):
            return np.zeros(len(X))

    with pytest.raises(ValueError, match="my own") as caught:
        fit_clone(Picky(), X, None)
    assert type(caught.value) is ValueError
    with pytest.raises(HorizonError):
        fit_clone(HistoricalRate(), X, None)
