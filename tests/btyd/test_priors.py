"""Priors on the log scale: the same belief in any unit, outweighed by enough customers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import BetaGeoNBD, GammaGamma
from clvkit.errors import UnknownNameError

TRUTH = BetaGeoNBD.from_params(r=0.6, alpha=5.0, a=0.8, b=2.5)


def draw(n, seed=0):
    return TRUTH.simulate_summary(np.random.default_rng(seed).uniform(20, 70, n), seed)


def test_no_prior_is_maximum_likelihood():
    data = draw(1_000)
    flat = dict.fromkeys(("r", "alpha", "a", "b"), (1.0, 100000000.0))
    assert_allclose(
        list(BetaGeoNBD(prior=flat).fit(data).params_.values()),
        list(BetaGeoNBD().fit(data).params_.values()),
        rtol=1e-6,
    )


def test_weak_prior_is_the_same_in_any_unit():
    weeks = draw(200)
    days = weeks * np.array([1.0, 7.0, 7.0])
    first = BetaGeoNBD(prior="weak").fit(weeks)
    second = BetaGeoNBD(prior="weak", time_unit="1D").fit(days)
    assert_allclose(second.params_["alpha"], 7.0 * first.params_["alpha"], rtol=1e-6)
    for name in ("r", "a", "b"):
        assert_allclose(second.params_[name], first.params_[name], rtol=1e-6)


def test_weak_prior_is_outweighed_by_customers():
    def distance(n):
        data = draw(n)
        weak, free = BetaGeoNBD(prior="weak").fit(data), BetaGeoNBD().fit(data)
        return max(abs(np.log(weak.params_[k] / free.params_[k])) for k in free.params_)

    assert distance(50_000) < 0.01
    assert distance(300) > 2 * distance(50_000)


def test_weak_prior_keeps_parameters_off_their_boundary():
    """Nobody drops out here, which without a prior is a boundary, and a warning."""
    rng = np.random.default_rng(0)
    T = rng.uniform(20, 70, 300)
    x = rng.poisson(rng.gamma(2.0, 0.1, 300) * T)
    data = np.column_stack([x, np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0.0), T])
    model = BetaGeoNBD(prior="weak").fit(data)
    assert model.boundary_ == []
    assert np.isfinite(model.covariance_).all()


def test_log_likelihood_is_without_the_prior():
    data = draw(200)
    model = BetaGeoNBD(prior="weak").fit(data)
    assert_allclose(model.log_likelihood(data).sum(), model.log_likelihood_, rtol=1e-12)


def test_curvature_of_the_prior_is_in_the_covariance():
    held = BetaGeoNBD(prior={"b": (2.0, 1e-3)}).fit(draw(300))
    assert_allclose(held.params_["b"], 2.0, rtol=1e-3)
    assert_allclose(held.standard_errors_["b"], 2.0 * 1e-3, rtol=1e-2)


def test_spend_model_has_it_too():
    rng = np.random.default_rng(0)
    x = 1 + rng.poisson(2.0, 100)
    spend = rng.gamma(6.0 * x) / rng.gamma(3.7, 1 / 15.0, 100) / x
    data = np.column_stack([x, x, x, spend])
    cents = data * np.array([1.0, 1.0, 1.0, 100.0])
    euro_fit = GammaGamma(prior="weak").fit(data)
    cent_fit = GammaGamma(prior="weak").fit(cents)
    assert_allclose(cent_fit.params_["gamma"], 100 * euro_fit.params_["gamma"], rtol=1e-6)
    assert_allclose(cent_fit.params_["p"], euro_fit.params_["p"], rtol=1e-6)


@pytest.mark.parametrize(
    ("prior", "error", "message"),
    [
        ({"s": (1.0, 1.0)}, UnknownNameError, "prior names 's'; the model has the parameters r"),
        ({"r": 1.0}, ValueError, r"must be a pair: the median of r"),
        ({"r": (0.0, 1.0)}, ValueError, r"must have positive numbers"),
        ("strong", ValueError, "prior"),
    ],
    ids=["name", "pair", "median", "word"],
)
def test_refused(prior, error, message):
    with pytest.raises(error, match=message):
        BetaGeoNBD(prior=prior).fit(draw(50))
