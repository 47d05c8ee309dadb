"""Nothing after a cutoff influences a row, and no row influences another: all candidates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvkit import latest_histories
from clvkit.automl import default_candidates
from clvkit.automl._validation import plan_validation
from clvkit.history import get_histories

pytestmark = pytest.mark.filterwarnings(
    "ignore::clvkit.errors.BoundaryWarning", "ignore::sklearn.exceptions.ConvergenceWarning"
)

START, CUTOFF, END = np.datetime64("2020-01-01"), "2020-07-31", "2020-10-31"
HORIZON = "30D"
DEFAULTS = {candidate.name: candidate for candidate in default_candidates()}


@st.composite
def logs(draw):
    """A log of 40 customers over ten months with refunds, ties and free orders."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_events = draw(st.integers(150, 500))
    ids = np.concatenate([np.arange(40), rng.integers(0, 40, n_events - 40)])
    days = START + rng.integers(0, 300, n_events)
    amount = rng.gamma(1.5, 20, n_events).round(2) * rng.choice([1, 1, 1, 1, 0, -1], n_events)
    early = START + np.arange(40) % 20  # everybody is known well before the cutoff
    days[:40], amount[:40] = early, np.abs(amount[:40]) + 1
    return pd.DataFrame({"customer_id": ids, "date": days, "amount": amount})


def change_the_future(log: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the log with everything after the cutoff drawn anew."""
    rng = np.random.default_rng(seed)
    past = log[log["date"] <= CUTOFF]
    n_events = int(rng.integers(1, 100))
    days = np.datetime64(CUTOFF) + 1 + rng.integers(0, 90, n_events)
    amounts = rng.normal(0, 1e5, n_events)
    new = {"customer_id": rng.integers(0, 60, n_events), "date": days, "amount": amounts}
    return pd.concat([past, pd.DataFrame(new)], ignore_index=True)


@pytest.mark.parametrize("name", DEFAULTS)
@settings(max_examples=12, deadline=None)
@given(log=logs(), seed=st.integers(0, 1000))
def test_a_fit_at_an_origin_knows_nothing_of_what_came(name, log, seed):
    """Fitted and asked at a cutoff, a candidate is the same whatever happened afterwards."""
    predictions = []
    for version in (log, change_the_future(log, seed)):
        whole = latest_histories(version, END)
        known = get_histories(whole).cut_back(CUTOFF)
        X = whole.assign(history=known)[known.n_events > 0]
        model = DEFAULTS[name].estimator(HORIZON, random_state=0).fit(X)
        predictions.append(pd.Series(model.predict(X), X.index.get_level_values(0)))
    pd.testing.assert_series_equal(*predictions, rtol=0, atol=0)


@pytest.mark.parametrize("name", DEFAULTS)
@settings(max_examples=12, deadline=None)
@given(log=logs(), seed=st.integers(0, 1000))
def test_a_prediction_does_not_depend_on_its_batch(name, log, seed):
    X = latest_histories(log, CUTOFF)
    model = DEFAULTS[name].estimator(HORIZON, random_state=0).fit(X)
    together = model.predict(X)
    order = np.random.default_rng(seed).permutation(len(X))
    # To the last bits: where a row stands decides which instructions compute it (the vector ones
    # or those of the remainder), and these may round differently.
    assert model.predict(X.iloc[order]) == pytest.approx(together[order], rel=1e-11)
    alone = [model.predict(X.iloc[[i]])[0] for i in order[:5]]
    assert alone == pytest.approx(together[order[:5]], rel=1e-11)


@settings(max_examples=12, deadline=None)
@given(log=logs(), seed=st.integers(0, 1000))
def test_what_came_after_an_origin_is_in_its_labels_only(log, seed):
    """Folds of two logs that agree up to an origin differ there in y alone."""
    plans = []
    for version in (log, change_the_future(log, seed)):
        X = latest_histories(version, END)
        plans.append(plan_validation(X, None, HORIZON, n_origins=4))
    for ours, theirs in zip(*[plan.folds for plan in plans], strict=True):
        if ours.origin <= CUTOFF:
            for table in ("X_known", "X_test"):
                pd.testing.assert_frame_equal(getattr(ours, table), getattr(theirs, table))
