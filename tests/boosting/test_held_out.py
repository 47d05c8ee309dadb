import numpy as np
import pandas as pd
import pytest

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.boosting._held_out import held_out_mask, held_out_share
from clvkit.errors import ArgumentError


def snapshots(n_customers, n_cutoffs):
    index = pd.MultiIndex.from_product(
        [range(n_customers), pd.date_range("2020-01-01", periods=n_cutoffs)],
        names=["customer_id", "cutoff"],
    )
    return pd.DataFrame({"x": np.arange(float(len(index)))}, index=index)


def test_customers_are_held_out_whole():
    X = snapshots(40, 3).sample(frac=1, random_state=0)
    mask = held_out_share(X, len(X), 0.25, np.random.RandomState(0))
    held_out, trained = (set(X.index[rows].get_level_values(0)) for rows in (mask, ~mask))
    assert len(held_out) == 10
    assert held_out.isdisjoint(trained)


@pytest.mark.parametrize("X", [np.zeros((50, 1)), pd.DataFrame({"x": np.zeros(50)})])
def test_each_row_is_a_customer_where_none_is_named(X):
    assert held_out_share(X, 50, 0.1, np.random.RandomState(0)).sum() == 5


@pytest.mark.parametrize("fraction", [0.001, 0.5])
def test_at_least_one_customer_is_held_out(fraction):
    assert held_out_share(None, 2, fraction, np.random.RandomState(0)).sum() == 1


@pytest.mark.parametrize(
    "rows",
    [[False, True, True, False], np.array([1, 2]), [2, 1], pd.Series([False, True, True, False])],
    ids=["mask", "positions", "order", "series"],
)
def test_masks_and_positions_mean_the_same(rows):
    np.testing.assert_array_equal(held_out_mask(rows, 4), [False, True, True, False])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([0, 4], "1 positions outside 0 to 3, such as 4", id="outside"),
        pytest.param([-1], "1 positions outside 0 to 3, such as -1", id="negative"),
        pytest.param([True, False], r"mask of shape \(4,\).*bool of shape \(2,\)", id="short"),
        pytest.param([0.5], "float64", id="floats"),
        pytest.param([0, 1, 2, 3], "4 of 4 rows are held out", id="all"),
        pytest.param([False] * 4, "0 of 4 rows are held out", id="none"),
    ],
)
def test_rows_that_cannot_be_held_out_are_refused(rows, message):
    with pytest.raises(ArgumentError, match=message):
        held_out_mask(rows, 4)


def test_a_single_customer_cannot_be_split():
    with pytest.raises(ArgumentError, match="early_stopping_rounds=None"):
        held_out_share(snapshots(1, 5), 5, 0.1, np.random.RandomState(0))


def test_rows_without_early_stopping_are_refused():
    with pytest.raises(ArgumentError, match="early_stopping_rounds is None"):
        TweedieLGBMRegressor().fit([[1.0], [2.0]], [0, 1], validation_rows=[0])
