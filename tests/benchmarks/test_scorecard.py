"""What a competitor tells is scored, and what it does not tell is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.levels import DISTRIBUTION_METRICS, LEVELS
from benchmarks.scorecard import ALL_METRICS, Scored, score_prediction
from benchmarks.scores import METRICS
from benchmarks.truth import Split

INDEX = pd.Index(["a", "b", "c", "d"], name="customer_id")
SPLIT = Split(
    pd.DataFrame(),
    pd.Series([0.0, 30.0, 0.0, 10.0], INDEX),
    pd.Series([0.0, 3.0, 0.0, 1.0], INDEX),
)


def told(**columns):
    return pd.DataFrame(columns, index=INDEX)


def test_spend_alone_has_no_distribution_and_ranks_activity():
    found = score_prediction(SPLIT, told(spend=[1.0, 20.0, 2.0, 5.0]))
    assert set(found) == {*METRICS, "without_prediction", "active_auc"}
    assert found["active_auc"] == 1.0
    assert Scored(SPLIT, told(spend=[1.0, 20.0, 2.0, 5.0])).crps is None


def test_the_chance_of_a_purchase_comes_before_purchases_and_spend():
    given = told(spend=[1.0, 20.0, 2.0, 5.0], purchases=[4.0, 1.0, 3.0, 2.0])
    found = score_prediction(SPLIT, given)
    assert found["active_auc"] == 0.0
    assert found["purchases_mae"] == pytest.approx((4 + 2 + 3 + 1) / 4)
    assert found["purchases_bias"] == pytest.approx(10 / 4 - 1)
    assert "active_brier" not in found
    found = score_prediction(SPLIT, given.assign(active=[0.0, 1.0, 0.5, 0.5]))
    assert found["active_auc"] == pytest.approx(3.5 / 4)
    assert found["active_brier"] == pytest.approx(0.5 / 4)


def test_quantiles_have_all_metrics_of_a_distribution():
    quantiles = {str(level): SPLIT.spend.to_numpy() for level in LEVELS}
    given = told(spend=SPLIT.spend, purchases=1.0, active=0.5, **quantiles)
    found = score_prediction(SPLIT, given)
    assert set(found) == {*ALL_METRICS, "without_prediction"}
    assert [found[name] for name in DISTRIBUTION_METRICS] == [0.0, 1.0, 0.0, 1.0, 1.0]


def test_who_is_left_out_is_expected_to_spend_and_buy_nothing():
    quantiles = {str(level): 1.0 for level in LEVELS}
    given = told(spend=1.0, purchases=1.0, **quantiles).iloc[:2]
    scored = Scored(SPLIT, given)
    assert scored.metrics["without_prediction"] == 2
    assert scored.metrics["purchases_mae"] == pytest.approx((1 + 2 + 0 + 1) / 4)
    assert scored.crps is not None
    assert scored.crps[2] == 0.0
    assert np.all(scored.crps[[0, 1, 3]] > 0)
