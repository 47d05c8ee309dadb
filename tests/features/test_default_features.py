"""default_features: all groups and the covariates in one transformer."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from clvkit.datasets import load_cdnow
from clvkit.errors import HistoryTypeError
from clvkit.features import HistoryUnion, default_features
from clvkit.history import make_samples

TRUSTED = [
    "clvkit.features._attribute_features.AttributeFeatures",
    "clvkit.features._cadence_features.CadenceFeatures",
    "clvkit.features._cohort_features.CohortFeatures",
    "clvkit.features._column_transformer.ColumnTransformer",
    "clvkit.features._covariate_encoder.CovariateEncoder",
    "clvkit.features._default_features.HistoryColumn",
    "clvkit.features._default_features.StreamColumns",
    "clvkit.features._event_stream_features.EventStreamFeatures",
    "clvkit.features._history_union.HistoryUnion",
    "clvkit.features._rfm_features.RFMFeatures",
    "clvkit.features._season_features.SeasonFeatures",
    "clvkit.features._tenure_features.TenureFeatures",
    "clvkit.features._window_features.WindowFeatures",
]


@pytest.fixture(scope="module")
def samples():
    X, y = make_samples(load_cdnow(), "13W", cutoffs=["1997-09-30", "1997-12-31"])
    rng = np.random.default_rng(0)
    covariates = {
        "country": rng.choice(["NL", "DE", None], len(X)),
        "age": rng.integers(18, 90, len(X)),
        "vip": rng.random(len(X)) < 0.1,
        "channel": pd.Categorical(rng.choice(["web", "shop"], len(X))),
    }
    return X.assign(**covariates), y


def test_names_are_unique_and_everything_is_float64(samples):
    X, _ = samples
    features = default_features().set_output(transform="pandas").fit_transform(X)
    assert features.columns.is_unique
    assert set(features.dtypes) == {np.dtype("float64")}
    assert features.index.equals(X.index)
    assert list(features.columns[-4:]) == ["country", "age", "vip", "channel"]
    assert_array_equal(features["age"], X["age"])


@pytest.mark.parametrize("covariates", [True, False], ids=["with covariates", "without"])
@pytest.mark.parametrize(
    ("container", "kind"),
    [("default", np.ndarray), ("pandas", pd.DataFrame), ("polars", pl.DataFrame)],
)
def test_containers(samples, container, kind, covariates):
    X = samples[0] if covariates else samples[0][["history"]]
    transformer = default_features().set_output(transform=container).fit(X)
    features = transformer.transform(X)
    assert isinstance(features, kind)
    assert_array_equal(np.asarray(features), default_features().fit(X).transform(X))


@pytest.mark.parametrize("container", ["default", "pandas", "polars"])
def test_is_stored_with_its_own_types_only(samples, container):
    X, _ = samples
    fitted = default_features().set_output(transform=container).fit(X)
    stored = skops.io.dumps(fitted)
    assert set(skops.io.get_untrusted_types(data=stored)) == set(TRUSTED)
    expected = np.asarray(fitted.transform(X))
    loaded = skops.io.loads(stored, trusted=TRUSTED)
    assert_array_equal(np.asarray(loaded.transform(X)), expected)
    assert_array_equal(np.asarray(pickle.loads(pickle.dumps(fitted)).transform(X)), expected)


def test_a_country_never_seen_and_a_missing_one_are_missing(samples):
    X, _ = samples
    fitted = default_features().set_output(transform="pandas").fit(X)
    countries = ["BE", None, "NL", "DE"]
    later = fitted.transform(X.iloc[:4].assign(country=countries))
    assert_array_equal(later["country"], [np.nan, np.nan, 1, 0])


def test_further_columns_are_ignored_and_missing_ones_named(samples):
    X, _ = samples
    fitted = default_features().fit(X)
    assert_array_equal(fitted.transform(X.assign(later=1.0)), fitted.transform(X))
    with pytest.raises(ValueError, match=r"columns are missing: \{'vip'\}"):
        fitted.transform(X.drop(columns="vip"))


def test_is_a_column_transformer_that_does_not_copy_a_single_array(samples, monkeypatch):
    X, _ = samples
    made = []
    transform = HistoryUnion.transform
    monkeypatch.setattr(
        HistoryUnion, "transform", lambda self, X: made.append(transform(self, X)) or made[-1]
    )
    fitted = default_features().fit(X[["history"]])
    assert isinstance(fitted, ColumnTransformer)
    made.clear()
    features = fitted.transform(X[["history"]])
    assert np.shares_memory(features, made[0])


def test_works_in_a_pipeline_and_a_grid_search(samples):
    X, y = samples
    model = make_pipeline(default_features(), HistGradientBoostingRegressor(max_iter=5))
    grid = {"columntransformer__history__cohort__freq": ["M", "W"]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert search.predict(X).shape == (len(X),)
    assert clone(model).get_params()["columntransformer__history__rfm__half_life"] == "90D"


def test_no_history_column(samples):
    with pytest.raises(HistoryTypeError, match="X has no column 'history'"):
        default_features().fit(samples[0].drop(columns="history"))
