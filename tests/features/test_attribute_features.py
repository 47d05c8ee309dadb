"""AttributeFeatures on a log worked out by hand, and against a slow computation by pandas."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.errors import HistoryTypeError
from clvkit.features import AttributeFeatures
from clvkit.history import get_histories, latest_histories, replace_histories
from clvkit.serving._trust import TRUSTED_TYPES

# 1 January 2024 is a Monday: the week's places are given on the 7th.
LOG = pd.DataFrame(
    [
        ("a", "2024-01-02", 10.0, "web", 0.1),
        ("a", "2024-01-02", 5.0, "web", 0.0),
        ("a", "2024-01-20", -4.0, "shop", np.nan),
        ("b", "2024-01-03", 20.0, "shop", 0.0),
        ("b", "2024-01-10", 7.0, "app", np.nan),
        ("b", "2024-01-11", 3.0, None, 0.5),
        ("b", "2024-01-11", 2.0, "zoo", 0.3),
        ("refunds only", "2024-01-04", -5.0, "web", 1.0),
        ("leap day", "2024-02-29", 1.0, "app", np.nan),
        ("refunded", "2024-01-12", 0.1, "web", -1.0),
        ("refunded", "2024-01-13", 0.2, "web", 0.0),
        ("refunded", "2024-01-14", -0.3, "web", 0.0),
    ],
    columns=["customer_id", "date", "amount", "channel", "discount"],
).astype({"date": "datetime64[s]"})
BOTH = ["channel", "discount"]

BINS = ["channel=web", "channel=shop", "channel_other", "channel_missing"]
ENTROPY = {
    "a": np.log(3) - 2 / 3 * np.log(2),
    "b": 1.5 * np.log(2),
}
# events of web, shop, other, missing; net amounts; favourite, different values
EXPECTED = {
    "a": ([2, 1, 0, 0], [15, -4, 0, 0], 0, 2),
    "b": ([0, 1, 2, 1], [0, 20, 9, 3], 2, 3),
    "refunds only": ([1, 0, 0, 0], [-5, 0, 0, 0], 0, 1),
    "leap day": ([0, 0, 1, 0], [0, 0, 1, 0], 2, 1),
    "refunded": ([3, 0, 0, 0], [0, 0, 0, 0], 0, 1),
}
# mean, sum, positive share, missing share
DISCOUNT = {
    "a": (0.05, 0.1, 1 / 2, 1 / 3),
    "b": (0.8 / 3, 0.8, 2 / 3, 1 / 4),
    "refunds only": (1.0, 1.0, 1.0, 0.0),
    "leap day": (np.nan, 0.0, np.nan, 1.0),
    "refunded": (-1 / 3, -1.0, 0.0, 0.0),
}


def histories(log=LOG, cutoff="2024-02-29", attributes=BOTH):
    return latest_histories(log, cutoff=cutoff, attributes=attributes)


def small(**parameters):
    parameters = {"max_values": 2, "min_share": 0.0, "min_events": 1} | parameters
    return AttributeFeatures(**parameters).set_output(transform="pandas")


@pytest.fixture(scope="module")
def fitted():
    return small().fit(histories())


@pytest.mark.parametrize("customer", EXPECTED)
def test_text_by_hand(fitted, customer):
    row = fitted.transform(histories()).droplevel(1).loc[customer]
    events, spend, favourite, distinct = EXPECTED[customer]
    assert_array_equal(row[[f"{of}_events" for of in BINS]], events)
    assert_array_equal(row[[f"{of}_spend" for of in BINS]], spend)
    share = np.array(events) / sum(events)
    assert_allclose(row[[f"{of}_share" for of in BINS]], share, rtol=1e-15)
    assert_allclose(row["channel_entropy"], ENTROPY.get(customer, 0.0), rtol=1e-14)
    assert row["channel_favourite"] == favourite
    assert row["channel_favourite_share"] == max(share)
    assert row["channel_distinct"] == distinct


@pytest.mark.parametrize("customer", DISCOUNT)
def test_numbers_by_hand(fitted, customer):
    row = fitted.transform(histories()).droplevel(1).loc[customer]
    names = [f"discount_{m}" for m in ("mean", "sum", "positive_share", "missing_share")]
    assert_allclose(row[names], DISCOUNT[customer], rtol=1e-14)


def test_a_row_before_the_places_were_given_does_not_know_them(fitted):
    row = fitted.transform(histories(cutoff="2024-01-06")).droplevel(1).loc["a"]
    assert_array_equal(row[[f"{of}_events" for of in BINS]], [0, 0, 2, 0])
    assert row["channel_other_spend"] == 15.0
    assert row["channel_favourite"] == 2.0
    row = fitted.transform(histories(cutoff="2024-01-07")).droplevel(1).loc["a"]
    assert_array_equal(row[[f"{of}_events" for of in BINS]], [2, 0, 0, 0])


def test_rows_of_several_cutoffs_in_one_batch_each_know_their_own_places(fitted):
    X = histories()
    early = replace_histories(X, get_histories(X).cut_back("2024-01-06"))
    both = fitted.transform(pd.concat([X, early]))
    assert_array_equal(both[: len(X)], fitted.transform(X))
    assert_array_equal(both[len(X) :], fitted.transform(early))


def test_places_nobody_took_are_columns_of_zeros():
    names = small(max_values=6).fit(histories(attributes=["channel"])).get_feature_names_out()
    assert [n for n in names if "place" in n] == [
        f"channel_place_{i}_{m}" for i in (4, 5) for m in ("events", "spend", "share")
    ]
    features = small(max_values=6).fit_transform(histories())
    assert (features.filter(like="place") == 0.0).all(axis=None)


def test_histories_without_events(fitted):
    X = histories()
    X = replace_histories(X, get_histories(X).cut_back("2020-01-01"))
    features = fitted.transform(X)
    counts = [f"{of}_{m}" for of in BINS for m in ("events", "spend")]
    zero = [*counts, "channel_distinct", "discount_sum"]
    assert (features[zero] == 0.0).all(axis=None)
    assert features.drop(columns=zero).isna().all(axis=None)
    assert small().fit(X).transform(histories()).shape == (5, 20)


def test_no_attributes_no_features():
    X = latest_histories(LOG)
    group = AttributeFeatures().fit(X)
    assert group.transform(X).shape == (5, 0)
    assert list(group.get_feature_names_out()) == []
    assert group.transform(histories()).shape == (5, 0)


def test_chosen_attributes():
    features = small(attributes=["discount", "discount"]).fit_transform(histories())
    assert list(features.columns) == [
        f"discount_{m}" for m in ("mean", "sum", "positive_share", "missing_share")
    ]


def test_an_attribute_that_is_not_there(fitted):
    message = r"no attribute 'channel' \(they have: \['discount'\]\)"
    with pytest.raises(HistoryTypeError, match=message):
        fitted.transform(histories(attributes=["discount"]))
    with pytest.raises(HistoryTypeError, match="no attribute 'color'"):
        small(attributes=["color"]).fit(histories())


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("channel", 3.0, r"'channel' holds numbers, such as .*3.0.*, and text in the histories"),
        ("discount", "10%", r"'discount' holds text, such as '10%', and numbers"),
    ],
)
def test_an_attribute_of_another_kind(fitted, column, value, message):
    with pytest.raises(HistoryTypeError, match=message):
        fitted.transform(histories(LOG.assign(**{column: value})))


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_column_without_any_value_may_be_of_either_kind(fitted, missing):
    column = pd.Series([missing] * len(LOG), dtype=object if missing is None else float)
    features = fitted.transform(histories(LOG.assign(channel=column, discount=column)))
    assert (features["channel_missing_share"] == 1.0).all()
    assert (features["discount_missing_share"] == 1.0).all()


def test_values_that_fit_has_not_seen_are_other(fitted):
    # A value before all others moves the codes of the store.
    features = fitted.transform(histories(LOG.assign(channel="a novelty")))
    assert (features["channel_other_share"] == 1.0).all()
    assert (features["channel_distinct"] == 1.0).all()


def test_truth_values_and_infinite_numbers():
    log = LOG.assign(returned=LOG["amount"] < 0, discount=[np.inf, *[0.5] * 11])
    features = small().fit_transform(histories(log, attributes=["returned", "discount"]))
    a = features.droplevel(1).loc["a"]
    assert a["returned_positive_share"] == a["returned_mean"] == 1 / 3
    assert (a["discount_sum"], a["discount_missing_share"]) == (1.0, 1 / 3)


@pytest.mark.parametrize("n_values", [1, 3, 40, 4_000])
def test_many_values(n_values):
    """A table counts few different values, and a sort many."""
    rng = np.random.default_rng(n_values)
    n = 5_000
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 900, n),
            "date": np.datetime64("2024-01-01", "s"),
            "amount": 1.0,
            "product": rng.integers(0, n_values, n).astype(str),
        }
    )
    log.loc[rng.random(n) < 0.1, "product"] = None
    features = AttributeFeatures().set_output(transform="pandas")
    actual = features.fit_transform(histories(log, "2024-01-07", ["product"]))
    expected = log.groupby("customer_id")["product"].nunique()
    assert_array_equal(actual["product_distinct"], expected)


def slow(events, values, since, cutoff):
    """Return a row's events, spend and entropy by value with pandas."""
    known = [v for v, moment in zip(values, since, strict=True) if moment <= cutoff]
    missing = events["channel"].isna()
    bins = events["channel"].where(events["channel"].isin(known), "(other)")
    bins = bins.where(~missing, "(missing)")
    order = [*values, "(other)", "(missing)"]
    count = bins.value_counts().reindex(order, fill_value=0)
    spend = events.groupby(bins)["amount"].sum().reindex(order, fill_value=0.0)
    share = count[count > 0] / count.sum()
    return [*count], [*spend], -(share * np.log(share)).sum()


