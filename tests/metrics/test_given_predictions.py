import numpy as np
import pytest

from clvkit.errors import NoComponentsError
from clvkit.metrics import d2_tweedie, get_clv_scorer
from clvkit.metrics._given_predictions import GivenPredictions

Y, P = np.array([0.0, 3.0, 0.0, 9.0]), np.array([1.0, 2.0, 1.0, 6.0])


def test_a_scorer_takes_them_without_any_X():
    assert get_clv_scorer("d2_tweedie")(GivenPredictions(P), None, Y) == d2_tweedie(Y, P)


def test_components_are_what_was_given():
    active = np.array([0.1, 0.8, 0.2, 0.9])
    given = GivenPredictions(P, {"probability_active": active})
    brier = np.mean((active - (Y > 0)) ** 2)
    assert get_clv_scorer("churn_brier")(given, None, Y) == pytest.approx(-brier)


def test_there_are_no_components_unless_given():
    with pytest.raises(NoComponentsError):
        get_clv_scorer("churn_brier")(GivenPredictions(P), None, Y)
