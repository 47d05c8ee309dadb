"""Rows are drawn where the features would not fit into the memory, and somebody says so."""

from __future__ import annotations

import numpy as np
import pytest

from clvkit import AutoCLV, latest_histories, make_samples
from clvkit.automl._memory import MemoryLimit
from clvkit.automl.candidates import all_candidates
from clvkit.errors import DataWarning, StudyError
from clvkit.model_selection import SnapshotRegressor

pytestmark = pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning")


def test_jobs_share_the_memory_and_covariates_take_some(cdnow_histories):
    one = MemoryLimit.of("100MB", cdnow_histories, 1)
    two = MemoryLimit.of("100MB", cdnow_histories, 2)
    assert one.max_rows // 2 == two.max_rows
    # Three quarters of it, three copies of 75 features of 8 bytes each, or nearly.
    assert one.max_rows == pytest.approx(75e6 / (3 * 8 * 75), rel=0.1)
    wide = cdnow_histories.assign(**{f"x{i}": 1.0 for i in range(75)})
    assert MemoryLimit.of("100MB", wide, 1).max_rows == pytest.approx(one.max_rows / 2, rel=0.1)
    assert one.max_shared == 25e6
    assert MemoryLimit.of(None, cdnow_histories, 1).max_rows is None


@pytest.mark.parametrize("candidate", all_candidates(), ids=lambda candidate: candidate.name)
def test_every_candidate_that_learns_from_labels_is_limited(candidate):
    (limited,) = MemoryLimit(max_rows=700).apply([candidate])
    params = {"snapshots__n_snapshots": 3} if candidate.label_trained else {}
    estimator = limited.estimator("13W", random_state=5, params=params)
    parts = (estimator, *estimator.get_params(deep=True).values())
    regressors = [part for part in parts if isinstance(part, SnapshotRegressor)]
    assert bool(regressors) == candidate.label_trained
    assert all(part.max_rows == 700 for part in regressors)
    assert all(part.random_state == 5 for part in regressors)
    assert all(part.n_snapshots == 3 for part in regressors)


def test_the_champion_is_fitted_within_the_limit_too(cdnow):
    settings = {
        "candidates": ["tweedie"],
        "n_trials": 2,
        "n_origins": 1,
        "random_state": 0,
        "level": "own",
    }
    with pytest.warns(DataWarning, match=r"memory='5MB' holds the features of 2,\d\d\d rows.*14,1"):
        auto = AutoCLV("13W", memory="5MB", ensemble=False, **settings).fit(cdnow)
    fitted = auto.model_.estimator_
    assert 1000 < fitted.n_samples_ <= 2200
    whole = AutoCLV("13W", memory="1GB", ensemble=False, **settings).fit(cdnow)
    assert whole.model_.estimator_.n_samples_ > 10_000
    assert auto.best_score_ != whole.best_score_
    unlimited = AutoCLV("13W", ensemble=False, **settings).fit(cdnow)
    assert unlimited.best_score_ == whole.best_score_


def test_samples_are_counted_as_they_are(cdnow):
    X, y = make_samples(cdnow[cdnow["customer_id"] % 4 == 0], "13W")
    settings = {"candidates": ["tweedie"], "n_trials": 1, "random_state": 0, "ensemble": False}
    with pytest.warns(DataWarning, match=rf"and there are {len(X):,}: candidates"):
        auto = AutoCLV("13W", memory="3MB", **settings).fit(X, y)
    assert auto.model_.estimator_.n_samples_ < len(X)
    assert np.isfinite(auto.best_score_)


@pytest.mark.long
def test_a_study_is_not_continued_with_another_limit(cdnow, tmp_path):
    X = latest_histories(cdnow[cdnow["customer_id"] % 8 == 0])
    settings = {"n_trials": 1, "storage": tmp_path / "journal", "study_name": "s", "verbose": 0}
    AutoCLV("13W", random_state=0, **settings).fit(X)
    with pytest.raises(StudyError, match="it differs in rows"):
        AutoCLV("13W", random_state=0, memory="1GB", **settings).fit(X)