@given(
    seed=st.integers(0, 10_000),
    day=st.integers(0, 40),
    max_values=st.integers(1, 5),
    min_share=st.sampled_from([0.0, 0.2]),
)
def test_against_a_slow_computation(seed, day, max_values, min_share):
    rng = np.random.default_rng(seed)
    start = np.datetime64("2024-01-01")
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 6, 50),
            "date": (start + rng.integers(0, 41, 50)).astype("M8[s]"),
            "amount": rng.choice([5.0, 20.0, 80.0, -3.0], 50),
            "channel": rng.choice(np.array([*"abcd", None], dtype=object), 50),
        }
    )
    log.loc[0, "date"] = start.astype("M8[s]")
    group = small(max_values=max_values, min_share=min_share)
    group.fit(histories(log, "2024-02-10", ["channel"]))
    cutoff = start + day
    X = histories(log, str(cutoff), ["channel"])
    features = group.transform(X)
    values, since = group.values_["channel"], group.since_["channel"]
    bins = [*(f"channel={v}" for v in values), "channel_other", "channel_missing"]
    known = log[log["date"] <= cutoff]
    for customer, row in features.droplevel(1).iterrows():
        own = known[known["customer_id"] == customer]
        count, spend, entropy = slow(own, values, since, cutoff.astype(np.int64))
        assert_array_equal(row[[f"{of}_events" for of in bins]], count)
        assert_allclose(row[[f"{of}_spend" for of in bins]], spend)
        assert_allclose(row["channel_entropy"], entropy, rtol=1e-12, atol=1e-12)


