"""Components are asked for through pipelines, and keep the index of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from clvkit.utils._components import ask_components, has_components, last_step


class Double(BaseEstimator):
    """Tells twice what it is given as an array, without an index."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict_components(self, X):
        return pd.DataFrame({"expected_spend": 2 * np.asarray(X)[:, 0]})


@pytest.fixture
def X():
    return pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"])


@pytest.mark.parametrize(
    ("wrap", "spend"),
    [
        (lambda last: last, [2.0, 4.0]),
        (lambda last: make_pipeline(FunctionTransformer(np.asarray), last), [2.0, 4.0]),
        (lambda last: Pipeline([("nothing", "passthrough"), ("last", last)]), [2.0, 4.0]),
        (
            lambda last: make_pipeline(
                FunctionTransformer(np.exp), make_pipeline(FunctionTransformer(np.log), last)
            ),
            [2.0, 4.0],
        ),
    ],
    ids=["alone", "behind features", "passthrough", "nested"],
)
def test_the_last_step_is_asked_behind_the_others(X, wrap, spend):
    estimator = wrap(Double()).fit(X)
    assert has_components(estimator)
    expected = pd.DataFrame({"expected_spend": spend}, index=X.index)
    pd.testing.assert_frame_equal(ask_components(estimator, X), expected)
    assert type(last_step(estimator, X)[0]) is Double


def test_who_tells_nothing():
    assert not has_components(make_pipeline(Double(), FunctionTransformer()))
