"""HistoryUnion: the groups side by side."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from clvkit.datasets import load_cdnow
from clvkit.features import CohortFeatures, HistoryUnion, RFMFeatures, TenureFeatures, _view
from clvkit.history import latest_histories


@pytest.fixture(scope="module")
def X():
    return latest_histories(load_cdnow(), cutoff="1997-09-30")


@pytest.fixture
def union():
    groups = [("rfm", RFMFeatures()), ("tenure", TenureFeatures()), ("cohort", CohortFeatures())]
    return HistoryUnion(groups)


def test_equals_its_groups_side_by_side(X, union):
    alone = [clone(group).fit_transform(X) for _, group in union.transformer_list]
    assert_array_equal(union.fit_transform(X), np.hstack(alone))
    names = [group.get_feature_names_out() for _, group in union.transformer_list_]
    assert_array_equal(union.get_feature_names_out(), np.concatenate(names))


def test_purchases_are_found_once(X, union, monkeypatch):
    calls = []
    find = _view.find_purchases
    monkeypatch.setattr(_view, "find_purchases", lambda *args: calls.append(1) or find(*args))
    union.fit(X)
    calls.clear()
    union.transform(X)
    assert len(calls) == len(list(_view.blocks_of_rows(X["history"].array)))


def test_fit_leaves_the_given_groups_alone(X, union):
    union.fit(X)
    assert not hasattr(union.transformer_list[0][1], "score_edges_")


def test_parameters_of_the_groups(X, union):
    union.set_params(cohort__freq="W", tenure=TenureFeatures(new_for="10D"))
    assert clone(union).get_params()["cohort__freq"] == "W"
    assert union.get_params()["tenure__new_for"] == "10D"


def test_other_transformers_are_refused(X):
    with pytest.raises(TypeError, match=r"1 of 1 transformers are no groups .* StandardScaler\(\)"):
        HistoryUnion([("scaler", StandardScaler())]).fit(X)


def test_repeated_features_are_refused(X):
    with pytest.raises(ValueError, match=r"7 features have the same name .* 'days_since_first'"):
        HistoryUnion([("a", TenureFeatures()), ("b", TenureFeatures(new_for="9D"))]).fit(X)


def test_no_group_at_all(X):
    assert HistoryUnion([]).fit_transform(X).shape == (len(X), 0)


def test_is_shown_in_notebooks(union):
    assert "CohortFeatures" in union._repr_html_()