def test_learnt_from_snapshots_as_from_the_latest_rows(fitted):
    X = histories()
    past = replace_histories(X, get_histories(X).cut_back("2024-01-09"))
    again = small().fit(pd.concat([past, X, past]))
    assert (again.values_, again.kinds_) == (fitted.values_, fitted.kinds_)
    assert_array_equal(again.since_["channel"], fitted.since_["channel"])


@pytest.mark.parametrize("container", ["default", "pandas", "polars"])
def test_round_trips_and_containers(container):
    group = small().set_output(transform=container).fit(histories())
    expected = group.transform(histories())
    kind = {"default": np.ndarray, "pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
    assert isinstance(expected, kind)
    stored = skops.io.loads(skops.io.dumps(group), trusted=TRUSTED_TYPES)
    for copy in (stored, pickle.loads(pickle.dumps(group))):
        assert_array_equal(np.asarray(copy.transform(histories())), np.asarray(expected))


def test_any_text_can_be_a_value_even_for_boosting():
    log = pd.concat([LOG.assign(customer_id=LOG["customer_id"] + str(i)) for i in range(9)])
    log["channel"] = log["channel"].map({"web": '{"a": [1, 2]}', "shop": "", "app": "ä b\n"})
    features = small(max_values=4).fit_transform(histories(log))
    y = features["channel_other_spend"] + 20.0
    model = TweedieLGBMRegressor(n_estimators=2).fit(features, y)
    assert model.predict(features).shape == y.shape


@pytest.mark.parametrize(
    "wrong", [{"max_values": 0}, {"min_share": 1.5}, {"min_events": 0}, {"attributes": "channel"}]
)
def test_refused_parameters(wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        AttributeFeatures(**wrong).fit(histories())
