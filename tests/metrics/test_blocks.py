"""Blocks against loops over the rows, in fractions where sums must be exact."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.metrics._blocks import rank_in_blocks
from clvkit.metrics._validation import Checked

QUARTERS = st.integers(-8, 40).map(lambda euros: euros / 4)
ROWS = st.lists(st.tuples(QUARTERS, QUARTERS, st.integers(1, 9)), min_size=1, max_size=25)


def checked(rows):
    return Checked(*(np.array(column, dtype=float) for column in zip(*rows, strict=True)))


def tied(rows):
    """Return the lists of rows with equal predictions, highest first."""
    return [
        [row for row in rows if row[1] == level] for level in sorted({r[1] for r in rows})[::-1]
    ]


@given(ROWS)
def test_blocks_are_sums_over_equal_predictions(rows):
    blocks = rank_in_blocks(checked(rows))
    for column, of_row in {
        "weight": lambda y, pred, weight: weight,
        "spend": lambda y, pred, weight: weight * y,
        "predicted": lambda y, pred, weight: weight * pred,
        "buyers": lambda y, pred, weight: weight * (y > 0),
        "lapsed": lambda y, pred, weight: weight * (y <= 0),
    }.items():
        expected = [sum(of_row(*row) for row in block) for block in tied(rows)]
        assert getattr(blocks, column).tolist() == expected, column


def spend_of_the_best(rows, share, value):
    """Give each customer of a block the block's mean, and take from the top until full."""
    left = Fraction(share) * sum(row[2] for row in rows)
    taken = Fraction(0)
    for block in tied(rows):
        size = sum(row[2] for row in block)
        mean = sum(Fraction(value(row)) * row[2] for row in block) / size
        taken += mean * min(size, max(left, 0))
        left -= size
    return float(taken)


@given(ROWS, st.fractions(0, 1))
def test_spend_of_a_share_is_taken_from_the_top(rows, share):
    blocks = rank_in_blocks(checked(rows))
    at = np.array([float(share)])
    for curve, value in ((blocks.spend_up_to, 0), (blocks.predicted_up_to, 1)):
        expected = spend_of_the_best(rows, share, lambda row, value=value: row[value])
        assert curve(at)[0] == pytest.approx(expected, abs=1e-9)


@given(ROWS)
def test_gain_is_the_area_between_curve_and_diagonal(rows):
    """The area under a polygon by Green's theorem, instead of by trapezoids."""
    total = sum(row[2] for row in rows)
    corners, share, spend = [(Fraction(0), Fraction(0))], Fraction(0), Fraction(0)
    for block in tied(rows):
        share += Fraction(sum(row[2] for row in block), total)
        spend += sum(Fraction(row[0]) * row[2] for row in block)
        corners.append((share, spend))
    around = zip(corners, corners[1:] + corners[:1], strict=True)
    area = -sum(x * y_next - x_next * y for (x, y), (x_next, y_next) in around) / 2
    assert rank_in_blocks(checked(rows)).gain_over_random() == pytest.approx(float(area), abs=1e-9)


@given(ROWS)
def test_shares_end_at_one_exactly(rows):
    share = rank_in_blocks(checked(rows)).share_of_customers()
    assert share[0] == 0.0
    assert share[-1] == 1.0
    assert (np.diff(share) > 0).all()
