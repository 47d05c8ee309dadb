"""Which values get a place, and when."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from clvkit.features._vocabulary import Vocabulary, learn_vocabulary
from clvkit.history import get_histories, latest_histories
from clvkit.history._event_store import Attribute

MONDAY = np.datetime64("2024-01-01", "s")
SUNDAYS = (np.datetime64("2024-01-07") + 7 * np.arange(60)).astype(np.int64)


def learn(values, days, *, max_values=10, min_share=0.0, min_events=1, cutoff="2024-03-31"):
    date = MONDAY + np.array(days).astype("m8[D]")
    log = pd.DataFrame(
        {"customer_id": np.arange(len(values)) % 3, "date": date, "amount": 1.0, "v": values}
    )
    latest = get_histories(latest_histories(log, cutoff=cutoff, attributes=["v"]))
    return learn_vocabulary(
        latest, "v", max_values=max_values, min_share=min_share, min_events=min_events
    )


def test_the_most_frequent_of_a_week_come_first_and_equals_by_the_alphabet():
    vocabulary = learn(["c", "b", "a", "c", "b", "d"], [0, 1, 2, 3, 4, 6])
    assert vocabulary.values == ["b", "c", "a", "d"]
    assert_array_equal(vocabulary.since, SUNDAYS[[0] * 4])


def test_a_place_is_kept_whatever_becomes_frequent_later():
    vocabulary = learn(["b", *"aaaa", *"ccc"], [6, 7, 7, 7, 7, 7, 7, 7], max_values=2)
    assert vocabulary.values == ["b", "a"]
    assert_array_equal(vocabulary.since, SUNDAYS[[0, 1]])


def test_a_week_that_has_not_ended_gives_no_places():
    assert learn(["a"], [0], cutoff="2024-01-06").values == []
    assert learn(["a"], [0], cutoff="2024-01-07").values == ["a"]


def test_values_that_are_too_rare_wait():
    values, days = [*"aaab", *"bbb"], [0, 0, 0, 0, 10, 20, 20]
    vocabulary = learn(values, days, min_share=0.5)
    assert vocabulary.values == ["a", "b"]
    assert_array_equal(vocabulary.since, SUNDAYS[[0, 2]])
    vocabulary = learn(values, days, min_events=2)
    assert_array_equal(vocabulary.since, SUNDAYS[[0, 1]])
    assert learn(values, days, min_events=5).values == []


def test_missing_values_are_no_events_of_the_attribute():
    vocabulary = learn(["a", *[None] * 9], [0] * 10, min_share=0.9)
    assert vocabulary.values == ["a"]


def test_without_any_value():
    assert learn(np.array([None, None], dtype=object), [0, 1]).values == []
    empty = get_histories(
        latest_histories(
            pd.DataFrame({"customer_id": [1], "date": [MONDAY], "amount": [1.0], "v": ["a"]}),
            attributes=["v"],
        )
    )
    vocabulary = learn_vocabulary(empty[:0], "v", max_values=3, min_share=0.0, min_events=1)
    assert vocabulary.values == []


def test_places_of_values_that_are_known_unknown_and_missing():
    vocabulary = Vocabulary(["b", "x", "a"], np.zeros(3, dtype=np.int64))
    attribute = Attribute(np.array([0, 1, 2, -1], dtype=np.int32), ["a", "b", "c"])
    assert_array_equal(vocabulary.places(attribute, other=7, missing=8), [2, 0, 7, 8])


def slow(values, days, max_values, min_share, min_events, n_weeks):
    """Go through the weeks with pandas."""
    places, since = [], []
    for i in range(n_weeks):
        count = pd.Series(values)[np.array(days) < 7 * (i + 1)].value_counts()
        found = count[(count >= min_events) & (count >= min_share * count.sum())]
        found = found.drop([v for v in places if v in found.index])
        ranked = sorted(found.index, key=lambda v: (-found[v], v))
        for value in ranked[: max_values - len(places)]:
            places.append(value)
            since.append(SUNDAYS[i])
    return places, since


@given(
    events=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", "d", "e", None]), st.integers(0, 80)),
        min_size=1,
        max_size=60,
    ),
    max_values=st.integers(1, 6),
    min_share=st.sampled_from([0.0, 0.1, 0.3]),
    min_events=st.integers(1, 4),
)
def test_against_a_slow_computation(events, max_values, min_share, min_events):
    values, days = zip(*events, strict=True)
    values = np.array(values, dtype=object)
    settings = {"max_values": max_values, "min_share": min_share, "min_events": min_events}
    vocabulary = learn(values, days, **settings)
    expected = slow(values, days, **settings, n_weeks=13)
    assert (vocabulary.values, vocabulary.since.tolist()) == expected


@pytest.mark.parametrize("max_values", [1, 2, 3])
def test_later_events_only_fill_empty_places(max_values):
    values, days = [*"aabbc"], [0, 1, 2, 8, 9]
    before = learn(values, days, max_values=max_values)
    after = learn([*values, *"zzzzzz"], [*days, *[50] * 6], max_values=max_values)
    assert after.values[: len(before.values)] == before.values
    assert_array_equal(after.since[: len(before.since)], before.since)
