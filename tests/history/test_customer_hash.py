"""A hash that never changes, and spreads customers evenly."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.history import _customer_hash
from clvkit.history._customer_hash import hash_customers

MASK = 2**64 - 1


def mixed(value: int) -> int:
    """SplitMix64 as it is published, in whole numbers of Python."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def folded(text: str) -> int:
    """The definition in the docstring, byte by byte."""
    terms = ((1 + byte) * 6364136223846793005**j for j, byte in enumerate(text.encode()))
    return sum(terms) & MASK


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_by_the_definition(values):
    expected = [mixed(value & MASK) for value in values]
    assert hash_customers(pl.Series(values, dtype=pl.Int64)).tolist() == expected


@given(st.lists(st.text(), min_size=1))
def test_texts_by_the_definition(values):
    expected = [mixed(folded(value)) for value in values]
    assert hash_customers(pl.Series(values, dtype=pl.String)).tolist() == expected


def test_the_first_output_of_splitmix64_from_seed_0_is_the_published_one():
    assert hash_customers(pl.Series([0])).tolist() == [0xE220A8397B1DCDAF]


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt16, pl.Int32, pl.UInt64], ids=str)
def test_the_width_of_whole_numbers_does_not_matter(dtype):
    values = [0, 1, 100]
    same = hash_customers(pl.Series(values, dtype=dtype)) == hash_customers(pl.Series(values))
    assert same.all()


def test_floats_are_told_apart_and_both_zeros_are_one():
    hashes = hash_customers(pl.Series([0.0, -0.0, 0.5, 1.0]))
    assert hashes[0] == hashes[1]
    assert len(set(hashes.tolist())) == 3


def test_slices_and_blocks_change_nothing(monkeypatch):
    ids = pl.Series([f"client {i}" for i in range(100)])
    whole = hash_customers(ids)
    monkeypatch.setattr(_customer_hash, "_BLOCK", 7)
    np.testing.assert_array_equal(hash_customers(ids), whole)
    np.testing.assert_array_equal(hash_customers(ids.slice(13, 20)), whole[13:33])
    assert len(hash_customers(ids.head(0))) == 0


@pytest.mark.parametrize("made", [lambda i: i, lambda i: f"C{i:07}", lambda i: float(i)])
def test_parts_are_about_of_one_size(made):
    n, parts = 20_000, 16
    counts = np.bincount(hash_customers(pl.Series(map(made, range(n)))) % parts, minlength=parts)
    # Binomial: five standard deviations around the mean.
    assert abs(counts - n / parts).max() < 5 * np.sqrt(n / parts)
