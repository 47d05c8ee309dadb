"""Models of regular purchases compete where purchases are regular, and where they are asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvkit import AutoCLV, latest_histories
from clvkit.automl._rhythm import RHYTHMIC, leave_out_without_rhythm
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import all_candidates, resolve_candidates


def log_of(k: float, n_customers: int = 60) -> pd.DataFrame:
    """Return two years of purchases at Gamma(k) intervals of two weeks in the mean."""
    gaps = np.random.default_rng(0).gamma(k, 14.0 / k, size=(n_customers, 80))
    days = np.cumsum(gaps, axis=1)
    who, which = np.nonzero(days < 730.0)
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(days[who, which], unit="D")
    rng = np.random.default_rng(1)
    amounts = rng.gamma(4.0, 1.0, size=len(who)) / rng.gamma(4.0, 1.0, size=n_customers)[who]
    return pd.DataFrame({"customer_id": who, "date": dates, "amount": amounts})


def left(asked, log):
    validation = plan_validation(latest_histories(log), None, "26W", n_origins=2)
    kept = leave_out_without_rhythm(resolve_candidates(asked), asked, validation)
    return [candidate.name for candidate in kept]


@pytest.mark.parametrize("asked", ["all", "btyd", ["boosting", "btyd"]])
def test_they_compete_where_purchases_are_regular(asked):
    assert set(RHYTHMIC) <= set(left(asked, log_of(4.0)))
    assert not set(RHYTHMIC) & set(left(asked, log_of(1.0)))


def test_nobody_else_is_left_out():
    every = [candidate.name for candidate in all_candidates()]
    assert left("all", log_of(1.0)) == [name for name in every if name not in RHYTHMIC]
    assert left("default", log_of(1.0)) == left("default", log_of(4.0))


@pytest.mark.parametrize("asked", ["pareto_ggg", ["btyd", "pareto_ggg"]])
def test_whoever_is_named_competes(asked):
    assert "pareto_ggg" in left(asked, log_of(1.0))
    assert "mbg_cnbd" not in left(asked, log_of(1.0))


def test_whoever_is_given_competes():
    ggg = next(one for one in all_candidates() if one.name == "pareto_ggg")
    assert left([ggg], log_of(1.0)) == ["pareto_ggg"]
    assert left(["bg_nbd", replace(ggg, name="mbg_cnbd")], log_of(1.0)) == ["bg_nbd", "mbg_cnbd"]


def test_a_log_in_which_nobody_bought_three_times_has_no_rhythm():
    log = log_of(4.0)
    ends = log.groupby("customer_id")["date"].agg(["first", "last"])
    rare = log[log["date"].isin(ends.to_numpy().ravel())]
    assert not set(RHYTHMIC) & set(left("all", rare))


def test_what_comes_after_the_first_origin_does_not_count():
    log = log_of(4.0)
    late = log["date"] >= "2021-01-01"
    random = log_of(1.0)
    mixed = pd.concat([log[~late], random[random["date"] >= "2021-01-01"]])
    assert set(RHYTHMIC) <= set(left("all", mixed))


@pytest.mark.filterwarnings("ignore::clvkit.errors.BoundaryWarning")  # nobody drops out
@pytest.mark.long
def test_a_search_leaves_them_out():
    log = log_of(1.0)
    auto = AutoCLV("26W", candidates="btyd", n_trials=7, n_origins=1, random_state=0, verbose=0)
    assert not set(RHYTHMIC) & set(auto.fit(log).leaderboard_.index)
