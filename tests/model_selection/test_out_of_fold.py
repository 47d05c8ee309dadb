"""out_of_fold_predict: the predictions behind cross_val_score, row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score

from clvkit.baselines import LastPeriod, PopulationMean
from clvkit.btyd import BTYDRegressor
from clvkit.history import make_samples
from clvkit.metrics import d2_tweedie, get_clv_scorer
from clvkit.model_selection import RollingOrigin, SnapshotRegressor, out_of_fold_predict


@pytest.fixture(scope="module")
def samples(cdnow):
    return make_samples(cdnow, "13W")


def test_predictions_are_those_that_cross_val_score_scores(samples):
    X, y = samples
    cv = RollingOrigin("13W", n_origins=2, purge=False)
    table = out_of_fold_predict(BTYDRegressor(), X, y, cv=cv)
    scorer = get_clv_scorer("d2_tweedie")
    scores = cross_val_score(BTYDRegressor(), X, y, cv=cv, scoring=scorer)
    ours = [d2_tweedie(part["y_true"], part["y_pred"]) for _, part in table.groupby("split")]
    assert ours == pytest.approx(scores.tolist())


def test_rows_keep_their_place_and_their_index(samples):
    X, y = samples
    cv = RollingOrigin("13W", n_origins=2)
    table = out_of_fold_predict(LastPeriod(), X, y, cv=cv)
    tests = [test for _, test in cv.split(X)]
    assert table["row"].tolist() == np.concatenate(tests).tolist()
    assert table["split"].tolist() == [0] * len(tests[0]) + [1] * len(tests[1])
    assert table.index.equals(X.index[table["row"]])
    assert np.array_equal(table["y_true"], y.iloc[table["row"]])


def test_it_agrees_with_cross_val_predict_where_that_works():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    cv = KFold(5, shuffle=True, random_state=0)
    table = out_of_fold_predict(Ridge(), X, y, cv=cv)
    expected = cross_val_predict(Ridge(), X, y, cv=cv)
    assert np.array_equal(table.sort_values("row")["y_pred"], expected)
    assert table.index.equals(pd.RangeIndex(30))
    parallel = out_of_fold_predict(Ridge(), X, y, cv=cv, n_jobs=2)
    pd.testing.assert_frame_equal(parallel, table)


def test_a_row_may_be_tested_twice_or_never():
    X, y = np.arange(4.0)[:, None], np.arange(4.0)
    table = out_of_fold_predict(LinearRegression(), X, y, cv=[([0, 1], [3]), ([0, 1, 2], [3])])
    assert table["row"].tolist() == [3, 3]
    assert table["y_pred"].tolist() == pytest.approx([3.0, 3.0])


@pytest.mark.parametrize(
    "model",
    [LastPeriod(), BTYDRegressor(), SnapshotRegressor(PopulationMean(), n_snapshots=1)],
    ids=["baseline", "btyd", "snapshots"],
)
def test_estimators_that_ignore_y_need_none(samples, model):
    X, y = samples
    cv = RollingOrigin("13W", n_origins=1, purge=False)
    table = out_of_fold_predict(model, X, cv=cv)
    assert table["y_true"].isna().all()
    assert table["y_true"].dtype == np.float64
    explicit = out_of_fold_predict(model, X, None, cv=cv)
    pd.testing.assert_frame_equal(table, explicit)
    with_labels = out_of_fold_predict(model, X, y, cv=cv)
    pd.testing.assert_frame_equal(table.drop(columns="y_true"), with_labels.drop(columns="y_true"))
    assert with_labels["y_true"].notna().all()


def test_the_estimator_given_stays_unfitted(samples):
    X, y = samples
    model = PopulationMean()
    out_of_fold_predict(model, X, y, cv=RollingOrigin("13W", n_origins=1))
    assert not hasattr(model, "mean_")


def test_what_cannot_work_says_why():
    X = np.zeros((6, 1))
    with pytest.raises(ValueError, match="X has 6 rows, but y has 5: give one y a row"):
        out_of_fold_predict(DummyRegressor(), X, np.zeros(5), cv=3)
    with pytest.raises(ValueError, match="cv yields no split"):
        out_of_fold_predict(DummyRegressor(), X, np.zeros(6), cv=[])
