"""Published and independently recomputed numbers, each with the tolerance it came with.

The table lies beside the repository. Every row of the two models is a test; a quantity that
is not in ``QUANTITIES`` fails, so that none is passed over in silence.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from clvkit.btyd import BetaGeoNBD, GammaGamma

TABLE = Path(__file__).resolve().parents[2].parent / "shared/reference/reference_numbers.csv"
MODELS = {"BG/NBD": BetaGeoNBD, "Gamma-Gamma": GammaGamma}

#: (data set, model, quantity, value) -> why it does not hold.
EXCEPTIONS = {
    ("cdnow_exact", "BG/NBD", "E[X(t)]", "1.8576"): (
        "The spreadsheet sums 150 terms of a hypergeometric series, which give 1.85762; the whole "
        "series gives 1.857958 (see test_beta_geo_nbd.py::test_newcomer_against_mpmath)."
    ),
}


def read_table():
    if not TABLE.exists():
        return []
    with TABLE.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["model"] in MODELS]


def identify(row):
    return f"{row['dataset']}-{row['model']}-{row['quantity']}-{row['args']}"


class Case:
    """A row of the table, with the model and the summary that it speaks of."""

    def __init__(self, row, summary_of, holdout, fitted):
        self.row = row
        self.args = json.loads(row["args"])
        self.summary_of, self._holdout, self._fitted = summary_of, holdout, fitted

    @property
    def summary(self):
        return self.summary_of(self.row["dataset"])

    @property
    def holdout(self):
        return self._holdout()

    @property
    def fitted(self):
        return self._fitted(self.row["dataset"], self.row["model"])

    @property
    def model(self):
        if "params" in self.args:
            return MODELS[self.row["model"]].from_params(**self.args["params"])
        if self.args.get("at") == "BTYD MLE" or "BTYD-walkthrough" in self.row["source"]:
            return BetaGeoNBD.from_params(**btyd_estimates())
        return self.fitted

    @property
    def customer(self):
        return [[self.args["x"], self.args["t_x"], self.args["T"]]]


def btyd_estimates():
    """Return the estimates of BTYD's vignette, which its other numbers are made with."""
    return {
        row["quantity"].removeprefix("param:"): float(row["value"])
        for row in read_table()
        if "BTYD-walkthrough" in row["source"] and row["quantity"].startswith("param:")
    }


def newcomer(case):
    return case.model.expected_purchases_newcomer(case.args["t"])


def conditional(case):
    return case.model.expected_purchases(case.customer, case.args["t"])[0]


def cumulative(case, weeks):
    # The vignette counts calendar weeks from the first customer's first purchase.
    birth = case.summary["T"].max() - case.summary["T"].to_numpy()
    model = case.model
    return np.array(
        [model.expected_purchases_newcomer(week - birth[birth <= week]).sum() for week in weeks]
    )


def by_frequency(case):
    expected = case.model.expected_purchases(case.summary, 39)
    group = np.minimum(case.summary["frequency"], 7)
    return np.array([expected[group == k].mean() for k in range(8)])


def holdout_error(case):
    return case.fitted.expected_purchases(case.summary, "39W") - case.holdout


def spend(case):
    if "row" in case.args:
        return case.model.expected_spend(case.summary.iloc[[case.args["row"]]])[0]
    return case.model.expected_spend([[case.args["x"], 1, 1, case.args["zbar"]]])[0]


QUANTITIES = {
    "loglik_max": lambda case: case.fitted.log_likelihood_,
    "loglik_i": lambda case: case.model.log_likelihood(case.customer)[0],
    "P_alive": lambda case: case.model.probability_alive(case.customer)[0],
    "CET": conditional,
    "CET (increasing-frequency paradox)": conditional,
    "CET t=30 days x spend 1 (1-month undiscounted CLV)": lambda case: (
        case.model.expected_purchases(case.customer, 30)[0]
    ),
    "E[X(t)]": newcomer,
    "E[X(t)] new customer": newcomer,
    "E[X(52)] new customer": lambda case: case.model.expected_purchases_newcomer(52),
    "PMF P(X(t)=x)": lambda case: case.model.purchase_pmf_newcomer(case.args["t"], case.args["x"])[
        case.args["x"]
    ],
    "holdout39_total_CET": lambda case: case.fitted.expected_purchases(case.summary, "39W").sum(),
    "holdout39_MAE": lambda case: np.abs(holdout_error(case)).mean(),
    "holdout39_RMSE": lambda case: np.sqrt((holdout_error(case) ** 2).mean()),
    "expected_cum_tx weeks 20-25": lambda case: cumulative(case, range(20, 26)),
    "expected_inc_tx weeks 20-25": lambda case: np.diff(cumulative(case, range(19, 26))),
    "mean CET39 by cal freq 0..6,7+": by_frequency,
    "expected_spend": spend,
}


def compute(case):
    quantity = case.row["quantity"]
    if quantity.startswith("param:"):
        return case.fitted.params_[quantity.removeprefix("param:")]
    if quantity.startswith("stderr:"):
        return case.fitted.standard_errors_[quantity.removeprefix("stderr:")]
    return QUANTITIES[quantity](case)


def expected(row):
    kind, size = row["tolerance"].split("=")
    values = [float(value) for value in row["value"].split(";")]
    value = values[0] if len(values) == 1 else np.array(values)
    return pytest.approx(value, **{kind: float(size), "rel" if kind == "abs" else "abs": 0.0})


@pytest.fixture(scope="module")
def fitted(summary_of):
    made = {}

    def get(dataset, model):
        if (dataset, model) not in made:
            made[dataset, model] = MODELS[model]().fit(summary_of(dataset))
        return made[dataset, model]

    return get


@pytest.mark.skipif(not TABLE.exists(), reason="the table is not beside the repository")
def test_table_is_read():
    assert len(read_table()) > 200


@pytest.mark.parametrize("row", [pytest.param(row, id=identify(row)) for row in read_table()])
def test_reference_number(row, summary_of, fitted, request):
    key = (row["dataset"], row["model"], row["quantity"], row["value"])
    if key in EXCEPTIONS:
        request.applymarker(pytest.mark.xfail(reason=EXCEPTIONS[key], strict=True))
    case = Case(row, summary_of, lambda: request.getfixturevalue("cdnow_holdout"), fitted)
    assert compute(case) == expected(row)
