import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clvkit.serving._segments import assign_segments, learn_edges


@pytest.mark.parametrize("n", [10, 100, 2_357])
def test_distinct_values_fall_into_equal_tenths(n):
    predicted = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    segments = assign_segments(predicted, learn_edges(predicted))
    counts = np.bincount(segments, minlength=11)[1:]
    assert counts.max() - counts.min() <= 1
    assert segments[predicted.argmax()] == 10
    assert segments[predicted.argmin()] == 1


def test_a_shared_value_is_put_in_the_middle_of_its_tenths():
    predicted = np.r_[np.zeros(60), np.arange(1.0, 41)]
    segments = assign_segments(predicted, learn_edges(predicted))
    assert set(segments[:60]) == {3}
    np.testing.assert_array_equal(np.bincount(segments[60:])[7:], [10, 10, 10, 10])


def test_values_beyond_training_are_in_the_outer_segments():
    edges = learn_edges(np.arange(100.0))
    np.testing.assert_array_equal(assign_segments(np.array([-5.0, 1e9]), edges), [1, 10])


@given(arrays(int, st.integers(1, 60), elements=st.integers(0, 1_000)))
def test_segments_rise_with_value_and_forgive_the_last_bit(eighths):
    predicted = eighths / 8
    edges = learn_edges(predicted)
    segments = assign_segments(predicted, edges)
    assert np.all(np.diff(segments[np.argsort(predicted, kind="stable")]) >= 0)
    for nudge in (1 - 1e-14, 1 + 1e-14):
        np.testing.assert_array_equal(assign_segments(predicted * nudge, edges), segments)
