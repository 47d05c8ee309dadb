"""The base is tested through the regressor that uses all of it."""

import subprocess
import sys

import numpy as np
import pytest

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.boosting._base import _leaf_size
from clvkit.errors import NotInstalledError, TargetError


def test_negative_targets_are_refused_with_count_and_remedy():
    with pytest.raises(TargetError, match=r"y holds 2 negative values, such as -3.*floor=0\.0"):
        TweedieLGBMRegressor().fit([[1.0], [2.0], [3.0]], [-3, 0, -1])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        pytest.param([0, 0, 0], "0 in every row|zero", id="all zero"),
        pytest.param([1, -1, 1], "[Nn]egative", id="negative"),
        pytest.param([1, np.nan, 1], "NaN", id="nan"),
    ],
)
def test_weights_that_say_nothing_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        TweedieLGBMRegressor().fit([[1.0], [2.0], [3.0]], [0, 1, 2], weight)


def test_infinite_features_are_refused_and_missing_ones_are_not():
    with pytest.raises(ValueError, match="infinity"):
        TweedieLGBMRegressor().fit([[1.0], [np.inf], [3.0]], [0, 1, 2])
    model = TweedieLGBMRegressor().fit([[1.0], [np.nan], [3.0]], [0, 1, 2])
    assert np.isfinite(model.predict([[np.nan]])).all()


@pytest.mark.parametrize(
    ("asked", "n_samples", "used"), [(50, 100_000, 50), (50, 400, 20), (50, 7, 1), (3, 400, 3)]
)
def test_leaves_shrink_with_few_samples(asked, n_samples, used):
    assert _leaf_size(asked, n_samples) == used


def test_only_ratios_of_weights_matter(spend_data):
    X, y = spend_data
    weight = np.random.default_rng(0).random(len(y))
    models = [TweedieLGBMRegressor().fit(X, y, factor * weight) for factor in (1, 4096)]
    np.testing.assert_allclose(models[0].predict(X), models[1].predict(X), rtol=1e-9)


def test_a_sample_of_weight_zero_is_not_there(spend_data):
    X, y = spend_data
    weight = np.r_[np.ones(2000), np.zeros(1000)]
    weighted = TweedieLGBMRegressor().fit(X, y, weight)
    without = TweedieLGBMRegressor().fit(X.iloc[:2000], y[:2000])
    np.testing.assert_array_equal(weighted.predict(X), without.predict(X))


def test_heavier_samples_pull_the_prediction(spend_data):
    X, y = spend_data
    buyers = np.where(y > 0, 5.0, 1.0)
    plain = TweedieLGBMRegressor().fit(X, y).predict(X)
    assert TweedieLGBMRegressor().fit(X, y, buyers).predict(X).mean() > 1.5 * plain.mean()


@pytest.mark.parametrize("draws", [{}, {"subsample": 0.6, "colsample_bytree": 0.6}])
def test_a_seed_gives_one_model_for_any_number_of_threads(spend_data, draws):
    X, y = spend_data
    one, two = (
        TweedieLGBMRegressor(n_jobs=n_jobs, random_state=3, **draws).fit(X, y) for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_the_seed_matters_where_something_is_drawn(spend_data):
    X, y = spend_data
    one, two = (TweedieLGBMRegressor(subsample=0.5, random_state=seed).fit(X, y) for seed in (0, 1))
    assert (one.predict(X) != two.predict(X)).any()


def test_predictions_are_row_by_row(spend_data):
    X, y = spend_data
    model = TweedieLGBMRegressor().fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(model.predict(X.iloc[order]), model.predict(X)[order])
    np.testing.assert_array_equal(model.predict(X.iloc[[17]]), model.predict(X)[[17]])


def test_nothing_is_printed(spend_data, capfd):
    X, y = spend_data
    TweedieLGBMRegressor().fit(X, y).predict(X)
    TweedieLGBMRegressor().fit(np.ones((4, 1)), np.zeros(4)).predict(np.ones((4, 1)))
    assert capfd.readouterr() == ("", "")


def test_missing_lightgbm_names_the_system_library(monkeypatch):
    def without_libgomp(name):
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr("importlib.import_module", without_libgomp)
    with pytest.raises(NotInstalledError, match=r"libgomp\.so\.1.*apt-get install libgomp1"):
        TweedieLGBMRegressor().fit([[1.0], [2.0]], [0, 1])


def test_lightgbm_is_not_imported_with_the_package():
    code = "import sys, clvkit.boosting; print('lightgbm' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr
