"""The formulas against loops over customers, one for each whole unit of weight."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.metrics import _formulas
from clvkit.metrics._blocks import rank_in_blocks
from clvkit.metrics._validation import Checked

SPEND = st.one_of(st.just(0.0), st.integers(1, 40).map(lambda euros: euros / 4))
PREDICTED = st.integers(0, 40).map(lambda euros: euros / 4)
ROWS = st.lists(st.tuples(SPEND, PREDICTED, st.integers(1, 4)), min_size=1, max_size=20)


def checked(rows):
    return Checked(*(np.array(column, dtype=float) for column in zip(*rows, strict=True)))


def customers(rows):
    """Return (spend, prediction) of every customer that the rows stand for."""
    return [(y, pred) for y, pred, weight in rows for _ in range(weight)]


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values) if values else math.nan


def assert_same(actual, expected):
    assert actual == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@given(ROWS)
def test_errors_customer_by_customer(rows):
    data, each = checked(rows), customers(rows)
    assert_same(_formulas.absolute_error(data), mean(abs(p - y) for y, p in each))
    assert_same(_formulas.root_mean_square(data), math.sqrt(mean((p - y) ** 2 for y, p in each)))
    assert_same(
        _formulas.percentage_error_of_buyers(data), mean(abs(p - y) / y for y, p in each if y > 0)
    )


@given(ROWS)
def test_bias_of_the_total(rows):
    spent, predicted = (math.fsum(column) for column in zip(*customers(rows), strict=True))
    expected = predicted / spent - 1 if spent else math.nan
    assert_same(_formulas.bias_of_total(checked(rows)), expected)


def deviance(y, mu, power):
    """Twice the integral of (y - t) t^-power from mu to y, written out."""
    if power == 1:
        return 2 * ((y * math.log(y / mu) if y else 0.0) - y + mu)
    return 2 * (
        y ** (2 - power) / ((1 - power) * (2 - power))
        - y * mu ** (1 - power) / (1 - power)
        + mu ** (2 - power) / (2 - power)
    )


@given(ROWS, st.sampled_from([1, 1.2, 1.5, 1.9]))
def test_tweedie_skill(rows, power):
    each = customers(rows)
    of_all = mean(y for y, _ in each)
    actual = _formulas.tweedie_skill(checked(rows), power)
    if len({y for y, _ in each}) == 1:
        right = all(max(pred, of_all / 1_000) == y for y, pred in each)
        assert actual == float(right)
        return
    of_model = mean(deviance(y, max(pred, of_all / 1_000), power) for y, pred in each)
    of_mean = mean(deviance(y, of_all, power) for y, _ in each)
    assert actual == pytest.approx(1 - of_model / of_mean, rel=1e-7, abs=1e-7)


@given(ROWS)
def test_area_under_roc_is_the_share_of_pairs_in_order(rows):
    each = customers(rows)
    pairs = [
        1.0 if above > below else 0.5 if above == below else 0.0
        for spent, above in each
        if spent > 0
        for nothing, below in each
        if nothing == 0
    ]
    assert_same(_formulas.area_under_roc(rank_in_blocks(checked(rows))), mean(pairs))


@given(st.lists(st.tuples(SPEND, st.floats(0, 1), st.integers(1, 4)), min_size=1, max_size=20))
def test_brier(rows):
    expected = mean((probability - (y > 0)) ** 2 for y, probability in customers(rows))
    assert_same(_formulas.brier(checked(rows)), expected)


def deciles(rows):
    """Split every customer in ten, so that a tenth of the customers is a whole number of parts.

    Ties share their spend out evenly, as a random order does in the mean.
    """
    each = customers(rows)
    level = {
        p: mean(spent for spent, other in each if other == p) for p in {pred for _, pred in each}
    }
    ranked = sorted((pred for _, pred in each), reverse=True)
    parts = [part for pred in ranked for part in [(pred, level[pred])] * 10]
    tenths = [parts[i * len(each) : (i + 1) * len(each)] for i in range(10)]
    return [[mean(part[column] for part in tenth) for tenth in tenths] for column in (0, 1)]


@given(ROWS)
def test_deciles_and_their_error(rows):
    blocks = rank_in_blocks(checked(rows))
    predicted, actual = deciles(rows)
    np.testing.assert_allclose(_formulas.decile_means(blocks), [predicted, actual], atol=1e-9)
    average = mean(y for y, _ in customers(rows))
    error = mean(abs(p - a) for p, a in zip(predicted, actual, strict=True))
    expected = error / average if average else math.nan
    assert_same(_formulas.calibration_error(blocks), expected)


@given(ROWS, st.sampled_from([0.1, 0.2, 0.5, 1.0]))
def test_captured_share(rows, share):
    _, actual = deciles(rows)
    total = sum(actual)
    expected = math.fsum(actual[: round(10 * share)]) / total if total else math.nan
    assert_same(_formulas.captured_share(rank_in_blocks(checked(rows)), share), expected)


def gain(values):
    """Return the sum over all customers of what the best so far spent beyond their fair part."""
    fair, so_far, total = math.fsum(values) / len(values), 0.0, 0.0
    for rank, value in enumerate(values, start=1):
        total += so_far + value / 2 - (rank - 0.5) * fair
        so_far += value
    return total


@given(ROWS)
def test_gini_ratio(rows):
    each = customers(rows)
    level = {
        p: mean(spent for spent, other in each if other == p) for p in {pred for _, pred in each}
    }
    by_prediction = [level[pred] for pred in sorted((p for _, p in each), reverse=True)]
    perfect = sorted((y for y, _ in each), reverse=True)
    data = checked(rows)
    actual = _formulas.gini_ratio(rank_in_blocks(data), rank_in_blocks(data._replace(pred=data.y)))
    alike = len(set(perfect)) == 1
    assert_same(actual, math.nan if alike else gain(by_prediction) / gain(perfect))
