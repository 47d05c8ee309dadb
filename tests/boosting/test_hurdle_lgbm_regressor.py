import numpy as np
import pytest
from scipy.special import expit

from clvkit.boosting import HurdleLGBMRegressor
from clvkit.errors import UnknownNameError


@pytest.mark.parametrize("objective", ["gamma", "tweedie"])
def test_components_make_the_prediction_and_are_calibrated(objective, spend_data):
    X, y = spend_data
    model = HurdleLGBMRegressor(spend_objective=objective).fit(X, y)
    table = model.predict_components(X)
    assert list(table) == ["probability_active", "conditional_spend"]
    assert table.index.equals(X.index)
    np.testing.assert_array_equal(table.prod(axis=1), model.predict(X))
    assert table["probability_active"].mean() == pytest.approx(np.mean(y > 0), rel=1e-3)
    assert table["conditional_spend"][y > 0].mean() == pytest.approx(y[y > 0].mean(), rel=0.05)


def test_contributions_add_up_to_the_components(spend_data):
    X, y = spend_data
    model = HurdleLGBMRegressor().fit(X, y)
    table = model.predict_components(X)
    log_odds = model.predict_contributions(X).sum(axis=1)
    np.testing.assert_allclose(expit(log_odds), table["probability_active"])
    log_spend = model.predict_contributions(X, "conditional_spend")
    assert list(log_spend) == [*X, "base_value"]
    np.testing.assert_allclose(np.exp(log_spend.sum(axis=1)), table["conditional_spend"])
    with pytest.raises(UnknownNameError, match="'spend' is no component"):
        model.predict_contributions(X, "spend")


def test_each_step_has_its_own_parameters(spend_data):
    X, y = spend_data
    model = HurdleLGBMRegressor(
        classifier_params={"n_estimators": 7}, regressor_params={"n_estimators": 9}
    ).fit(X, y)
    assert model.classifier_booster_.num_trees() == 7
    assert model.regressor_booster_.num_trees() == 9


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"leaves": 3}, UnknownNameError, "names 'leaves'; it may set: n_estimators"),
        ({"num_leaves": 1}, ValueError, "'num_leaves' parameter of classifier_params"),
    ],
    ids=["name", "value"],
)
def test_parameters_of_a_step_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        HurdleLGBMRegressor(classifier_params=params).fit([[1.0], [2.0]], [0, 1])


def test_everybody_spends():
    X, y = np.arange(200.0).reshape(-1, 1), np.arange(200.0) + 1
    table = HurdleLGBMRegressor().fit(X, y).predict_components(X)
    np.testing.assert_allclose(table["probability_active"], 1)


def test_held_out_rows_without_a_buyer_do_no_harm(spend_data):
    X, y = spend_data
    model = HurdleLGBMRegressor(early_stopping_rounds=5, n_estimators=20)
    model.fit(X, y, validation_rows=np.flatnonzero(y == 0)[:100])
    assert model.regressor_booster_.num_trees() == 20
