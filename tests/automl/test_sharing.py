"""Results that trials share: the same with and without, computed once, bounded."""

from __future__ import annotations

import threading
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from clvkit import latest_histories
from clvkit.automl._evaluation import evaluate
from clvkit.automl._sharing import Shared, SharedResults, SharingTrial, fingerprint_rows, share
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import all_candidates
from clvkit.btyd import BTYDRegressor
from clvkit.features import RFMFeatures, default_features
from clvkit.history import HistoryArray, get_histories, replace_histories
from clvkit.history._event_store import EventStore
from clvkit.metrics import get_clv_scorer
from clvkit.utils._warnings import collected, warn_user

D2 = get_clv_scorer("d2_tweedie")
CANDIDATES = {candidate.name: candidate for candidate in all_candidates()}


@pytest.fixture(scope="module")
def log(cdnow):
    return cdnow[cdnow["customer_id"] % 6 == 0]


@pytest.fixture(scope="module")
def validation(log):
    return plan_validation(latest_histories(log, end="1998-06-30"), None, "13W", n_origins=2)


@pytest.fixture(scope="module")
def results():
    """Shared by all tests of candidates, in which much was computed for others."""
    return SharedResults()


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("bg_nbd", {}),
        ("tweedie", {}),
        ("tweedie", {"snapshots__n_snapshots": 2}),
        ("hybrid", {}),
        ("hybrid_average", {}),
        ("ridge", {}),
        ("svr", {}),
    ],
)
def test_sharing_changes_nothing_but_the_time(validation, results, name, params):
    alone = evaluate(CANDIDATES[name], params, 0, validation, D2, 0)
    first = evaluate(CANDIDATES[name], params, 0, validation, D2, 0, shared=results)
    again = evaluate(CANDIDATES[name], params, 0, validation, D2, 0, shared=results)
    assert alone.error == ""
    for other in (first, again):
        assert other.scores == alone.scores
        assert str(other.metrics) == str(alone.metrics)
        assert other.warnings == alone.warnings
        for ours, theirs in zip(other.predictions, alone.predictions, strict=True):
            assert np.array_equal(ours, theirs)
    assert alone.feature_seconds > 0
    assert alone.saved_seconds == 0
    assert again.feature_seconds == 0
    assert again.saved_seconds > 0


def test_the_estimator_that_is_kept_has_no_stand_ins(validation):
    candidate = CANDIDATES["hybrid_average"]
    shared = share(candidate.estimator("13W"), SharingTrial(SharedResults()))
    kinds = [type(part) for part in shared.get_params(deep=True).values()]
    assert kinds.count(Shared) == 4  # features, streams, purchase models; and the BG/NBD beside
    assert not any(
        isinstance(part, Shared) for part in candidate.estimator("13W").get_params().values()
    )


def test_a_stand_in_answers_as_what_it_stands_for(validation):
    X = validation.folds[0].X_known
    trial = SharingTrial(SharedResults())
    names = [default_features().fit(X).get_feature_names_out().tolist()]
    pandas = share(default_features().set_output(transform="pandas"), trial)
    names += [pandas.fit_transform(X).columns.tolist()]
    names += [clone(pandas).fit(X).get_feature_names_out().tolist()]
    assert names[0] == names[1] == names[2]
    model = share(BTYDRegressor(horizon="13W"), trial).fit(X)
    expected = BTYDRegressor(horizon="13W").fit(X)
    pd.testing.assert_frame_equal(model.predict_components(X), expected.predict_components(X))
    with pytest.raises(AttributeError):
        _ = model.no_such_method


def test_transformers_of_other_kinds_are_left_as_they_are():
    columns = ColumnTransformer([("keep", "passthrough", ["age"])])
    pipeline = Pipeline([("columns", columns), ("last", BTYDRegressor())])
    share(pipeline, SharingTrial(SharedResults()))
    assert pipeline["columns"] is columns
    assert isinstance(pipeline["last"], Shared)


def changes():
    yield "other_rows", lambda X: X.iloc[1:]
    yield "other_order", lambda X: X.iloc[::-1]
    yield "covariate", lambda X: X.assign(country="US")
    yield "customers", lambda X: X.rename(index=lambda customer: customer + 1, level=0)
    yield "cutoffs", lambda X: replace_histories(X, get_histories(X).cut_back("1997-12-31"))


@pytest.mark.parametrize("change", dict(changes()).values(), ids=dict(changes()))
def test_rows_are_told_by_their_content(log, change):
    X = latest_histories(log)
    assert fingerprint_rows(X) == fingerprint_rows(X.copy())
    assert fingerprint_rows(X) != fingerprint_rows(change(X))


def test_rows_without_a_frame_are_told_too(log):
    X = latest_histories(log)
    assert fingerprint_rows(X["history"].array) != fingerprint_rows(X["history"].array[1:])
    assert fingerprint_rows(np.arange(3)) != fingerprint_rows(np.arange(4))


def test_what_was_not_used_for_longest_makes_room():
    results = SharedResults(max_bytes=2000)
    trial = SharingTrial(results)
    computed = []

    def make(name):
        computed.append(name)
        return np.zeros(100)

    for name in ("a", "b", "a", "c", "a", "b"):
        trial.get((name,), lambda name=name: make(name))
    assert computed == ["a", "b", "c", "b"]
    assert results.n_bytes <= 2000


def test_nobody_can_change_what_others_read():
    values = SharingTrial(SharedResults()).get(("a",), lambda: np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1.0


def test_two_that_ask_at_once_get_one_result():
    results, computed = SharedResults(), []

    def slow():
        computed.append(1)
        time.sleep(0.1)
        return np.zeros(3)

    def ask():
        SharingTrial(results).get(("a",), slow)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 1


def test_a_failure_is_not_kept():
    trial = SharingTrial(SharedResults())
    with pytest.raises(ZeroDivisionError):
        trial.get(("a",), lambda: 1 / 0)
    assert trial.get(("a",), lambda: 7) == 7


def test_warnings_are_given_to_everybody_who_gets_the_result():
    results = SharedResults()

    def doubtful():
        warn_user("at the boundary", UserWarning)
        return 7

    for _ in range(2):
        with collected() as messages:
            SharingTrial(results).get(("a",), doubtful)
        assert messages == ["UserWarning: at the boundary"]


def test_equal_transformers_share_and_different_ones_do_not(validation):
    X = validation.folds[0].X_known
    results = SharedResults()
    first, second, third = (SharingTrial(results) for _ in range(3))
    Shared(RFMFeatures(), first).fit(X)
    Shared(RFMFeatures(), second).fit(X)
    Shared(RFMFeatures(half_life="30D"), third).fit(X)
    assert [trial.seconds > 0 for trial in (first, second, third)] == [True, False, True]


def test_a_store_at_the_address_of_one_that_is_gone_is_another_one(log):
    """As an own transformer makes them that changes amounts."""
    X = latest_histories(log, end="1998-06-30")
    array = get_histories(X)
    begin, cutoff = array.begin, array.cutoff_moments
    digests, addresses = set(), set()
    for factor in range(20):
        store = EventStore(array.store.time, array.store.amount * factor)
        changed = HistoryArray(store, begin, begin + array.n_events, cutoff, array.dtype)
        digests.add(fingerprint_rows(changed))
        addresses.add(id(store))
        del store, changed
    assert len(digests) == 20 > len(addresses)
