"""Candidates: what is named, what is a user's own, and how they are built."""

from __future__ import annotations

import pickle

import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline

from clvkit.automl import Candidate, default_candidates
from clvkit.automl.candidates import FAMILIES, resolve_candidates
from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.btyd import BTYDRegressor
from clvkit.errors import UnknownNameError
from clvkit.features import default_features
from clvkit.model_selection import SnapshotRegressor


def names(candidates):
    return [candidate.name for candidate in resolve_candidates(candidates)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("default", ["historical_rate", "last_period", "population_mean", "bg_nbd", "tweedie"]),
        ("btyd", ["bg_nbd"]),
        (["boosting", "last_period"], ["tweedie", "last_period"]),
        (["baseline", "historical_rate"], ["historical_rate", "last_period", "population_mean"]),
        (("default",), ["historical_rate", "last_period", "population_mean", "bg_nbd", "tweedie"]),
    ],
)
def test_families_and_names(given, expected):
    assert names(given) == expected


def test_every_family_has_a_default():
    assert {candidate.family for candidate in default_candidates()} == set(FAMILIES)


@pytest.mark.parametrize("candidate", default_candidates(), ids=lambda candidate: candidate.name)
def test_candidates_pickle_and_build(candidate):
    again = pickle.loads(pickle.dumps(candidate))
    estimator = again.estimator("13W", random_state=3)
    assert isinstance(estimator, SnapshotRegressor) == candidate.label_trained
    inner = getattr(estimator, "pipeline", estimator)
    assert isinstance(inner, Pipeline)


def test_an_own_candidate_of_a_default_name_takes_its_place():
    own = {"tweedie": HistoricalRate(), "mine": Candidate("other", "own", None)}
    candidates = {candidate.name: candidate for candidate in resolve_candidates(own)}
    assert list(candidates)[-1] == "mine"
    assert candidates["tweedie"].family == "own"
    assert len(candidates) == 6


@pytest.mark.parametrize(
    ("estimator", "label_trained"),
    [
        (HistoricalRate(), False),
        (BTYDRegressor(), False),
        (make_pipeline(BTYDRegressor()), False),
        (PopulationMean(), True),
        (SnapshotRegressor(PopulationMean()), True),
        (make_pipeline(default_features(), RandomForestRegressor()), True),
    ],
)
def test_what_learns_from_labels_is_known(estimator, label_trained):
    (candidate,) = [c for c in resolve_candidates({"own": estimator}) if c.name == "own"]
    assert candidate.label_trained is label_trained


def test_own_estimators_get_the_horizon_and_the_seed_of_the_search():
    forest = make_pipeline(default_features(), SimpleImputer(), RandomForestRegressor())
    (candidate,) = [c for c in resolve_candidates({"own": forest}) if c.name == "own"]
    built = candidate.estimator("13W", random_state=5)
    assert built.horizon == "13W"
    assert built.pipeline[-1].random_state == 5
    assert forest[-1].random_state is None
    fixed = make_pipeline(default_features(), RandomForestRegressor(random_state=1))
    (candidate,) = [c for c in resolve_candidates({"own": fixed}) if c.name == "own"]
    assert candidate.estimator("13W", random_state=5).pipeline[-1].random_state == 1
    # Validated at another horizon where the log is short.
    (candidate,) = [
        c for c in resolve_candidates({"own": BTYDRegressor(horizon="39W")}) if c.name == "own"
    ]
    assert candidate.estimator("136D").horizon == "136D"


def test_a_snapshot_regressor_keeps_its_own_settings():
    own = SnapshotRegressor(PopulationMean(), "39W", n_snapshots=2)
    (candidate,) = [c for c in resolve_candidates({"own": own}) if c.name == "own"]
    built = candidate.estimator("13W", labels="given")
    assert (built.horizon, built.n_snapshots, built.labels) == ("13W", 2, "given")


def test_parameters_of_the_snapshots_go_around_the_pipeline():
    (tweedie,) = resolve_candidates("boosting")
    params = {"num_leaves": 7, "snapshots__n_snapshots": 2}
    built = tweedie.estimator("13W", random_state=0, params=params)
    assert built.n_snapshots == 2
    assert built.pipeline[-1].num_leaves == 7


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("bayes", r"neither a family nor a candidate"),
        (["btyd", "tweedi"], r"Did you mean 'tweedie'"),
        ({"own": RandomForestRegressor}, r"an instance"),
        ({"own": None}, r"candidates\['own'\]"),
        ([], r"empty"),
    ],
)
def test_what_is_no_candidate_gets_a_message(given, text):
    with pytest.raises(UnknownNameError, match=text):
        resolve_candidates(given)
