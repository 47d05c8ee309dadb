import numpy as np
import pytest

from clvkit.errors import UnknownNameError
from clvkit.history import latest_histories
from clvkit.history._targets import TARGETS, future_outcome


@pytest.fixture
def known(hand_log):
    X = latest_histories(hand_log, end="2024-07-31")
    return X.drop(index="L newcomer", level="customer_id")["history"].array


def outcome(known, days, **options):
    stop = np.datetime64("2024-06-30") + np.timedelta64(days, "D")
    return future_outcome(known.cut_back("2024-06-30"), known.cut_back(stop), **options)


@pytest.mark.parametrize(
    ("options", "column"),
    [
        ({}, "spend"),
        ({"floor": None}, "net"),
        ({"target": "purchases"}, "purchases"),
        ({"target": "purchases", "floor": None}, "purchases"),
    ],
    ids=["spend", "net", "purchases", "purchases without a floor"],
)
def test_the_hand_computed_log(known, hand_answers, options, column):
    np.testing.assert_array_equal(outcome(known, 30, **options), hand_answers[column])


def test_active(known, hand_answers):
    active = outcome(known, 30, target="active")
    np.testing.assert_array_equal(active, (hand_answers["purchases"] > 0).astype(float))


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_happens_in_no_time(known, target):
    assert (outcome(known, 0, target=target) == 0).all()


def test_the_last_day_belongs_to_the_horizon(known, hand_answers):
    row = hand_answers.index.get_loc("F at cutoff")
    assert outcome(known, 29)[row] == 0.0
    assert outcome(known, 30)[row] == 7.0
    assert outcome(known, 31)[row] == 107.0


def test_unknown_target(known):
    with pytest.raises(UnknownNameError, match=r"target='profit' is not known. Choose one of"):
        outcome(known, 30, target="profit")
