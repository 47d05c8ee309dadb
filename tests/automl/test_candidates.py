"""Candidates: what is named, what is a user's own, and how they are built."""

from __future__ import annotations

import pickle

import numpy as np
import optuna
import pytest
import skops.io
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline

from clvkit.automl import Candidate, all_candidates
from clvkit.automl.candidates import FAMILIES, resolve_candidates
from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.btyd import BTYDRegressor
from clvkit.calibration import ConformalInterval, SeasonCalibration, TotalCalibration
from clvkit.errors import UnknownNameError
from clvkit.features import default_features
from clvkit.history import latest_histories, make_samples
from clvkit.metrics import d2_tweedie
from clvkit.model_selection import AverageRegressor, SnapshotRegressor
from clvkit.serving._trust import TRUSTED_TYPES

DEFAULT = [
    "historical_rate", "last_period", "population_mean",
    "bg_nbd", "mbg_nbd", "pareto_nbd", "bg_nbd_conditional",
    "tweedie", "hybrid", "tweedie_glm",
]  # fmt: skip


def names(candidates):
    return [candidate.name for candidate in resolve_candidates(candidates)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("default", DEFAULT),
        (
            "btyd",
            [
                *("bg_nbd", "mbg_nbd", "pareto_nbd", "bg_nbd_conditional"),
                *("mbg_cnbd", "pareto_ggg", "ggompertz_nbd", "pareto_nbd_season"),
            ],
        ),
        ("bg_nbd", ["bg_nbd"]),
        (["boosting", "last_period"], ["tweedie", "last_period"]),
        ("hybrid", ["hybrid", "hybrid_average"]),
        (["ridge", "hybrid_average"], ["ridge", "hybrid_average"]),
        ("all", [candidate.name for candidate in all_candidates()]),
        (["baseline", "historical_rate"], ["historical_rate", "last_period", "population_mean"]),
        (("default",), DEFAULT),
    ],
)
def test_families_and_names(given, expected):
    assert names(given) == expected


def test_every_family_has_a_candidate():
    families = [candidate.family for candidate in all_candidates()]
    assert list(dict.fromkeys(families)) == list(FAMILIES)


for_every_candidate = pytest.mark.parametrize(
    "candidate", all_candidates(), ids=lambda candidate: candidate.name
)


@for_every_candidate
def test_candidates_pickle_and_build(candidate):
    again = pickle.loads(pickle.dumps(candidate))
    estimator = again.estimator("13W", random_state=3, labels="given")
    parts = [estimator, *estimator.get_params(deep=True).values()]
    snapshots = [part for part in parts if isinstance(part, SnapshotRegressor)]
    assert bool(snapshots) == candidate.label_trained
    assert all((part.horizon, part.labels) == ("13W", "given") for part in snapshots)
    inner = getattr(estimator, "pipeline", estimator)
    assert isinstance(inner, Pipeline)


@for_every_candidate
def test_spaces_suggest_what_the_builders_take(candidate):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(5):
        params = candidate.space(study.ask())
        assert bool(params) == candidate.tunable
        estimator = candidate.estimator("13W", random_state=0, params=params)
        shown = str(list(estimator.get_params(deep=True).values()))
        assert all(str(value) in shown for value in params.values())


TRAINED = [c for c in all_candidates() if c.label_trained]


@pytest.fixture(scope="module")
def noise(cdnow):
    """Samples whose labels have nothing to do with the histories, twice."""
    X = make_samples(cdnow, "13W", cutoffs="1997-12-31").X
    rng = np.random.default_rng(0)
    return X, *(np.where(rng.random(len(X)) < 0.2, rng.lognormal(3, 1, len(X)), 0) for _ in "ab")


@pytest.mark.parametrize("candidate", TRAINED, ids=lambda candidate: candidate.name)
def test_nothing_is_gained_on_noise(noise, candidate):
    """No candidate explains fresh noise better than its mean does."""
    X, y, fresh = noise
    fitted = candidate.estimator("13W", random_state=0, labels="given").fit(X, y)
    mean = PopulationMean().fit(X, y)
    gained = d2_tweedie(fresh, fitted.predict(X)) - d2_tweedie(fresh, mean.predict(X))
    assert gained <= 0.005


@pytest.mark.parametrize("candidate", TRAINED, ids=lambda candidate: candidate.name)
def test_candidates_learn_from_histories_alone_and_survive_storage(cdnow, candidate):
    X = latest_histories(cdnow, cutoff="1998-03-31")
    fitted = candidate.estimator("13W", random_state=0).fit(X)
    prediction = fitted.predict(X)
    assert np.isfinite(prediction).all()
    assert (prediction >= 0).all()
    again = skops.io.loads(skops.io.dumps(fitted), trusted=list(TRUSTED_TYPES))
    assert np.array_equal(again.predict(X), prediction)
    if candidate.family != "baseline":
        actual = make_samples(cdnow, "13W", cutoffs="1998-03-31").y
        assert d2_tweedie(actual, prediction) > 0.05


def test_the_average_of_boosting_and_purchase_model(cdnow):
    (candidate,) = resolve_candidates("hybrid_average")
    X = latest_histories(cdnow, cutoff="1998-03-31")
    boosting, bg_nbd = (
        c.estimator("13W", random_state=0).fit(X).predict(X)
        for c in resolve_candidates(["hybrid", "bg_nbd"])
        if c.name != "hybrid_average"
    )
    average = candidate.estimator("13W", random_state=0, params={"weight": 0.25}).fit(X)
    assert average.predict(X) == pytest.approx(0.25 * boosting + 0.75 * bg_nbd)


def test_an_own_candidate_of_a_default_name_takes_its_place():
    own = {"tweedie": HistoricalRate(), "mine": Candidate("other", "own", None)}
    candidates = {candidate.name: candidate for candidate in resolve_candidates(own)}
    assert list(candidates)[:2] == ["tweedie", "mine"]
    assert candidates["tweedie"].family == "own"
    assert len(candidates) == len(DEFAULT) + 1


@pytest.mark.parametrize(
    ("estimator", "label_trained"),
    [
        (HistoricalRate(), False),
        (BTYDRegressor(), False),
        (make_pipeline(BTYDRegressor()), False),
        (PopulationMean(), True),
        (SnapshotRegressor(PopulationMean()), True),
        (make_pipeline(default_features(), RandomForestRegressor()), True),
        (SeasonCalibration(BTYDRegressor()), False),
        (make_pipeline(TotalCalibration(ConformalInterval(BTYDRegressor()))), False),
        (SeasonCalibration(SnapshotRegressor(PopulationMean())), True),
        (AverageRegressor([("a", BTYDRegressor()), ("b", HistoricalRate())]), False),
        (AverageRegressor([("a", BTYDRegressor()), ("b", PopulationMean())]), True),
    ],
)
def test_what_learns_from_labels_is_known(estimator, label_trained):
    (candidate,) = [c for c in resolve_candidates({"own": estimator}) if c.name == "own"]
    assert candidate.label_trained is label_trained


@pytest.mark.parametrize("name", ["ensemble", "", 1])
def test_a_name_that_is_none_or_the_mixtures_is_refused(name):
    with pytest.raises(UnknownNameError, match="'ensemble' is that of the mixture"):
        resolve_candidates({name: HistoricalRate()})


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
    (tweedie,) = resolve_candidates("tweedie")
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
