"""ExpressionFeatures: functions and Polars expressions of a user's own."""

import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.base import clone

from clvkit.datasets import load_cdnow
from clvkit.errors import ArgumentError, ModelFormatError
from clvkit.features import ExpressionFeatures, HistoryUnion, RFMFeatures
from clvkit.features._stored_expression import expression_from_text, expression_to_text
from clvkit.history import get_histories, latest_histories, replace_histories
from clvkit.serving._trust import TRUSTED_TYPES, untrusted
from clvkit.testing import check_history_transformer

NAN = np.nan
LOG = pd.DataFrame(
    [
        ("a", "2024-02-29", 20.0, "web"),
        ("a", "2024-03-30", 5.0, "shop"),
        ("a", "2024-03-31", -2.0, None),
        ("b", "2024-03-01", 7.0, "web"),
        ("c", "2024-04-01", 9.0, "web"),
    ],
    columns=["customer_id", "date", "amount", "channel"],
)

EXPRESSIONS = {
    "spend_30d": pl.col("amount").filter(pl.col("days_ago") < 30).sum(),
    "last_amount": pl.col("amount").last(),
    "web_share": (pl.col("channel") == "web").mean(),
    "bought_online": (pl.col("channel") == "web").any(),
    "n_refunds": (pl.col("amount") < 0).sum(),
    "weekdays": pl.col("date").dt.weekday().n_unique(),
    "n_lines": pl.len(),
    "spread": pl.col("amount").max() - pl.col("amount").min(),
}


def longest_wait(events):
    wait = np.append(events.days_ago[:-1] - events.days_ago[1:], 0.0)
    last = events.offsets[1:][events.n_events > 0] - 1
    wait = wait.copy()
    wait[last] = 0.0
    return events.reduce(np.maximum, wait, empty=np.nan)


def web_orders(events):
    return events.reduce(np.add, events["channel"] == "web")


OWN = ExpressionFeatures({**EXPRESSIONS, "longest_wait": longest_wait, "web_orders": web_orders})


@pytest.fixture(scope="module")
def X():
    X = latest_histories(LOG, attributes=["channel"])
    return replace_histories(X, get_histories(X).cut_back("2024-03-31"))


def test_values_by_hand(X):
    features = OWN.set_output(transform="pandas").fit_transform(X).droplevel("cutoff")
    # "web_share" is a mean of what is known. Customer c has no events by the cutoff.
    expected = pd.DataFrame(
        {
            "spend_30d": [3.0, 0.0, 0.0],
            "last_amount": [-2.0, 7.0, NAN],
            "web_share": [0.5, 1.0, NAN],
            "bought_online": [1.0, 1.0, 0.0],
            "n_refunds": [1.0, 0.0, 0.0],
            "weekdays": [3.0, 1.0, 0.0],
            "n_lines": [3.0, 1.0, 0.0],
            "spread": [22.0, 0.0, NAN],
            "longest_wait": [30.0, 0.0, NAN],
            "web_orders": [1.0, 1.0, 0.0],
        },
        index=["a", "b", "c"],
    )
    pd.testing.assert_frame_equal(features, expected, check_names=False)


def test_contract():
    own = clone(OWN)
    check_history_transformer(own, ignores_dates=True, n_logs=1, calendar_features=["weekdays"])


def test_large_batches_have_the_same_bits_as_single_rows():
    rng = np.random.default_rng(0)
    n = 60_000
    log = pd.DataFrame(
        {
            "customer_id": np.sort(rng.integers(0, 9_000, n)),
            "date": np.datetime64("2024-01-01") + rng.integers(0, 300, n),
            "amount": rng.gamma(1.0, 30.0, n),
        }
    )
    X = latest_histories(log)
    sums = {"total": pl.col("amount").sum(), "mean": pl.col("amount").mean()}
    fitted = ExpressionFeatures(sums).fit(X)
    whole = fitted.transform(X)
    for rows in (slice(0, 1), slice(5_000, 5_100), rng.permutation(len(X))):
        assert_array_equal(fitted.transform(X.iloc[rows]), whole[rows])


def test_stands_in_a_union(X):
    union = HistoryUnion([("rfm", RFMFeatures()), ("own", ExpressionFeatures(EXPRESSIONS))])
    assert union.fit(X).get_feature_names_out()[-2:].tolist() == ["n_lines", "spread"]


# --- leaks ------------------------------------------------------------------------------------


def test_the_events_end_at_the_cutoff_and_cannot_be_changed(X):
    seen = []

    def look(events):
        seen.append((events.date.max(), events.days_ago.min(), events.cutoff[0]))
        for values in (events.amount, events.days_ago, events.date, events.offsets):
            assert not values.flags.writeable
        return events.n_events

    ExpressionFeatures({"look": look}).fit(X).transform(X)
    assert {date <= cutoff and ago >= 0 for date, ago, cutoff in seen} == {True}


