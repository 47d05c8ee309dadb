import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from clvkit.metrics import decile_calibration_curve, decile_calibration_error, total_bias


def test_total_bias():
    assert total_bias([0, 50, 50], [10, 40, 40]) == pytest.approx(-0.1)
    assert total_bias([0, 50, 50], [10, 40, 40], sample_weight=[0, 1, 1]) == pytest.approx(-0.2)


def test_deciles_without_ties_are_the_tenths_of_the_sorted_rows():
    rng = np.random.default_rng(5)
    y, pred = rng.gamma(0.5, 10, 70), rng.permutation(70).astype(float)
    order = np.argsort(-pred)
    predicted, actual = decile_calibration_curve(y, pred)
    np.testing.assert_allclose(predicted, pred[order].reshape(10, 7).mean(axis=1))
    np.testing.assert_allclose(actual, y[order].reshape(10, 7).mean(axis=1))


def test_deciles_share_out_ties_and_split_customers_on_an_edge():
    predicted, actual = decile_calibration_curve([9, 0, 0, 3], [5, 1, 1, 1])
    np.testing.assert_allclose(predicted, [5, 5, 3, *[1] * 7])
    np.testing.assert_allclose(actual, [9, 9, 5, *[1] * 7])


def test_deciles_keep_the_totals(spend):
    y, pred = spend
    predicted, actual = decile_calibration_curve(y, pred)
    assert predicted.mean() == pytest.approx(pred.mean())
    assert actual.mean() == pytest.approx(y.mean())
    assert (np.diff(predicted) <= 0).all()


def test_calibration_error_of_a_scaled_prediction_is_its_bias():
    y = np.repeat(np.arange(1.0, 11), 4)
    assert decile_calibration_error(y, y) == pytest.approx(0)
    assert decile_calibration_error(y, 1.3 * y) == pytest.approx(0.3)


def test_calibration_error_sees_what_the_total_hides():
    y, pred = np.repeat([0.0, 20.0], 50), np.repeat([4.0, 16.0], 50)
    assert total_bias(y, pred) == 0
    assert decile_calibration_error(y, pred) == pytest.approx(0.4)


@pytest.mark.parametrize("metric", [total_bias, decile_calibration_error])
@pytest.mark.parametrize("y", [[0, 0], [-5, 2]], ids=["zero", "negative"])
def test_a_total_that_is_not_positive_is_undefined(metric, y):
    with pytest.warns(UndefinedMetricWarning, match=f"{metric.__name__} is undefined.*positive"):
        assert np.isnan(metric(y, [1, 2]))
