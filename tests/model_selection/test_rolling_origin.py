"""Splits by time, and everything of scikit-learn that takes a splitter."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.errors import CutoffError, DurationError, HorizonError, ShortLogError
from clvkit.features import RFMFeatures, default_features
from clvkit.history import make_samples
from clvkit.metrics import get_clv_scorer
from clvkit.model_selection import RollingOrigin


@pytest.fixture(scope="module")
def samples(cdnow):
    return make_samples(cdnow, "13W")


def cutoffs(X, rows):
    return X.index.get_level_values("cutoff")[rows]


def test_training_labels_are_known_at_the_origin(samples):
    X, y = samples
    splits = list(RollingOrigin("13W", n_origins=3).split(X, y))
    assert len(splits) == 3
    origins = [cutoffs(X, test).unique() for _, test in splits]
    assert [len(origin) for origin in origins] == [1, 1, 1]
    assert origins[0][0] > origins[1][0] > origins[2][0]
    for (train, test), origin in zip(splits, origins, strict=True):
        known = cutoffs(X, train) + pd.Timedelta("91D")
        assert known.max() <= origin[0]
        # Nothing is left out that is known, and every customer at the origin is tested.
        assert len(train) == (cutoffs(X, slice(None)) + pd.Timedelta("91D") <= origin[0]).sum()
        assert len(test) == (cutoffs(X, slice(None)) == origin[0]).sum()


def test_without_purging_everything_up_to_the_origin_is_trained_on(samples):
    X, y = samples
    for train, test in RollingOrigin("13W", purge=False).split(X, y):
        assert cutoffs(X, train).max() == cutoffs(X, test).max()


def test_origins_are_the_cutoffs_at_or_before_each_step(samples):
    X, _ = samples
    cv = RollingOrigin("13W", n_origins=2, step="30D")
    origins = [cutoffs(X, test)[0] for _, test in cv.split(X)]
    before = origins[0] - pd.Timedelta("30D")
    grid = cutoffs(X, slice(None)).unique()
    assert origins == [grid.max(), grid[grid <= before].max()]


def test_calendar_horizons_are_purged_by_the_calendar(cdnow):
    X, y = make_samples(
        cdnow, "3M", cutoffs=["1997-09-30", "1997-11-30", "1997-12-31", "1998-03-31"]
    )
    (train, _), (second, _) = RollingOrigin("3M", n_origins=2).split(X, y)
    # Three months after 31 December end on 31 March, and after 30 September on 30 December.
    assert set(cutoffs(X, train).strftime("%m-%d")) == {"09-30", "11-30", "12-31"}
    assert set(cutoffs(X, second).strftime("%m-%d")) == {"09-30"}


def test_features_keep_their_cutoff_in_the_index(samples):
    X, y = samples
    features = RFMFeatures().set_output(transform="pandas").fit_transform(X)
    assert "history" not in features
    ours, theirs = (list(RollingOrigin("13W").split(table, y)) for table in (X, features))
    assert all(np.array_equal(a, b) for a, b in zip(ours[0], theirs[0], strict=True))


def test_rows_without_a_cutoff_are_refused():
    with pytest.raises(CutoffError, match="neither a column 'history' nor an index level"):
        next(RollingOrigin("13W").split(np.zeros((5, 2))))


def test_samples_of_one_cutoff_cannot_be_split(cdnow):
    X, y = make_samples(cdnow, "13W", cutoffs="1998-03-31")
    with pytest.raises(ShortLogError, match=r"no sample's horizon of 13W.*earlier cutoffs"):
        RollingOrigin("13W").get_n_splits(X, y)
    assert RollingOrigin("13W", n_origins=4).get_n_splits() == 4


def test_a_pipeline_from_histories_to_spend_is_at_home_in_scikit_learn(samples):
    X, y = samples
    pipe = Pipeline(
        [
            ("features", default_features()),
            ("regressor", TweedieLGBMRegressor(n_estimators=15, random_state=0)),
        ]
    )
    cv = RollingOrigin("13W", n_origins=2)
    scorer = get_clv_scorer("d2_tweedie")
    scores = cross_val_score(pipe, X, y, cv=cv, scoring=scorer)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
    grid = {"regressor__num_leaves": [4, 8]}
    search = GridSearchCV(pipe, grid, n_jobs=2, cv=cv, scoring=scorer).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    assert search.best_score_ >= scores.mean() - 1
    named = clone(pipe).set_output(transform="pandas").fit(X, y)
    table = named[:-1].transform(X)
    assert isinstance(table, pd.DataFrame)
    assert table.index.equals(X.index)
    again = pickle.loads(pickle.dumps(named))
    assert np.array_equal(again.predict(X), named.predict(X))


def test_another_horizon_than_that_of_the_samples_is_a_leak(samples):
    """Purging by four weeks would train on labels that end nine weeks after the origin."""
    X, y = samples
    message = r"were made with the horizon '13W', not with '4W'.*RollingOrigin\('13W'\)"
    for rows in (X, X["history"]):
        with pytest.raises(HorizonError, match=message):
            next(RollingOrigin("4W").split(rows, y))
    with pytest.raises(HorizonError, match="not with '26W'"):
        RollingOrigin("26W").get_n_splits(X)
    # The same length by another name is the same horizon.
    assert RollingOrigin("91D").get_n_splits(X) == 3


@pytest.mark.parametrize("purge", [True, False])
def test_without_a_horizon_it_is_that_of_the_samples(samples, purge):
    X, _ = samples
    given, taken = (
        list(RollingOrigin(horizon, 2, "45D", purge).split(X)) for horizon in ("13W", None)
    )
    for a, b in zip(given, taken, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(a, b, strict=True))


def test_where_no_horizon_is_recorded_it_must_be_given(samples, cdnow_histories):
    X, _ = samples
    features = RFMFeatures().set_output(transform="pandas").fit_transform(X)
    for rows in (features, cdnow_histories):
        with pytest.raises(HorizonError, match=r"no horizon is known.*RollingOrigin\('13W'\)"):
            next(RollingOrigin().split(rows))
    assert RollingOrigin("13W").get_n_splits(features) == 3


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_origins": 0}, InvalidParameterError, "'n_origins' parameter of RollingOrigin"),
        ({"n_origins": "2"}, InvalidParameterError, "'n_origins' parameter of RollingOrigin"),
        ({"n_origins": 2.0}, InvalidParameterError, "'n_origins' parameter of RollingOrigin"),
        ({"step": 30}, InvalidParameterError, "'step' parameter of RollingOrigin"),
        ({"step": "a month"}, DurationError, "step='a month' cannot be read"),
        ({"step": ""}, DurationError, "step='' cannot be read"),
        ({"step": "0D"}, DurationError, "step='0D' must be longer than nothing"),
        ({"purge": "no"}, InvalidParameterError, "'purge' parameter of RollingOrigin"),
        ({"purge": None}, InvalidParameterError, "'purge' parameter of RollingOrigin"),
        ({"horizon": 91}, InvalidParameterError, "'horizon' parameter of RollingOrigin"),
        ({"horizon": "3m"}, DurationError, "minutes or months"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_parameters_are_checked_before_anything_is_split(parameters, error, message):
    with pytest.raises(error, match=message):
        RollingOrigin(**{"horizon": "13W"} | parameters)


def test_numpy_scalars_are_parameters_as_well(samples):
    X, _ = samples
    numpy = RollingOrigin("13W", np.int64(2), purge=np.False_)
    ours, theirs = (
        list(cv.split(X)) for cv in (numpy, RollingOrigin("13W", n_origins=2, purge=False))
    )
    for a, b in zip(ours, theirs, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(a, b, strict=True))


def test_the_splitter_shows_its_parameters():
    assert repr(RollingOrigin("13W", 2)) == (
        "RollingOrigin(horizon='13W', n_origins=2, purge=True, step=None)"
    )
