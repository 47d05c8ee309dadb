"""AverageRegressor: the weighted mean of regressors that are fitted on histories."""

from __future__ import annotations

import numpy as np
import pytest
import skops.io
from sklearn.base import clone
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
