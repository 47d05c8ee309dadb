import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import HistoryTypeError
from clvkit.history._event_store import Attribute, EventStore

words = st.lists(st.sampled_from(["web", "shop", "fax", "", "ünïcode", None]), max_size=12)


def encode(values):
    return Attribute.encode(np.array(values, dtype=object))


@given(values=words)
def test_decode_undoes_encode(values):
    attribute = encode(values)
    assert attribute.decode().tolist() == values
    assert attribute.categories == sorted({v for v in values if v is not None})
    assert pickle.loads(pickle.dumps(attribute)).decode().tolist() == values


@given(parts=st.lists(words, min_size=1, max_size=4))
def test_concatenate_unites_categories(parts):
    joined = Attribute.concatenate([encode(part) for part in parts])
    assert joined.decode().tolist() == [value for part in parts for value in part]
    if joined.categories:
        assert joined.categories == sorted(set(joined.categories))


@given(left=words, data=st.data())
def test_equals_is_that_of_the_values(left, data):
    same_length = st.lists(
        st.sampled_from(["web", "fax", None]), min_size=len(left), max_size=len(left)
    )
    right = data.draw(st.one_of(st.just(left), same_length))
    expected = [a == b for a, b in zip(left, right, strict=True)]
    assert encode(left).equals(encode(right)).tolist() == expected


def test_missing_numbers_equal_each_other_and_no_text():
    numbers = Attribute(np.array([1.0, np.nan, 2.0]))
    assert numbers.equals(Attribute(np.array([1.0, np.nan, 3.0]))).tolist() == [True, True, False]
    assert not numbers.equals(encode(["1.0", None, "2.0"])).any()


def test_numbers():
    attribute = Attribute.encode(np.array([1, 2]))
    assert attribute.values.dtype == np.float64
    assert attribute.categories is None
    joined = Attribute.concatenate([attribute, Attribute(np.array([np.nan]))])
    np.testing.assert_array_equal(joined.decode(), [1.0, 2.0, np.nan])


def test_an_attribute_of_no_events_goes_with_any_other():
    nothing = Attribute(np.empty(0))
    assert Attribute.concatenate([nothing, encode(["web"])]).decode().tolist() == ["web"]
    assert Attribute.concatenate([nothing, nothing]).decode().tolist() == []


def test_numbers_and_text_are_refused():
    with pytest.raises(HistoryTypeError, match=r"numbers in some of the histories and text in"):
        Attribute.concatenate([Attribute(np.ones(2)), encode(["web"])])


@pytest.fixture
def store():
    attributes = {"channel": encode(["web", None, "shop"]), "items": Attribute(np.arange(3.0))}
    return EventStore(np.arange(3), np.arange(3) * 1.5, attributes)


def test_take_and_concatenate(store):
    both = EventStore.concatenate([store.take(slice(1, 3)), store.take(np.array([0]))])
    assert both.time.tolist() == [1, 2, 0]
    assert both.amount.tolist() == [1.5, 3.0, 0.0]
    assert both.attributes["channel"].decode().tolist() == [None, "shop", "web"]
    assert both.attributes["items"].decode().tolist() == [1.0, 2.0, 0.0]
    assert len(both) == 3


def test_nbytes(store):
    assert store.nbytes == 3 * (8 + 8 + 4 + 8)


def test_the_arrays_given_stay_writeable():
    time = np.arange(3)
    store = EventStore(time, np.ones(3))
    assert time.flags.writeable
    assert np.shares_memory(store.time, time)
    assert not store.time.flags.writeable


def test_pruned_drops_categories_that_do_not_occur():
    attribute = Attribute(np.array([2, -1, 0, 2], dtype=np.int32), ["a", "b", "c"])
    pruned = attribute.pruned()
    assert pruned.categories == ["a", "c"]
    assert pruned.decode().tolist() == attribute.decode().tolist()
    assert pruned.pruned() is pruned
    nothing = Attribute(np.array([-1], dtype=np.int32), ["a"]).pruned()
    assert nothing.categories == []
    assert nothing.decode().tolist() == [None]
    numbers = Attribute(np.array([1.0]))
    assert numbers.pruned() is numbers
