import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import d2_tweedie_score, mean_absolute_error, root_mean_squared_error

from clvkit.errors import TargetError
from clvkit.metrics import d2_tweedie, mae, mape_buyers, rmse


@pytest.mark.parametrize("power", [1, 1.2, 1.5, 1.9])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_d2_tweedie_is_scikit_learns_on_floored_predictions(spend, power, weighted):
    y, pred = spend
    weight = np.random.default_rng(0).integers(0, 4, len(y)) if weighted else None
    floored = np.maximum(pred, np.average(y, weights=weight) / 1000)
    assert (floored > pred).any()
    expected = d2_tweedie_score(y, floored, power=power, sample_weight=weight)
    assert d2_tweedie(y, pred, power=power, sample_weight=weight) == pytest.approx(expected)


def test_d2_tweedie_of_zeros_and_negatives_is_finite(spend):
    y, _ = spend
    nothing = d2_tweedie(y, np.zeros_like(y))
    assert np.isfinite(nothing)
    assert nothing < 0
    assert d2_tweedie(y, np.full_like(y, -5.0)) == nothing


@pytest.mark.parametrize(
    ("y", "pred", "expected"),
    [
        pytest.param([0, 0, 0], [0, 0, 0], 1.0, id="all zero, perfect"),
        pytest.param([0, 0, 0], [-1, 0, -2], 1.0, id="all zero, floored to perfect"),
        pytest.param([0, 0, 0], [0, 0, 1], 0.0, id="all zero, wrong"),
        pytest.param([0.1, 0.1, 0.1], [0.1, 0.1, 0.1], 1.0, id="constant, perfect"),
        pytest.param([0.1, 0.1, 0.1], [0.1, 0.1, 0.2], 0.0, id="constant, wrong"),
        pytest.param([4], [4], 1.0, id="one customer"),
    ],
)
def test_d2_tweedie_where_there_is_nothing_to_explain(y, pred, expected):
    assert d2_tweedie(y, pred) == expected


def test_d2_tweedie_of_a_perfect_prediction_pays_for_the_floor_only():
    assert d2_tweedie([3, 5, 40], [3, 5, 40]) == pytest.approx(1, abs=1e-12)
    with_zero = d2_tweedie([0, 5, 40], [0, 5, 40])
    floored = d2_tweedie_score([0, 5, 40], [0.015, 5, 40], power=1.5)
    assert with_zero == pytest.approx(floored)
    assert 0.97 < with_zero < 1


def test_d2_tweedie_does_not_depend_on_the_currency(spend):
    y, pred = spend
    assert d2_tweedie(100 * y, 100 * pred) == pytest.approx(d2_tweedie(y, pred))


@pytest.mark.parametrize("power", [0, 0.99, 2, 3])
def test_d2_tweedie_refuses_powers_without_zeros(power):
    with pytest.raises(ValueError, match=f"at least 1 and below 2.*got {power}"):
        d2_tweedie([0, 1], [1, 1], power=power)


def test_d2_tweedie_names_negative_targets():
    with pytest.raises(TargetError, match=r"2 negative values, such as -3.*floor=0\.0"):
        d2_tweedie([0, -3, -1, 7], [1, 1, 1, 1])


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_rmse_and_mae_are_scikit_learns(spend, weighted):
    y, pred = spend
    weight = np.random.default_rng(1).random(len(y)) if weighted else None
    assert rmse(y, pred, sample_weight=weight) == pytest.approx(
        root_mean_squared_error(y, pred, sample_weight=weight)
    )
    assert mae(y, pred, sample_weight=weight) == pytest.approx(
        mean_absolute_error(y, pred, sample_weight=weight)
    )


def test_mae_prefers_predicting_nothing_to_the_truth():
    rng = np.random.default_rng(3)
    expected = np.repeat([2.0, 20.0], 500)
    y = np.where(rng.random(1000) < 0.2, 5 * expected, 0)
    assert mae(y, np.zeros(1000)) < mae(y, expected)
    assert d2_tweedie(y, np.zeros(1000)) < 0 < d2_tweedie(y, expected)


def test_mape_looks_at_buyers_only():
    assert mape_buyers([0, 0, 10, 20], [99, 5, 15, 20]) == 0.25
    assert mape_buyers([10, 20], [15, 20], sample_weight=[3, 1]) == pytest.approx(0.375)


def test_mape_without_buyers_is_undefined():
    with pytest.warns(UndefinedMetricWarning, match="mape_buyers is undefined"):
        assert np.isnan(mape_buyers([0, 0], [1, 2]))
