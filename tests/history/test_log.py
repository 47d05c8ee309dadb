import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvkit.errors import LogError
from clvkit.history._log import open_log

TABLE = pd.DataFrame(
    {
        "customer_id": ["b", "a", "b", "a"],
        "date": pd.to_datetime(["2024-01-03", "2024-01-02", "2024-01-01", "2024-01-02"]),
        "amount": [1.0, 3.0, 2.0, 2.5],
        "channel": ["web", None, "shop", "web"],
        "items": [1, 2, 3, 4],
    }
)


def opened(table=TABLE, **options):
    plain = {"customer_id": "customer_id", "date": "date", "amount": "amount", "attributes": ()}
    plain |= {"covariates": None, "end": None, "refunds": "net", "duplicates": "keep"}
    return open_log(table, **(plain | {"granularity": "D"} | options))


def day(text):
    return int(np.datetime64(text, "D").astype(int))


def test_events_lie_customer_by_customer_in_order():
    log = opened()
    assert log.customers.tolist() == ["a", "b"]
    offsets, time, amount = log.known.flat_events()
    assert offsets.tolist() == [0, 2, 4]
    assert time.tolist() == [day("2024-01-02")] * 2 + [day("2024-01-01"), day("2024-01-03")]
    assert amount.tolist() == [2.5, 3.0, 2.0, 1.0]
    assert len(log.known.store) == 4


@pytest.mark.parametrize(
    ("options", "start", "end"),
    [
        ({}, "2024-01-01", "2024-01-03"),
        ({"end": "2024-01-09"}, "2024-01-01", "2024-01-09"),
        ({"last": "2024-01-02"}, "2024-01-01", "2024-01-02"),
        ({"last": "2024-01-02", "end": "2024-01-09"}, "2024-01-01", "2024-01-09"),
    ],
    ids=["none", "end", "last", "both"],
)
def test_what_was_observed(options, start, end):
    log = opened(**options)
    assert (log.start, log.end) == (day(start), day(end))
    assert set(log.known.cutoff_moments) == {day(end)}
    assert log.known.dtype.end == end


def test_attributes_lie_beside_the_events():
    log = opened(attributes=["channel", "items"])
    assert log.known.flat_attribute("channel").decode().tolist() == ["web", None, "shop", "web"]
    assert log.known.flat_attribute("items").decode().tolist() == [4.0, 2.0, 3.0, 1.0]
    assert log.known.dtype.attributes == ("channel", "items")
    assert opened(attributes="items").known.dtype.attributes == ("items",)
    assert opened(attributes=["items", "items"]).known.dtype.attributes == ("items",)


KINDS = {
    "text": (["x", None, "z", "x"], ["x", None, "z", "x"]),
    "category": (pd.Categorical(["x", None, "z", "x"]), ["x", None, "z", "x"]),
    "bool": ([True, False, True, False], [1.0, 0.0, 1.0, 0.0]),
    "nullable": (pd.array([1, None, 3, 1], dtype="Int64"), [1.0, np.nan, 3.0, 1.0]),
    "date": ([datetime.date(2024, 1, 1)] * 4, ["2024-01-01"] * 4),
    "nothing": ([None] * 4, [None] * 4),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_attributes(kind):
    values, expected = KINDS[kind]
    log = opened(TABLE.assign(kind=values), attributes=["kind"])
    decoded = log.known.flat_attribute("kind").decode()
    by_event = {(c, a): v for c, a, v in zip("aabb", [2.5, 3.0, 2.0, 1.0], decoded, strict=True)}
    ours = [by_event[key] for key in zip(TABLE["customer_id"], TABLE["amount"], strict=True)]
    np.testing.assert_array_equal(np.array(ours, dtype=decoded.dtype), expected)


def test_attributes_that_cannot_be_kept():
    with pytest.raises(
        LogError, match=r"attribute 'tags' holds List\(String\).*Make it numbers or"
    ):
        opened(TABLE.assign(tags=[["x"]] * 4), attributes=["tags"])


@pytest.mark.parametrize("name", ["time", "date", "amount"])
def test_names_that_histories_use_themselves(name):
    with pytest.raises(LogError, match=f"attributes may not be called '{name}'"):
        opened(TABLE.assign(time=0), attributes=["channel", name])


def test_missing_numbers_sort_alike_however_they_are_missing():
    table = pd.DataFrame(
        {"customer_id": 1, "date": "2024-01-01", "amount": 1.0, "size": [2.0, np.nan, 1.0]}
    )
    nulls = pl.from_pandas(table, nan_to_null=True)
    nans = pl.from_pandas(table, nan_to_null=False)
    for other in (table, nulls, nans):
        sizes = opened(other, attributes=["size"]).known.flat_attribute("size").values
        np.testing.assert_array_equal(sizes, [np.nan, 1.0, 2.0])
