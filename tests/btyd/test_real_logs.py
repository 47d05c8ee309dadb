"""Models on every real log beside the repository, at cutoffs from early on: none may fail."""

import warnings

import numpy as np
import pandas as pd
import pytest

from clvkit import latest_histories
from clvkit.btyd import (
    NBD,
    BetaGeoCNBD,
    BetaGeoNBD,
    ModifiedBetaGeoCNBD,
    ModifiedBetaGeoNBD,
    ParetoNBD,
)
from clvkit.errors import BoundaryWarning
from clvkit.history import rfm_summary

MODELS = [NBD, BetaGeoNBD, ModifiedBetaGeoNBD, BetaGeoCNBD, ModifiedBetaGeoCNBD, ParetoNBD]
SMALL = ["apparel_sim", "cdnow_sample", "grocery_elog"]
LARGE = ["cdnow", "complete_journey_baskets", "online_retail_II"]


@pytest.fixture(scope="module")
def summary_at(daily):
    """Return a function from a log and a share of its days to its summary up to there."""
    logs: dict[str, pd.DataFrame] = {}
    summaries: dict[tuple[str, float], pd.DataFrame] = {}

    def get(name: str, share: float) -> pd.DataFrame:
        if name not in logs:
            logs[name] = daily(f"{name}.parquet")
        if (name, share) not in summaries:
            days = logs[name]
            dates = np.unique(days["date"].to_numpy())
            at = np.quantile(dates.astype("int64"), share).astype(dates.dtype)
            X = latest_histories(days, cutoff=pd.Timestamp(at).normalize())
            summaries.clear()  # the models of one cutoff come one after the other
            summaries[name, share] = rfm_summary(X, gaps=True)
        return summaries[name, share]

    return get


def check_fit(model_class, summary):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        model = model_class().fit(summary)
    assert model.converged_
    assert np.isfinite(list(model.params_.values())).all()
    assert np.isfinite(model.log_likelihood_)
    # Nobody is expected to buy more than at the rate so far and that of the population; one of
    # the k phases of the current interval may have ended, so that a purchase is nearer.
    k = getattr(model, "k_", 1)
    x, T = summary["frequency"].to_numpy(), summary["T"].to_numpy()
    rate = (model.params_["r"] + k * x + (k - 1)) / (model.params_["alpha"] + T) / k
    for horizon in (4.0, 52.0):
        expected = model.expected_purchases(summary, horizon)
        assert np.isfinite(expected).all()
        assert np.all(expected <= (rate * horizon + (k - 1) / k) * (1 + 1e-9))
    return model


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9])
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("model_class", MODELS)
def test_converges(summary_at, name, share, model_class):
    check_fit(model_class, summary_at(name, share))


@pytest.mark.long
@pytest.mark.parametrize("share", np.linspace(0.1, 1.0, 19).round(3))
@pytest.mark.parametrize("name", [*SMALL, *LARGE])
@pytest.mark.parametrize("model_class", MODELS)
def test_converges_at_any_cutoff(summary_at, name, share, model_class):
    check_fit(model_class, summary_at(name, share))


@pytest.mark.parametrize("model_class", [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD])
@pytest.mark.parametrize("name", SMALL)
def test_the_nested_model_fits_no_better(summary_at, name, model_class):
    summary = summary_at(name, 0.7)
    larger, none = (check_fit(model, summary) for model in (model_class, NBD))
    assert larger.log_likelihood_ >= none.log_likelihood_ - 1e-3
