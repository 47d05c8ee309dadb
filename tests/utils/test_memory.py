"""Sizes of memory as people write them."""

from __future__ import annotations

import pytest

from clvkit.errors import ArgumentError
from clvkit.utils._memory import parse_memory


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("4GB", 4e9), ("1.5 MB", 1.5e6), ("2kB", 2e3), ("1KiB", 1024), ("1TiB", 2**40), (" 7B ", 7)],
)
def test_sizes(text, n_bytes):
    assert parse_memory(text) == n_bytes


@pytest.mark.parametrize("text", ["", "4", "4 gigabytes", "-1GB", "0GB", "4Gb", "nan GB"])
def test_other_texts_are_refused(text):
    with pytest.raises(ArgumentError, match=r"is no size.*'4GB'"):
        parse_memory(text)
