"""Medians of ragged segments against NumPy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from clvkit.features._median import ragged_median


@given(st.lists(st.lists(st.integers(-1000, 1000), max_size=40), max_size=12))
def test_equals_numpy(segments):
    offsets = np.cumsum([0, *map(len, segments)])
    values = np.array([value / 4 for segment in segments for value in segment], dtype=float)
    expected = [np.median(segment) / 4 if segment else np.nan for segment in segments]
    assert_array_equal(ragged_median(values, offsets), expected)


def test_long_segments_among_short_ones():
    rng = np.random.default_rng(0)
    length = np.array([1, 5000, 2, 0, 777])
    offsets = np.cumsum([0, *length])
    values = rng.lognormal(size=offsets[-1])
    segments = np.split(values, offsets[1:-1])
    expected = [np.median(segment) if len(segment) else np.nan for segment in segments]
    assert_array_equal(ragged_median(values, offsets), expected)
