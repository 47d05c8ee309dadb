"""What the groups share: which rows count, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from clvkit.datasets import load_cdnow
from clvkit.errors import HistoryTypeError
from clvkit.features import CohortFeatures, RFMFeatures, TenureFeatures, default_features
from clvkit.history import make_samples

GROUPS = [RFMFeatures(), TenureFeatures(), CohortFeatures(), default_features()]


@pytest.fixture(scope="module")
def X():
    return make_samples(load_cdnow(), "13W", cutoffs=["1997-02-28", "1997-09-30"]).X


@pytest.mark.parametrize(
    "form",
    [
        lambda X: X.reset_index(),
        lambda X: X.reset_index(drop=True),
        lambda X: X["history"],
        lambda X: X["history"].array,
    ],
    ids=["columns", "no customers", "series", "array"],
)
@pytest.mark.parametrize("group", GROUPS[:3], ids=lambda g: type(g).__name__)
def test_a_customer_counts_once_whatever_tells_who_it_is(group, X, form):
    expected = clone(group).fit(X).transform(X)
    given = form(X)
    assert_array_equal(clone(group).fit(given).transform(given), expected)


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: type(g).__name__)
@pytest.mark.parametrize(
    "wrong",
    [load_cdnow(), pd.DataFrame({"history": [1.0, 2.0]}), np.zeros((3, 2)), [[1.0]]],
    ids=["a log", "numbers as history", "array", "list"],
)
def test_anything_else_is_refused(group, wrong):
    with pytest.raises(HistoryTypeError, match=r"histories are needed|no column 'history'"):
        group.fit(wrong)


@pytest.mark.parametrize("group", GROUPS[:3], ids=lambda g: type(g).__name__)
def test_missing_histories_are_refused(group, X):
    holes = X.copy()
    holes.loc[holes.index[3], "history"] = None
    with pytest.raises(HistoryTypeError, match=r"1 of .* histories are missing"):
        group.fit(X).transform(holes)


@pytest.mark.parametrize("group", GROUPS[:3], ids=lambda g: type(g).__name__)
def test_other_columns_are_ignored(group, X):
    wider = X.assign(country="NL")
    assert_array_equal(group.fit(wider).transform(wider), group.fit(X).transform(X))
    assert group.n_features_in_ == 1
    assert group.feature_names_in_.tolist() == ["history"]
