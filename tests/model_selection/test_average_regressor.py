"""AverageRegressor: the weighted mean of regressors that are fitted on histories."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.btyd import BTYDRegressor
from clvkit.history import make_samples
from clvkit.model_selection import AverageRegressor, SnapshotRegressor
from clvkit.serving._trust import TRUSTED_TYPES


def parts():
    return [
        ("mean", SnapshotRegressor(PopulationMean(), "13W")),
        ("rate", HistoricalRate(horizon="13W")),
        ("bg_nbd", BTYDRegressor(horizon="13W")),
    ]


@pytest.mark.parametrize(
    ("weights", "shares"),
    [(None, [1 / 3] * 3), ([2, 1, 1], [0.5, 0.25, 0.25]), ([0.0, 0.0, 0.1], [0, 0, 1])],
    ids=str,
)
def test_it_is_the_weighted_mean(cdnow_histories, weights, shares):
    X = cdnow_histories
    alone = [clone(part).fit(X).predict(X) for _, part in parts()]
    model = AverageRegressor(parts(), weights).fit(X)
    assert model.predict(X) == pytest.approx(np.average(alone, axis=0, weights=shares))
    again = skops.io.loads(skops.io.dumps(model), trusted=list(TRUSTED_TYPES))
    assert np.array_equal(again.predict(X), model.predict(X))


class Told(RegressorMixin, BaseEstimator):
    """Tells the components that it is given."""

    def __init__(self, **components):
        self.components = components

    def get_params(self, deep=True):
        return self.components

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def predict_components(self, X):
        return pd.DataFrame(self.components, index=range(len(X)))


def test_components_are_those_of_who_knows_them(cdnow_histories):
    X = cdnow_histories
    model = AverageRegressor(parts(), [0.4, 0.4, 0.2]).fit(X)
    expected = clone(parts()[2][1]).fit(X).predict_components(X)
    pd.testing.assert_frame_equal(model.predict_components(X), expected)


def test_components_of_several_are_their_weighted_mean(cdnow_histories):
    X = cdnow_histories
    first = Told(expected_purchases=2.0, expected_spend=10.0, probability_alive=0.5)
    second = Told(expected_purchases=1.0, expected_spend=40.0)
    behind_features = make_pipeline(FunctionTransformer(), second)
    silent = Told(expected_purchases=99.0, probability_active=0.1)
    members = [("a", first), ("b", behind_features), ("c", silent), ("d", parts()[1][1])]
    table = AverageRegressor(members, [1.0, 3.0, 0.0, 2.0]).fit(X).predict_components(X)
    assert table.index.equals(X.index)
    assert list(table.columns) == ["expected_purchases", "expected_spend", "probability_alive"]
    means = table.iloc[0]
    assert means["expected_purchases"] == pytest.approx((2 + 3 * 1) / 4)
    assert means["probability_alive"] == 0.5
    # Purchases times spend is the mean of what the two predict.
    predicted = (1 * 2 * 10 + 3 * 1 * 40) / 4
    assert means["expected_purchases"] * means["expected_spend"] == pytest.approx(predicted)


def test_spend_is_a_plain_mean_where_nobody_expects_a_purchase(cdnow_histories):
    members = [
        (name, Told(expected_purchases=0.0, expected_spend=spend))
        for name, spend in (("a", 10.0), ("b", 30.0))
    ]
    table = AverageRegressor(members).fit(cdnow_histories).predict_components(cdnow_histories)
    assert (table["expected_spend"] == 20.0).all()


def test_without_components_there_is_no_method():
    assert not hasattr(AverageRegressor(parts()[:2]), "predict_components")


def test_labels_are_handed_on(cdnow):
    X, y = make_samples(cdnow, "13W", cutoffs="1998-03-31")
    model = AverageRegressor([("mean", PopulationMean())]).fit(X, y)
    assert model.predict(X)[0] == y.mean()


def test_it_is_a_composition():
    model = AverageRegressor(parts())
    assert model.get_params()["mean__n_snapshots"] == 6
    assert clone(model).set_params(mean__n_snapshots=2).estimators[0][1].n_snapshots == 2
    assert not get_tags(model).target_tags.required


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ([1.0], "1 values for 3 estimators"),
        ([1.0, -1.0, 1.0], "must be 0 or more"),
        ([0.0, 0.0, 0.0], "above 0 in sum"),
        ([1.0, np.nan, 1.0], "must be 0 or more"),
    ],
)
def test_weights_that_mean_nothing_are_refused(cdnow_histories, weights, text):
    with pytest.raises(ValueError, match=text):
        AverageRegressor(parts(), weights).fit(cdnow_histories)


def test_names_must_differ(cdnow_histories):
    with pytest.raises(ValueError, match="not unique"):
        AverageRegressor([parts()[0], parts()[0]]).fit(cdnow_histories)
