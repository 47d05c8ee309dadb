"""What the groups share: which rows count, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from clvkit.datasets import load_cdnow
from clvkit.errors import HistoryTypeError
from clvkit.features import CohortFeatures, RFMFeatures, TenureFeatures, default_features
from clvkit.features._base import latest_rows
from clvkit.history import get_histories, make_samples

GROUPS = [RFMFeatures(), TenureFeatures(), CohortFeatures(), default_features()]


@pytest.fixture(scope="module")
def X():
    return make_samples(load_cdnow(), "13W", cutoffs=["1997-02-28", "1997-09-30"]).X


@pytest.mark.parametrize("keep_index", [True, False], ids=["by index", "by events"])
def test_latest_row_of_each_customer(X, keep_index):
    shuffled = X.sample(frac=1.0, random_state=1)
    given = shuffled if keep_index else shuffled.reset_index(drop=True)
    rows = latest_rows(given, get_histories(given))
    latest = shuffled.iloc[rows].index
    assert len(rows) == X.index.get_level_values("customer_id").nunique()
    assert set(latest.get_level_values("cutoff")) == {pd.Timestamp("1997-09-30")}
    assert latest.get_level_values("customer_id").is_unique


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
