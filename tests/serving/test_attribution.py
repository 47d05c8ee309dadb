"""Parts sum to the whole, and each is what it should be where that is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.serving._attribution import log_mean, mean_slope, shapley_values

factors = st.lists(st.floats(0.01, 100), min_size=1, max_size=6)


@given(st.floats(1e-3, 1e3), factors)
def test_shares_of_factors_sum_to_what_they_do_together(base, factors):
    logs = np.log(factors)
    shares = log_mean(base, logs.sum()) * logs
    assert base + shares.sum() == pytest.approx(base * np.prod(factors), rel=1e-9)


def test_means_are_continuous():
    for step in (0.0, 1e-9, 0.9e-6, 1.1e-6):
        assert log_mean(3.0, step) == pytest.approx(3.0 * (1 + step / 2), rel=1e-9)
        assert mean_slope(np.exp, np.exp, 1.0, 1.0 + step) == pytest.approx(np.e, rel=2e-6)
    assert mean_slope(np.square, lambda x: 2 * x, 1.0, 3.0) == 4.0


def linear(weights):
    return lambda mask: mask @ np.asarray(weights, dtype=float)


@pytest.mark.parametrize("n_terms", [1, 3, 8, 9, 20])
def test_terms_of_a_sum_get_what_they_add(n_terms):
    weights = np.arange(n_terms) - 2.5
    base, values = shapley_values(lambda mask: 7 + linear(weights)(mask), n_terms)
    assert base == 7
    assert values == pytest.approx(weights)


def test_a_product_is_shared_fairly():
    base, values = shapley_values(lambda mask: np.where(mask, [3.0, 2.0], 1.0).prod(axis=1), 2)
    # Alone they add 2 and 1; with the other there 4 and 3.
    assert base == 1
    assert values == pytest.approx([3.0, 2.0])


@pytest.mark.parametrize("n_terms", [4, 12])
def test_a_factor_of_zero_is_no_exception(n_terms):
    own = np.r_[0.0, np.linspace(0.5, 2, n_terms - 1)]
    base, values = shapley_values(lambda mask: np.where(mask, own, 1.0).prod(axis=1), n_terms)
    assert base + values.sum() == pytest.approx(0.0, abs=1e-12)
    assert values[0] < 0


def test_drawn_orders_come_near_the_exact_values_and_do_not_change():
    """Ten terms, of which every two next to each other add something together."""

    def predict(mask):
        return mask.sum(axis=1) + 0.5 * (mask[:, :-1] & mask[:, 1:]).sum(axis=1)

    base, values = shapley_values(predict, 10)
    expected = np.r_[1.25, np.full(8, 1.5), 1.25]
    assert base + values.sum() == pytest.approx(expected.sum())
    # An order and its reverse cancel what only two terms do together.
    assert values == pytest.approx(expected)
    assert np.array_equal(values, shapley_values(predict, 10)[1])


def test_without_terms_there_is_the_base():
    base, values = shapley_values(lambda mask: np.full(len(mask), 5.0), 0)
    assert (base, len(values)) == (5.0, 0)
