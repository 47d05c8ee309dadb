"""Samples split by the caller's own splitter: what is trained on, and what is said of it."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit

from clvkit import AutoCLV, latest_histories, make_samples
from clvkit.automl._splits import digest_of, split_by
from clvkit.automl._validation import plan_validation
from clvkit.errors import ArgumentError, RegimeWarning, StudyError
from clvkit.history import customers_of
from clvkit.model_selection import RollingOrigin, cutoffs_of
from clvkit.utils._duration import parse_duration

HORIZON = parse_duration("13W")


class GivenSplits:
    """Yields the splits that it was given."""

    def __init__(self, *splits):
        self.splits = splits

    def split(self, X, y=None, groups=None):
        yield from self.splits

    def get_n_splits(self, X=None, y=None, groups=None):
        return len(self.splits)


@pytest.fixture(scope="module")
def samples(cdnow):
    return make_samples(cdnow[cdnow["customer_id"] % 4 == 0], "13W", cutoffs=8)


def plan(samples, splitter):
    X, y = samples
    return plan_validation(X, y, "13W", n_origins=3, splitter=splitter)


def search(n_trials=3, **settings):
    fixed = {"candidates": ["population_mean", "historical_rate", "bg_nbd"], "verbose": 0}
    return AutoCLV("13W", n_trials=n_trials, random_state=0, **(fixed | settings))


def test_rolling_origin_gives_the_scores_of_the_usual_validation(samples):
    usual = search(n_origins=2).fit(*samples)
    custom = search(validation=RollingOrigin("13W", n_origins=2)).fit(*samples)
    assert (usual.regime_, custom.regime_) == ("rolling", "custom")
    assert (custom.leaderboard_["regime"] == "custom").all()
    assert "custom: splits by RollingOrigin" in custom.leaderboard_.attrs["protocol"]
    assert custom.origins_ == usual.origins_
    times = ["fit_seconds", "predict_seconds", "feature_seconds", "regime"]
    pd.testing.assert_frame_equal(
        custom.leaderboard_.drop(columns=times), usual.leaderboard_.drop(columns=times)
    )
    pd.testing.assert_frame_equal(custom.oof_predictions_, usual.oof_predictions_)


def test_a_split_out_of_time_raises_no_warning(samples):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        validation = plan(samples, RollingOrigin("13W", n_origins=2))
    assert not any(fold.leaks for fold in validation.folds)


def test_all_candidates_are_fitted_on_the_training_rows_of_other_splitters(samples):
    with pytest.warns(RegimeWarning, match="in 5 of 5 splits of validation=KFold"):
        validation = plan(samples, KFold(5))
    assert [fold.origin for fold in validation.folds] == [f"split {k}" for k in range(1, 6)]
    for fold, (train, test) in zip(validation.folds, KFold(5).split(samples[0]), strict=True):
        for X, rows in ((fold.X_known, train), (fold.X_train, train), (fold.X_test, test)):
            pd.testing.assert_index_equal(X.index, samples[0].index[rows])
        assert np.array_equal(fold.y_train, samples[1].to_numpy()[train])
        assert np.array_equal(fold.y_test, samples[1].to_numpy()[test])


def test_the_warning_says_whether_customers_are_on_both_sides(samples):
    X, _ = samples
    train, test = next(KFold(5).split(X))
    n_both = len(set(customers_of(X)[train]) & set(customers_of(X)[test]))
    assert n_both > 0
    with pytest.warns(RegimeWarning, match=f"In the first such split {n_both} customers"):
        plan(samples, KFold(5))
    with pytest.warns(RegimeWarning, match="In the first such split 0 customers"):
        plan(samples, GroupKFold(3))


def test_unpurged_labels_are_told(samples):
    with pytest.warns(RegimeWarning, match="may be better than what they will reach"):
        validation = plan(samples, RollingOrigin("13W", n_origins=2, purge=False))
    assert all(fold.knew_level(label_trained=False) for fold in validation.folds)


def test_a_splitter_that_wants_groups_is_given_the_customers(samples):
    X, y = samples
    splits = split_by(X, y.to_numpy(), GroupKFold(3), HORIZON)
    for split in splits:
        customers = customers_of(X)
        assert not set(customers[split.train]) & set(customers[split.test])
    assert np.array_equal(np.sort(np.concatenate([s.test for s in splits])), np.arange(len(X)))


def test_a_label_that_ends_with_the_test_cutoff_is_known_there(samples):
    X, y = samples
    cutoff = cutoffs_of(X)
    ends = HORIZON.after(cutoff, "s")
    origin = cutoff.max()
    just = ends == ends[ends <= origin].max()
    later = ends == ends[ends > origin].min()
    splitter = GivenSplits((just, cutoff == origin), (later, cutoff == origin))
    first, second = split_by(X, y.to_numpy(), splitter, HORIZON)
    assert np.array_equal(first.train, np.flatnonzero(just))  # masks are splits too
    assert (first.leaks, second.leaks) == (False, True)


def test_splits_of_one_cutoff_each_are_named_by_it(samples):
    X, y = samples
    cutoff = cutoffs_of(X)
    early, *_, late = np.unique(cutoff)
    splitter = GivenSplits((cutoff == early, cutoff == late))
    (split,) = split_by(X, y.to_numpy(), splitter, HORIZON)
    assert split.name == str(X.index.get_level_values("cutoff").max().date())


def test_the_digest_tells_splits_apart(samples):
    X, y = samples
    one, again, other = (
        digest_of(split_by(X, y.to_numpy(), KFold(3, shuffle=True, random_state=seed), HORIZON))
        for seed in (0, 0, 1)
    )
    assert one == again != other


@pytest.mark.parametrize(
    ("splitter", "text"),
    [
        (GivenSplits(), "gives 0 splits"),
        (GivenSplits(([], range(9))), "1 of them without training rows"),
        (GivenSplits((range(9), range(9, 13))), "1 of them .* less than 5 test rows"),
        (PredefinedSplit([-1]), "PredefinedSplit gives 0 splits"),
    ],
    ids=["no splits", "nothing to train on", "four test rows", "no test rows"],
)
def test_splits_that_cannot_be_used_get_a_message(samples, splitter, text):
    with pytest.raises(ArgumentError, match=text):
        plan(samples, splitter)


@pytest.mark.parametrize("as_histories", [False, True], ids=["log", "latest histories"])
def test_without_samples_there_is_nothing_to_split(cdnow, as_histories):
    X = latest_histories(cdnow) if as_histories else cdnow
    with pytest.raises(ArgumentError, match=r"make_samples\(log, horizon\), and fit\(X, y\)"):
        search(validation=RollingOrigin("13W")).fit(X)


def test_what_is_no_splitter_is_refused(samples):
    with pytest.raises(ValueError, match="'validation' parameter"):
        search(validation=5).fit(*samples)


def test_a_study_of_other_splits_is_refused(samples, tmp_path):
    study = {"storage": str(tmp_path / "study.journal"), "study_name": "own"}
    with pytest.warns(RegimeWarning):
        search(2, validation=KFold(2, shuffle=True, random_state=0), **study).fit(*samples)
    with pytest.warns(RegimeWarning), pytest.raises(StudyError, match="differs in validation"):
        search(2, validation=KFold(2, shuffle=True, random_state=1), **study).fit(*samples)
