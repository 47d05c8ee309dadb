import re

import numpy as np
import pytest

from clvkit.errors import ArgumentError, ClvkitError, UnknownNameError
from clvkit.history import latest_histories, make_samples
from clvkit.history._targets import TARGETS, check_floor, future_outcome


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


@pytest.mark.parametrize("floor", ["a", float("nan"), float("-inf"), [0.0]], ids=str)
def test_a_floor_is_a_finite_number_or_none(hand_log, floor):
    message = rf"floor={re.escape(repr(floor))} must be a finite number, such as 0.0, or None"
    with pytest.raises(ValueError, match=message) as caught:
        make_samples(hand_log, "30D", "2024-06-30", floor=floor)
    assert isinstance(caught.value, ArgumentError)
    assert isinstance(caught.value, ClvkitError)


@pytest.mark.parametrize("floor", [None, 0, -5.0, np.float32(1.5)], ids=str)
def test_floors_that_are_allowed(floor):
    check_floor(floor)