@pytest.mark.parametrize(
    "leak",
    [
        lambda events: events.n_events - events.n_events.mean(),
        lambda events: np.arange(len(events)),
        lambda events: np.diff(np.cumsum(np.append(0.1, events.reduce(np.add, events.amount)))),
        lambda events: np.argsort(np.argsort(events.reduce(np.add, events.amount))),
    ],
    ids=["mean of the batch", "position", "running sum", "rank"],
)
def test_functions_that_mix_rows_are_refused(leak):
    X = latest_histories(load_cdnow())
    with pytest.raises(ArgumentError, match="the feature 'leak' of a row depends on the other"):
        ExpressionFeatures({"leak": leak}).fit(X)


def test_a_leak_that_fit_does_not_meet_is_found_by_the_suite():
    leak = ExpressionFeatures({"leak": centred_in_large_batches})
    with pytest.raises(AssertionError, match="the batch change the features"):
        check_history_transformer(leak, n_logs=1, granularities=["D"])


def centred_in_large_batches(events):
    large = len(events) > 50
    return events.n_events - (events.n_events.mean() if large else 0.0)


def test_expressions_see_one_row_even_in_windows_over_other_columns(X):
    by_channel = {"level": pl.col("amount").sum().over("channel").max()}
    fitted = ExpressionFeatures(by_channel).fit(X)
    # Over all rows the channel "web" has 27.
    assert_array_equal(fitted.transform(X)[:, 0], [20.0, 7.0, NAN])


# --- storage ----------------------------------------------------------------------------------


def test_expressions_are_stored_as_text_with_trusted_types(X):
    fitted = ExpressionFeatures(EXPRESSIONS).fit(X)
    stored = skops.io.dumps(fitted)
    assert untrusted(skops.io.get_untrusted_types(data=stored)) == []
    loaded = skops.io.loads(stored, trusted=list(TRUSTED_TYPES))
    assert_array_equal(loaded.transform(X), fitted.transform(X))
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), fitted.transform(X))


def test_functions_are_stored_by_name_and_are_not_trusted(X):
    fitted = clone(OWN).fit(X)
    stored = skops.io.dumps(fitted)
    asked = skops.io.get_untrusted_types(data=stored)
    assert {name.rsplit(".")[-1] for name in untrusted(asked)} == {"longest_wait", "web_orders"}
    assert_array_equal(skops.io.loads(stored, trusted=asked).transform(X), fitted.transform(X))


def test_a_lambda_cannot_be_stored(X):
    fitted = ExpressionFeatures({"n": lambda events: events.n_events}).fit(X)
    for dump in (pickle.dumps, skops.io.dumps):
        with pytest.raises(ArgumentError, match=r"the feature 'n' is .*<lambda>, which cannot be"):
            dump(fitted)


@pytest.mark.parametrize(
    "expression",
    [
        pl.col("amount").map_batches(lambda values: values).sum(),
        pl.col("amount").map_elements(abs, return_dtype=pl.Float64).sum(),
        pl.col("amount").is_in(pl.Series([1.0, 2.0])).any(),
    ],
    ids=["map_batches", "map_elements", "data"],
)
def test_expressions_that_hold_code_or_data_cannot_be_stored(expression):
    with pytest.raises(ArgumentError, match=r"'own' cannot be stored, for it holds \['"):
        pickle.dumps(ExpressionFeatures({"own": expression}))


def test_a_forged_expression_is_not_read():
    code = pl.col("amount").map_batches(lambda values: values).meta.serialize(format="json")
    with pytest.raises(ModelFormatError, match=r"holds \['AnonymousFunction'"):
        expression_from_text("own", code)
    # A repeated key, of which one reader takes the first and the other the last.
    twice = '{"Agg":{"Sum":{"Column":"a"}},"AnonymousFunction":{},"Agg":{"Sum":{"Column":"a"}}}'
    with pytest.raises(ModelFormatError, match="AnonymousFunction"):
        expression_from_text("own", twice)


def test_text_of_another_version_is_told():
    text = json.dumps({"Agg": {"Sum": {"Column": {"Column": "amount"}}}})
    with pytest.raises(ModelFormatError, match=r"cannot be read by Polars \d"):
        expression_from_text("own", text)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_come_back(name):
    text = expression_to_text(name, EXPRESSIONS[name])
    assert expression_from_text(name, text).meta.eq(EXPRESSIONS[name])


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({}, "features is empty"),
        ({"a": 3.0}, "the feature 'a' is a float"),
        ({1: pl.len()}, "the feature 1 is a Expr"),
        ({"a": pl.col("amount")}, "'a' gives a list of values for each row"),
        ({"a": pl.col("channel").last()}, "'a' gives String, and features are numbers"),
        ({"a": lambda events: events.amount}, r"'a' has the shape \(4,\) for 3 rows"),
        ({"a": lambda events: events["store"]}, r"no attribute 'store' \(there are: \['channel'\]"),
    ],
    ids=["empty", "number", "name", "no aggregation", "text", "per event", "attribute"],
)
def test_what_is_refused(X, features, message):
    with pytest.raises(ArgumentError, match=message):
        ExpressionFeatures(features).fit(X)


def test_an_attribute_called_like_a_column():
    log = LOG.rename(columns={"channel": "days_ago"})
    X = latest_histories(log, attributes=["days_ago"])
    with pytest.raises(ArgumentError, match=r"the attributes \['days_ago'\] have names of columns"):
        ExpressionFeatures({"n": pl.len()}).fit(X)
