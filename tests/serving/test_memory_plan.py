"""Parts follow from lines and memory."""

from __future__ import annotations

import polars as pl
import pytest

from clvkit.errors import ArgumentError
from clvkit.serving._batches.sizes import MemoryPlan


@pytest.mark.parametrize("memory", ["1.25GB", "4GB", "64GB"])
def test_more_lines_or_attributes_make_more_parts_and_memory_fewer(memory):
    plan, twice = MemoryPlan.of(memory), MemoryPlan.of("128GB")
    parts = [plan.n_partitions(n, 0) for n in (1, 10**6, 10**8, 10**10)]
    assert parts[0] == 1
    assert parts == sorted(parts)
    assert parts[-1] > twice.n_partitions(10**10, 0)
    assert plan.n_partitions(10**9, 5) > plan.n_partitions(10**9, 0)
    assert 2**14 <= plan.chunk_rows <= 2**21


def test_a_log_that_fits_is_told_without_reading_it(tmp_path):
    plan = MemoryPlan.of("1.25GB")
    frame = pl.DataFrame({"customer_id": range(1000)})
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "a.csv")
    assert plan.is_enough(tmp_path / "a.parquet", 0)
    assert plan.is_enough(tmp_path / "a.csv", 0)
    with (tmp_path / "large.csv").open("wb") as large:
        large.truncate(10**9)  # a file of holes, which takes no room
    assert not plan.is_enough(tmp_path / "large.csv", 0)


def test_too_little_is_refused():
    with pytest.raises(ArgumentError, match=r"at least '1\.25GB'"):
        MemoryPlan.of("1GB")
