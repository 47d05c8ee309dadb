"""Beta-geometric models on every log at cutoffs from the tenth percentile of its dates on."""

import warnings

import numpy as np
import pandas as pd
import pytest

from clvkit import latest_histories
from clvkit.btyd import BetaGeoCNBD, ModifiedBetaGeoCNBD, ModifiedBetaGeoNBD
from clvkit.errors import BoundaryWarning
from clvkit.history import rfm_summary

MODELS = [ModifiedBetaGeoNBD(), BetaGeoCNBD(), ModifiedBetaGeoCNBD()]
SMALL = ["cdnow_sample", "grocery_elog", "apparel_sim"]
LARGE = ["cdnow", "online_retail_II", "complete_journey_baskets"]


@pytest.fixture(scope="module")
def days_of(daily):
    made = {}

    def get(log):
        if log not in made:
            made[log] = daily(f"{log}.parquet")
        return made[log]

    return get


def check(days, share):
    dates = np.unique(days["date"].to_numpy())
    cutoff = pd.Timestamp(np.quantile(dates.astype("int64"), share).astype(dates.dtype)).normalize()
    summary = rfm_summary(latest_histories(days, cutoff=cutoff), gaps=True)
    for model in MODELS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundaryWarning)
            model.fit(summary)
        assert model.converged_, (model, cutoff)
        expected = model.expected_purchases(summary, "26W")
        assert np.isfinite(expected).all(), (model, cutoff)
        # Rates of the coming half year are of the order of those seen.
        assert expected.sum() < 60.0 * summary["frequency"].sum() + len(summary), (model, cutoff)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9])
@pytest.mark.parametrize("log", SMALL)
def test_some_cutoffs(days_of, log, share):
    check(days_of(log), share)


@pytest.mark.long
@pytest.mark.parametrize("share", np.linspace(0.1, 1.0, 19).round(3))
@pytest.mark.parametrize("log", [*SMALL, *LARGE])
def test_many_cutoffs(days_of, log, share):
    check(days_of(log), share)
