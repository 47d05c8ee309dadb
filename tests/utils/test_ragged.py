import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.utils._ragged import (
    concatenated_ranges,
    ragged_searchsorted,
    segment_reduce,
    starts_of_runs,
)


@st.composite
def segments(draw, sorted_values=False):
    """Values and segments of them: in any order, overlapping, empty, ending at the end."""
    values = draw(st.lists(st.integers(-9, 9), max_size=30))
    values = np.array(sorted(values) if sorted_values else values, dtype=np.int64)
    bounds = st.tuples(*[st.integers(0, len(values))] * 2).map(sorted)
    pairs = draw(st.lists(bounds, max_size=20))
    begin, end = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return values, begin.copy(), end.copy()


NAIVE = {np.add: sum, np.maximum: max, np.minimum: min}


@pytest.mark.parametrize("ufunc", NAIVE, ids=lambda ufunc: ufunc.__name__)
@given(case=segments())
def test_segment_reduce_equals_a_loop(ufunc, case):
    values, begin, end = case
    result = segment_reduce(ufunc, values, begin, end, empty=77)
    expected = [NAIVE[ufunc](values[b:e]) if e > b else 77 for b, e in zip(begin, end, strict=True)]
    assert result.tolist() == expected


@given(case=segments(), seed=st.integers(0, 2**32 - 1))
def test_a_float_sum_depends_on_its_own_segment_to_the_last_bit(case, seed):
    ints, begin, end = case
    values = np.random.default_rng(seed).lognormal(0, 6, len(ints))
    together = segment_reduce(np.add, values, begin, end, empty=0.0)
    for i, (b, e) in enumerate(zip(begin, end, strict=True)):
        own = values[b:e].copy()
        alone = segment_reduce(np.add, own, np.array([0]), np.array([e - b]), empty=0.0)
        assert alone[0] == together[i]


def test_a_long_float_sum_does_not_depend_on_where_it_lies():
    values = np.random.default_rng(3).lognormal(0, 6, 60_001)
    begin = np.array([0, 17, 20_003, 55_000])
    end = np.array([20_000, 40_017, 60_001, 60_001])
    together = segment_reduce(np.add, values, begin, end, empty=0.0)
    for i, (b, e) in enumerate(zip(begin, end, strict=True)):
        alone = segment_reduce(
            np.add, values[b:e].copy(), np.array([0]), np.array([e - b]), empty=0.0
        )
        assert alone[0] == together[i]


@pytest.mark.parametrize(
    ("values", "ufunc", "empty", "dtype"),
    [
        (np.ones(3, dtype=bool), np.add, 0, np.int64),
        (np.ones(3, dtype=bool), np.logical_and, True, np.bool_),
        (np.ones(3, dtype=np.int32), np.add, 0, np.int64),
        (np.ones(3, dtype=np.int64), np.maximum, -1, np.int64),
        (np.ones(3, dtype=np.int64), np.maximum, np.nan, np.float64),
        (np.ones(3), np.add, 0, np.float64),
    ],
    ids=["count", "all", "int32", "max", "max-nan", "sum"],
)
def test_type_of_segment_reduce(values, ufunc, empty, dtype):
    begin, end = np.array([0, 2]), np.array([3, 2])
    result = segment_reduce(ufunc, values, begin, end, empty=empty)
    assert result.dtype == dtype
    assert result[0] == ufunc.reduce(values)
    none = segment_reduce(ufunc, values[:0], begin[:0], end[:0], empty=empty)
    assert none.dtype == dtype


@given(case=segments())
def test_concatenated_ranges_equals_a_loop(case):
    _, begin, end = case
    expected = [i for b, e in zip(begin, end, strict=True) for i in range(b, e)]
    assert concatenated_ranges(begin, end).tolist() == expected


@given(case=segments(sorted_values=True), data=st.data())
def test_ragged_searchsorted_equals_a_loop(case, data):
    values, begin, end = case
    target = data.draw(st.lists(st.integers(-10, 10), min_size=len(begin), max_size=len(begin)))
    target = np.array(target, dtype=np.int64)
    expected = [
        b + np.searchsorted(values[b:e], t, side="right")
        for b, e, t in zip(begin, end, target, strict=True)
    ]
    begin_before, end_before = begin.copy(), end.copy()
    assert ragged_searchsorted(values, begin, end, target).tolist() == expected
    np.testing.assert_array_equal(begin, begin_before)
    np.testing.assert_array_equal(end, end_before)


@pytest.mark.parametrize("dense", [0, 10**9], ids=["bisecting", "counting"])
@given(case=segments(sorted_values=True), target=st.integers(-10, 10))
def test_one_target_for_all_equals_a_target_of_each(dense, case, target):
    values, begin, end = case
    each = ragged_searchsorted(values, begin, end, np.full(len(begin), target))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clvkit.utils._ragged._DENSE", dense)
        one = ragged_searchsorted(values, begin, end, target)
    assert one.tolist() == each.tolist()
    assert one.dtype == np.int64


@given(
    lengths=st.lists(st.integers(0, 4), max_size=10),
    data=st.data(),
)
def test_starts_of_runs_equals_a_loop(lengths, data):
    offsets = np.cumsum([0, *lengths])
    size = int(offsets[-1])
    keys = st.lists(st.integers(0, 2), min_size=size, max_size=size)
    key, other = (np.array(data.draw(keys), dtype=np.int64) for _ in range(2))
    firsts = {int(b) for b, n in zip(offsets[:-1], lengths, strict=True) if n}
    expected = [
        i in firsts or key[i] != key[i - 1] or other[i] != other[i - 1] for i in range(size)
    ]
    assert starts_of_runs(offsets, key, other).tolist() == expected
