import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from clvkit.baselines import PopulationMean
from clvkit.btyd import BTYDRegressor
from clvkit.calibration import SeasonCalibration
from clvkit.model_selection import AverageRegressor, SnapshotRegressor
from clvkit.serving._components import COMPONENTS, calibrations, predict_components, step_names


class Half(BaseEstimator):
    """Knows one component, and gives more than is asked for."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict_components(self, X):
        return pd.DataFrame({"probability_alive": 1, "mood": 7}, index=range(len(X)))


@pytest.fixture
def X():
    return pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"])


def test_columns_are_always_the_same_and_nan_where_unknown(X):
    table = predict_components(Half().fit(X), X)
    assert tuple(table.columns) == COMPONENTS
    assert (table["probability_alive"] == 1.0).all()
    assert table.drop(columns="probability_alive").isna().all(axis=None)
    assert set(table.dtypes) == {np.dtype("float64")}


def test_the_last_step_of_a_pipeline_is_asked_behind_its_features(X):
    def first(X):
        return X[["a"]].iloc[:, :0]

    pipeline = make_pipeline(FunctionTransformer(first), Half()).fit(X)
    table = predict_components(pipeline, X)
    pd.testing.assert_index_equal(table.index, X.index)
    assert (table["probability_alive"] == 1.0).all()


@pytest.mark.parametrize("make", [pd.DataFrame, np.asarray], ids=["frame", "array"])
def test_who_has_none_has_nan(X, make):
    table = predict_components(PopulationMean(), make(X))
    assert table.shape == (2, len(COMPONENTS))
    assert table.isna().all(axis=None)


def test_names_from_the_outside_in():
    nested = SnapshotRegressor(make_pipeline(FunctionTransformer(), PopulationMean()))
    assert step_names(nested) == ["SnapshotRegressor", "FunctionTransformer", "PopulationMean"]
    average = SeasonCalibration(AverageRegressor([("mean", nested), ("bg_nbd", BTYDRegressor())]))
    assert step_names(average) == ["SeasonCalibration", "AverageRegressor[mean, bg_nbd]"]


class Corrected(BaseEstimator):
    """A wrapper that has learnt a factor."""

    def __init__(self, estimator, factor):
        self.estimator_ = estimator
        self.factor_ = factor


def test_calibrations_wherever_they_are():
    assert calibrations(make_pipeline(FunctionTransformer(), PopulationMean())) == []
    inner = Corrected(PopulationMean(), 0.5)
    outer = Corrected(make_pipeline(FunctionTransformer(), inner), 1.125)
    assert calibrations(outer) == ["Corrected x 1.12", "Corrected x 0.50"]
