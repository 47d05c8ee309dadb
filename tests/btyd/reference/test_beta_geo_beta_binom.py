"""The BG/BB model's rows of the reference table."""

import numpy as np
import pandas as pd
import pytest

from clvkit.btyd import BetaGeoBetaBinom

MODELS = {"BG/BB": BetaGeoBetaBinom}


@pytest.fixture(scope="module")
def summary_of(donations):
    """Return the donors one by one: the table has a row for each kind of history."""
    rows, weights = donations
    donors = pd.DataFrame(np.repeat(rows, weights, axis=0), columns=["frequency", "recency", "T"])
    donors.attrs["time_unit"] = "1Y"
    return lambda name: {"donations": donors}[name]


def customer(case):
    return [[case.args["x"], case.args["t_x"], case.args["n"]]]


def conditional(horizon):
    return lambda case: case.model.expected_purchases(customer(case), horizon)[0]


def newcomers_with(x):
    """Return how many donors are expected to give x times in six years."""
    return lambda case: len(case.summary) * case.model.purchase_pmf_newcomer(6, x)[x]


def yearly(case):
    total = case.model.expected_purchases_newcomer(np.arange(12.0))
    return len(case.summary) * np.diff(total)


QUANTITIES = {
    "loglik_i": lambda case: case.model.log_likelihood(customer(case))[0],
    "P_alive at n+1": lambda case: case.model.probability_alive(customer(case), ahead=1)[0],
    "P_alive at n+1 (2002)": lambda case: case.model.probability_alive(customer(case), ahead=1)[0],
    "CET n*=5": conditional(5),
    "CET n*=10": conditional(10),
    "E[X(10)]": lambda case: case.model.expected_purchases_newcomer(10),
    "E[X(n)]": lambda case: case.model.expected_purchases_newcomer(case.args["n"]),
    "DERT": lambda case: case.model.expected_discounted_purchases(customer(case), case.args["d"])[
        0
    ],
    "sum CET n*=5": lambda case: case.model.expected_purchases(case.summary, 5).sum(),
    "expected #donors with x=0 repeat in 6": newcomers_with(0),
    "expected #donors with x=6 repeat in 6": newcomers_with(6),
    "expected_inc_tx yr1..11": yearly,
}


def test_table_is_read(reference_table):
    assert len(reference_table(MODELS)) > 90


def test_reference_number(reference_case):
    assert reference_case.compute() == reference_case.expected
