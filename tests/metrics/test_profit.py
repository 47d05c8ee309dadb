"""What a campaign earns: who is contacted, what it costs, and what ties and weights do."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import cross_val_score

from clvkit.errors import ArgumentError
from clvkit.metrics import campaign_profit, profit_scorer

SPEND = np.array([40.0, 0.0, 90.0, 5.0])
PREDICTED = np.array([20.0, 30.0, 50.0, 4.0])


@pytest.mark.parametrize(
    ("cost", "budget", "profit"),
    [
        (2, None, 0.3 * 130 - 6),  # 0.3 * 4 does not pay for a contact
        (0, None, 0.3 * 135),  # all are worth it
        (2, 6, 0.3 * 130 - 6),
        (2, 4, 0.3 * 90 - 4),  # the best two, of whom the second spends nothing
        (2, 3, 0.3 * 90 - 3),
        (2, 1, (0.3 * 90 - 2) / 2),  # half of the best one
        (0, 1, 0.3 * 135),  # nothing costs anything
        (20, None, 0),
        (10, 1000, 0.3 * 90 - 10),
    ],
)
def test_who_is_contacted(cost, budget, profit):
    found = campaign_profit(SPEND, PREDICTED, margin=0.3, contact_cost=cost, budget=budget)
    assert found == pytest.approx(profit)


def test_it_can_be_a_loss():
    assert campaign_profit([0, 0], [50, 60], margin=0.5, contact_cost=3) == -6


def test_equal_predictions_are_contacted_in_proportion():
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        found = campaign_profit(
            SPEND[order], np.full(4, 50.0), margin=0.3, contact_cost=2, budget=2
        )
        assert found == pytest.approx(0.3 * SPEND.mean() - 2)


def test_a_weight_is_so_many_customers():
    repeated = np.repeat(np.arange(4), [1, 3, 2, 1])
    terms = {"margin": 0.3, "contact_cost": 2, "budget": 7}
    found = campaign_profit(SPEND, PREDICTED, sample_weight=[1, 3, 2, 1], **terms)
    assert found == pytest.approx(campaign_profit(SPEND[repeated], PREDICTED[repeated], **terms))


@given(
    st.lists(st.tuples(st.floats(0, 1e3), st.floats(0, 1e3)), min_size=1, max_size=30),
    st.floats(0.01, 1),
    st.floats(0.1, 50),
    st.floats(1, 500),
)
def test_knowing_the_spend_earns_most(rows, margin, cost, budget):
    """No order and no level earns more within the budget than the truth itself."""
    spend, predicted = np.array(rows).T
    terms = {"margin": margin, "contact_cost": cost, "budget": budget}
    best = campaign_profit(spend, spend, **terms)
    assert best >= -1e-9
    assert campaign_profit(spend, predicted, **terms) <= best + 1e-6


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ({"margin": 0, "contact_cost": 1}, "margin must be above 0"),
        ({"margin": 30, "contact_cost": 1}, r"0\.3 is 30 %\); got 30"),
        ({"margin": 0.3, "contact_cost": -1}, "contact_cost must be 0 or more"),
        ({"margin": 0.3, "contact_cost": np.nan}, "contact_cost must be 0 or more"),
        ({"margin": 0.3, "contact_cost": 1, "budget": 0}, "budget must be above 0"),
    ],
)
def test_terms_that_mean_nothing_are_refused_at_once(terms, text):
    with pytest.raises(ArgumentError, match=text):
        campaign_profit(SPEND, PREDICTED, **terms)
    with pytest.raises(ArgumentError, match=text):
        profit_scorer(**terms)


def test_the_scorer_is_one_of_scikit_learn():
    scorer = profit_scorer(0.3, 2, 500)
    X = np.zeros((4, 1))
    model = DummyRegressor().fit(X, SPEND)
    expected = campaign_profit(SPEND, model.predict(X), margin=0.3, contact_cost=2, budget=500)
    assert scorer(model, X, SPEND) == expected
    again = pickle.loads(pickle.dumps(scorer))
    assert again(model, X, SPEND) == expected
    assert scorer.__name__ == again.__name__ == "profit"
    assert len(cross_val_score(DummyRegressor(), X, SPEND, scoring=scorer, cv=2)) == 2
