"""The log-likelihood under rates that vary with time: its derivatives against differences."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import TimeVaryingParetoNBD
from clvkit.btyd._varying_fit import data_of
from clvkit.btyd._varying_likelihood import VaryingLikelihood

SETTINGS = {
    "purchases": {"season": 2},
    "both": {"season": 1, "calendar_covariates": ["season"]},
    "dropout": {"season": 1, "calendar_covariates": {"dropout": ["season"]}},
    "none": {},
    "shared and static": {
        "season": 1,
        "holidays": {"summer": ("06-01", "08-31")},
        "calendar_covariates": {"purchase": ["season", "summer"], "dropout": ["summer"]},
        "covariates": {"purchase": ["age", "shop"], "dropout": ["shop"]},
        "shared_covariates": ["shop", "summer"],
    },
}


def summary(n=60):
    rng = np.random.default_rng(0)
    T = rng.uniform(10.0, 90.0, n)
    x = rng.poisson(rng.gamma(0.7, 4.0, n)).astype(float)
    x[0], x[1] = 150.0, 0.0  # a heavy buyer and one who never came back
    table = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, T * rng.random(n), 0), "T": T})
    table.loc[2, "recency"] = table.loc[2, "T"]
    table.loc[2, "frequency"] = 3.0
    days = rng.integers(0, 200, n)
    table["first_purchase"] = pd.Timestamp("2022-01-01") + pd.to_timedelta(days, unit="D")
    table["age"], table["shop"] = rng.normal(size=n), np.where(rng.random(n) < 0.5, "a", "b")
    for column in ("sin1", "cos1", "sin2", "cos2", "summer"):
        table[f"sum_{column}"] = rng.normal(size=n)
    table.attrs["time_unit"] = "7D"
    return table


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("at", [0, 1], ids=["ordinary", "small shapes"])
def test_derivatives(settings, at, monkeypatch):
    # So few numbers at once that the rows are worked on in several parts.
    monkeypatch.setattr("clvkit.btyd._varying_likelihood._NUMBERS", 2_000)
    model = TimeVaryingParetoNBD(**settings)
    design = model._learn_design(summary())
    likelihood = VaryingLikelihood(
        data_of(model, model._read_rows(summary()), design), np.linspace(0.5, 2.0, 60)
    )
    size = likelihood.size
    start = [[-0.3, 2.0, -0.4, 3.0], [-3.0, 1.0, -3.0, -1.0]][at]
    theta = np.append(start, np.linspace(-0.4, 0.5, size - 4))
    here = likelihood(theta)

    def slopes(of, step=1e-4):
        columns = []
        for direction in np.eye(size) * step:
            near = of(likelihood(theta + direction)) - of(likelihood(theta - direction))
            far = of(likelihood(theta + 2 * direction)) - of(likelihood(theta - 2 * direction))
            columns.append((8 * near - far) / (12 * step))
        return np.array(columns)

    scale = np.abs(here.hessian).max()
    assert_allclose(here.gradient, slopes(lambda d: d.value), rtol=1e-6, atol=1e-7 * scale)
    assert_allclose(here.hessian, slopes(lambda d: d.gradient), rtol=1e-6, atol=1e-7 * scale)
