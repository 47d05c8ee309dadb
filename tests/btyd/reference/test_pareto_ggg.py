"""The rows of the reference table of the Pareto/GGG, on the grocery log.

Those with a tolerance are posterior medians of an MCMC chain and what was predicted from its draws;
maximum likelihood comes within that tolerance. Of the first customers the table has numbers that
were simulated, and printed with two digits. Means of the customers' medians of k, lambda, mu and
tau are left out: the model integrates over these, and gives no medians of them.
"""

import numpy as np
import pytest

from clvkit.btyd import ParetoGGG

pytestmark = pytest.mark.long

#: How far a number of one customer may be off, absolutely and relatively. Customers 1 and 4 have
#: the same history, and the table's chances of their being alive are 0.03 and 0.13.
MONTE_CARLO = {"CET52": (0.1, 0.05), "P_active52": (0.05, 0.0), "P_alive": (0.06, 0.0)}


@pytest.fixture(scope="module")
def fitted(summary_of):
    return ParetoGGG().fit(summary_of("grocery"))


def test_reference_numbers(reference_table, fitted, summary_of, holdout_of):
    expected = fitted.expected_purchases(summary_of("grocery"), "52W")
    error = np.abs(expected - holdout_of("grocery")).sum()
    alive = fitted.probability_alive(summary_of("grocery"))
    found = {
        "holdout52_total": expected.sum(),
        "holdout52_sum_abs_err/sum_actual": error / holdout_of("grocery").sum(),
        # The median of draws of 0 and 1.
        "mean_of_customer_medians:z": (alive > 0.5).mean(),
        **{f"posterior_median:{name}": value for name, value in fitted.params_.items()},
    }
    rows = [row for row in reference_table(["Pareto/GGG"]) if row["quantity"] in found]
    assert len(rows) == 9
    for row in rows:
        tolerance = float(row["tolerance"].split("=")[1].split()[0])
        value = float(row["value"])
        assert found[row["quantity"]] == pytest.approx(value, rel=tolerance), row["quantity"]


def test_first_customers(reference_table, fitted, summary_of):
    summary = summary_of("grocery")
    first = summary.iloc[:6].copy()
    first.attrs = summary.attrs
    found = {
        "CET52": fitted.expected_purchases(first, "52W"),
        "P_active52": fitted.probability_active(first, "52W"),
        "P_alive": fitted.probability_alive(first),
    }
    rows = [row for row in reference_table(["Pareto/GGG"]) if row["quantity"] in found]
    assert len(rows) == 18
    for row in rows:
        customer = int(row["args"].split('"cust":')[1].split(",")[0].rstrip("}"))
        absolute, relative = MONTE_CARLO[row["quantity"]]
        value = float(row["value"])
        actual = found[row["quantity"]][customer - 1]
        assert abs(actual - value) <= absolute + relative * value, (row["quantity"], customer)
