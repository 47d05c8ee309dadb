"""No dropout is detected where there is none, by the likelihood and not by where a search ends."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import (
    NBD,
    BetaGeoCNBD,
    BetaGeoNBD,
    ModifiedBetaGeoCNBD,
    ModifiedBetaGeoNBD,
    ParetoNBD,
)
from clvkit.errors import BoundaryWarning

MODELS = [BetaGeoNBD(), ModifiedBetaGeoNBD(), ParetoNBD(), BetaGeoCNBD(k=1)]
REGULAR = [BetaGeoCNBD(k=3), ModifiedBetaGeoCNBD(k=3)]
#: Like an online grocer's customers, of whom nobody is ever lost.
GROCER = NBD.from_params(r=1.2, alpha=4.0)


def draw(seed, n=400):
    return GROCER.simulate_summary(np.random.default_rng(seed).uniform(10.0, 52.0, n), seed)


def fit(model, summary, **more):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(summary, **more)
    return " ".join(str(one.message) for one in caught if one.category is BoundaryWarning)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_it_is_said_if_and_only_if_the_nbd_fits_as_well(model):
    said = 0
    for seed in range(8):
        summary = draw(seed)
        message = fit(model, summary)
        none = NBD().fit(summary)
        as_well = model.log_likelihood_ < none.log_likelihood_ + 0.5
        assert ("no dropout detected: NBD fits as well" in message) == as_well
        if as_well:
            said += 1
            assert model.boundary_ == list(model._dropout_params)
            total, nested = (m.expected_purchases(summary, 52.0).sum() for m in (model, none))
            assert 0.85 < total / nested < 1.0 + 1e-6
            assert np.isfinite(model.purchases_interval(summary[:5], 52.0)).all()
    assert said >= 5  # of 8; chance alone gains half a nat in less than a third


@pytest.mark.parametrize("model", REGULAR, ids=str)
def test_regular_purchases_have_a_nested_model_too(model):
    truth = type(model).from_params(k=3, r=1.2, alpha=1.3, a=1e-12, b=1.0)
    summary = truth.simulate_summary(np.full(500, 40.0), 1)
    message = fit(model, summary)
    assert "no dropout detected: the model without dropout fits as well" in message
    limit = truth.from_params(k=3, r=model.params_["r"], alpha=model.params_["alpha"], a=1e-12, b=1)
    assert model.log_likelihood_ < limit.log_likelihood(summary).sum() + 1.0


@pytest.mark.parametrize("model", [*MODELS, *REGULAR], ids=str)
def test_dropout_that_is_there_is_not_denied(model):
    truth = BetaGeoNBD.from_params(r=0.8, alpha=4.0, a=0.8, b=2.5)
    assert fit(model, truth.simulate_summary(np.full(400, 50.0), 0)) == ""
    assert np.isfinite(list(model.standard_errors_.values())).all()


def test_part_of_many_rows_answers_as_all_do():
    """30,000 customers without dropout, and 30,000 with it, no two rows alike."""
    rng = np.random.default_rng(0)
    assert "no dropout detected" in fit(
        BetaGeoNBD(), GROCER.simulate_summary(rng.uniform(30, 60, 30_000), 0)
    )
    truth = BetaGeoNBD.from_params(r=0.8, alpha=4.0, a=0.8, b=2.5)
    assert fit(BetaGeoNBD(), truth.simulate_summary(rng.uniform(30, 60, 30_000), 0)) == ""


def test_a_gain_by_covariates_of_the_rate_is_none_by_dropout():
    odd = np.arange(600.0) % 2
    moved = NBD.from_params(
        r=1.2, alpha=4.0, covariates=["odd"], **{"purchase.odd": 1.0}
    ).simulate_summary(np.full(600, 40.0), 3, covariates=pd.DataFrame({"odd": odd}))
    summary = np.column_stack([moved, np.zeros(600), odd])
    model = BetaGeoNBD(covariates={"purchase": ["odd"]})
    assert "no dropout detected: NBD fits as well" in fit(model, summary)
    assert_allclose(model.params_["purchase.odd"], 1.0, atol=0.3)
    assert np.isfinite(model.standard_errors_["purchase.odd"])


def test_a_prior_keeps_its_say():
    assert "no dropout" not in fit(BetaGeoNBD(prior={"a": (1.0, 0.1), "b": (5.0, 0.1)}), draw(0))
