"""Models on every real log beside the repository, at cutoffs from early on: none may fail."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from clvkit.btyd import NBD, ParetoNBD
from clvkit.errors import BoundaryWarning

LOGS = [
    "apparel_sim",
    "cdnow",
    "cdnow_sample",
    "complete_journey_baskets",
    "grocery_elog",
    "online_retail_II",
]
MODELS = [NBD, ParetoNBD]


@pytest.fixture(scope="module")
def days_of(shared_data):
    """Return a function from the name of a log to its distinct (customer, day) pairs."""
    made: dict[str, pd.DataFrame] = {}

    def get(name: str) -> pd.DataFrame:
        if name not in made:
            log = pd.read_parquet(
                shared_data / f"{name}.parquet", columns=["customer_id", "date"]
            ).dropna()
            days = log.assign(date=pd.to_datetime(log["date"]).dt.normalize())
            made[name] = days.drop_duplicates(ignore_index=True)
        return made[name]

    return get


def summarise(days: pd.DataFrame, share: float) -> np.ndarray:
    """Return frequency, recency and T in weeks at a quantile of the dates."""
    cutoff = days["date"].quantile(share).normalize()
    dates = days[days["date"] <= cutoff].groupby("customer_id")["date"]
    first, last = dates.min(), dates.max()
    ages = [(last - first).dt.days / 7.0, (cutoff - first).dt.days / 7.0]
    return np.column_stack([dates.size() - 1.0, *ages])


def check_fit(model_class, summary):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        model = model_class().fit(summary)
    assert model.converged_
    assert np.isfinite(list(model.params_.values())).all()
    assert np.isfinite(model.log_likelihood_)
    for horizon in (4.0, 52.0):
        expected = model.expected_purchases(summary, horizon)
        assert np.isfinite(expected).all()
        # Nobody is expected to buy more than at the rate so far and that of the population.
        rate = (model.params_["r"] + summary[:, 0]) / (model.params_["alpha"] + summary[:, 2])
        assert np.all(expected <= rate * horizon * (1 + 1e-9))
    return model


@pytest.mark.parametrize("model_class", MODELS)
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("name", LOGS)
def test_converges(days_of, name, share, model_class):
    check_fit(model_class, summarise(days_of(name), share))


@pytest.mark.long
@pytest.mark.parametrize("model_class", MODELS)
@pytest.mark.parametrize("share", np.linspace(0.1, 1.0, 46).round(2))
@pytest.mark.parametrize("name", LOGS)
def test_converges_at_any_cutoff(days_of, name, share, model_class):
    check_fit(model_class, summarise(days_of(name), share))


@pytest.mark.parametrize("name", LOGS)
def test_the_nested_model_fits_no_better(days_of, name):
    summary = summarise(days_of(name), 0.7)
    lifetime, none = (check_fit(model, summary) for model in (ParetoNBD, NBD))
    assert lifetime.log_likelihood_ >= none.log_likelihood_ - 1e-4 * len(summary) ** 0.5
