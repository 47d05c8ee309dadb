"""Published and independently recomputed numbers, each with the tolerance it came with.

The table lies beside the repository. A test module here names the models of its rows in ``MODELS``
and defines ``test_reference_number(reference_case)``, which runs once for every row of those
models that has a tolerance; a quantity that nobody knows fails, so that none is passed over in
silence. ``QUANTITIES`` of the module go before what all modules share; ``EXCEPTIONS`` are rows
that cannot hold, with the reason, and ``NAMES`` what the module's models call the table's
parameters.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

TABLE = Path(__file__).resolve().parents[3].parent / "shared/reference/reference_numbers.csv"


def read_table(models):
    """Return the rows of some models, but those for information only."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] in models]
    return [row for row in rows if row["tolerance"] not in ("", "none")]


def identify(row):
    return f"{row['dataset']}-{row['model']}-{row['quantity']}-{row['args']}"


def pytest_generate_tests(metafunc):
    if "reference_row" in metafunc.fixturenames:
        rows = read_table(metafunc.module.MODELS)
        metafunc.parametrize("reference_row", [pytest.param(row, id=identify(row)) for row in rows])


class Case:
    """A row of the table, with the model and the summary that it speaks of.

    ``MODELS`` goes from the name of a model to its class, or to a function that makes an
    unfitted estimator from the arguments of the row.
    """

    def __init__(self, row, module, request, cache):
        self.row = row
        self.args = json.loads(row["args"])
        self.module, self._request, self._cache = module, request, cache

    def get(self, fixture):
        return self._request.getfixturevalue(fixture)

    @property
    def make(self):
        return self.module.MODELS[self.row["model"]]

    @property
    def summary(self):
        return self.get("summary_of")(self.row["dataset"])

    @property
    def holdout(self):
        return self.get("holdout_of")(self.row["dataset"])

    @property
    def fitted(self):
        return self.fitted_as(self.row["model"])

    def fitted_as(self, name):
        """Return a model of the module, fitted once for each data set."""
        make = self.module.MODELS[name]
        model = make() if isinstance(make, type) else make(self.args)
        key = (self.row["dataset"], name, repr(model.get_params()))
        if key not in self._cache:
            self._cache[key] = model.fit(self.summary)
        return self._cache[key]

    @property
    def model(self):
        if "params" in self.args:
            return self.make.from_params(**self.args["params"])
        if self.args.get("at") == "BTYD MLE" or "BTYD-walkthrough" in self.row["source"]:
            estimates = btyd_estimates(self.row["model"])
            if estimates:
                return self.make.from_params(**estimates)
        return self.fitted

    @property
    def customer(self):
        return [[self.args["x"], self.args["t_x"], self.args["T"]]]

    def compute(self):
        quantity = self.row["quantity"]
        own = getattr(self.module, "QUANTITIES", {})
        if quantity in own:
            return own[quantity](self)
        kind, _, name = quantity.partition(":")
        if kind == "param":
            return self.fitted.params_[self.own_name(name)]
        if kind == "stderr":
            return self.fitted.standard_errors_[self.own_name(name)]
        return QUANTITIES[quantity](self)

    def own_name(self, name):
        """Return what a model calls a parameter of the table, by ``NAMES`` of the module."""
        return getattr(self.module, "NAMES", {}).get(name, name)

    @property
    def expected(self):
        values = [float(value) for value in self.row["value"].split(";")]
        value = values[0] if len(values) == 1 else np.array(values)
        if self.row["tolerance"] == "exact":
            return value
        kind, size = self.row["tolerance"].split("=")
        return pytest.approx(value, **{kind: float(size), "rel" if kind == "abs" else "abs": 0.0})


def btyd_estimates(model):
    """Return the estimates of BTYD's vignette, if told, which its other numbers are made with."""
    return {
        row["quantity"].removeprefix("param:"): float(row["value"])
        for row in read_table([model])
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


def holdout_error(case, horizon="39W"):
    return case.fitted.expected_purchases(case.summary, horizon) - case.holdout


#: What rows of more than one model ask for.
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
    "holdout52_total": lambda case: case.fitted.expected_purchases(case.summary, "52W").sum(),
    "holdout52_MAE": lambda case: np.abs(holdout_error(case, "52W")).mean(),
    "expected_cum_tx weeks 20-25": lambda case: cumulative(case, range(20, 26)),
    "expected_inc_tx weeks 20-25": lambda case: np.diff(cumulative(case, range(19, 26))),
    "mean CET39 by cal freq 0..6,7+": by_frequency,
}


@pytest.fixture(scope="session")
def reference_table():
    """Return a function from names of models to their rows in the table."""
    if not TABLE.exists():
        pytest.skip("the table is not beside the repository")
    return read_table


@pytest.fixture(scope="module")
def fitted_models():
    return {}


@pytest.fixture
def reference_case(reference_row, request, fitted_models):
    row = reference_row
    exceptions = getattr(request.module, "EXCEPTIONS", {})
    key = (row["dataset"], row["model"], row["quantity"], row["value"])
    if key in exceptions:
        request.applymarker(pytest.mark.xfail(reason=exceptions[key], strict=True))
    return Case(row, request.module, request, fitted_models)
