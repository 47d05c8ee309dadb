"""Sums over numbers of purchases by few of them."""

from itertools import pairwise

import numpy as np
import pytest

from clvkit.btyd._rhythm_counts import count_levels, count_rule


@pytest.mark.parametrize("top", [1, 7, 24, 25, 100, 5_000])
@pytest.mark.parametrize("power", [0, 1, 5])
def test_polynomials_are_summed_to_rounding(top, power):
    counts, weights = count_rule(top, exact=24)
    levels = count_levels(top, 24)
    end = levels[-1][1] if levels else top
    assert end >= top
    expected = float((np.arange(1, end + 1, dtype=float) ** power).sum())
    assert counts**power @ weights == pytest.approx(expected, rel=1e-12)


def test_blocks_follow_each_other():
    levels = count_levels(1_000, 24)
    assert levels[0][0] == 24
    assert all(end == begin for (_, end), (begin, _) in pairwise(levels))


def test_many_purchases_take_few_counts():
    counts, _ = count_rule(1_000_000, exact=24)
    assert len(counts) < 250
