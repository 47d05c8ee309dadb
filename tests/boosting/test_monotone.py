import numpy as np
import pytest

from clvkit.boosting._monotone import constraint_list
from clvkit.errors import ArgumentError, UnknownNameError

NAMES = ["rate", "gap", "country"]


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        (None, None),
        ({}, [0, 0, 0]),
        ({"gap": -1, "rate": 1}, [1, -1, 0]),
        ([1, 0, 0], [1, 0, 0]),
        (np.array([0, -1, 0]), [0, -1, 0]),
    ],
    ids=str,
)
def test_constraints_go_by_name_or_by_place(constraints, expected):
    assert constraint_list(constraints, NAMES, 3, ["country"]) == expected


@pytest.mark.parametrize(
    ("constraints", "names", "error", "message"),
    [
        pytest.param(
            {"frequency": 1}, NAMES, UnknownNameError, "such as 'frequency'.*rate, gap", id="name"
        ),
        pytest.param(
            {"rate": 1}, None, ArgumentError, r"set_output\(transform='pandas'", id="array"
        ),
        pytest.param([1, 0], NAMES, ArgumentError, "2 values and X has 3 features", id="length"),
        pytest.param({"rate": 2}, NAMES, ArgumentError, "holds 2; each must be -1", id="value"),
        pytest.param(
            [0, 0, 1], NAMES, ArgumentError, "categorical feature 'country'", id="category"
        ),
    ],
)
def test_constraints_that_make_no_sense_are_refused(constraints, names, error, message):
    with pytest.raises(error, match=message):
        constraint_list(constraints, names, 3, ["country"])
