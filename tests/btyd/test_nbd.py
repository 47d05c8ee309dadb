import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import nbinom

from clvkit.btyd import NBD, ParetoNBD
from clvkit.errors import BoundaryWarning
from clvkit.testing import purchase_model_checks

CDNOW = {"r": 0.385, "alpha": 12.07}


@pytest.fixture
def model():
    return NBD.from_params(**CDNOW)


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=name) for name, check in purchase_model_checks(NBD())]
)
def test_contract(check):
    check()


def test_pmf_is_that_of_the_posterior(model):
    shape, rate = 2.385, 12.07 + 38.86
    expected = nbinom.pmf(np.arange(11), shape, rate / (rate + 39.0))
    assert_allclose(model.purchase_pmf([[2, 30.43, 38.86]], 39.0, 10)[0], expected, rtol=1e-12)


def test_residual_lifetime_is_the_rate_for_ever(model):
    """At a rate of purchases that never ends, their present value is the rate over delta."""
    delta = np.log1p(0.1) / 52
    expected = 2.385 / (12.07 + 38.86) / delta
    actual = model.expected_discounted_purchases([[2, 30.43, 38.86]], 0.1)[0]
    assert actual == pytest.approx(expected, rel=1e-12)


def test_when_the_last_purchase_was_does_not_matter(model):
    early, late = model.expected_purchases([[2, 1.0, 38.86], [2, 38.0, 38.86]], 39.0)
    assert early == late


def test_identical_customers_buy_at_one_rate():
    with pytest.warns(BoundaryWarning, match=r"same rate r / alpha"):
        NBD().fit([[2, 1.0, 3.0]] * 50)


def test_it_is_nested_in_the_pareto_nbd():
    """The likelihoods have the same constants, so that they can be compared."""
    truth = ParetoNBD.from_params(r=0.55, alpha=10.6, s=0.6, beta=11.7)
    summary = truth.simulate_summary(np.full(2_000, 60.0), 0)
    assert NBD().fit(summary).log_likelihood_ < ParetoNBD().fit(summary).log_likelihood_ - 10
    limit = ParetoNBD.from_params(**CDNOW, s=1e-12, beta=1e6)
    here = NBD.from_params(**CDNOW)
    assert_allclose(limit.log_likelihood(summary), here.log_likelihood(summary), rtol=1e-12)


def test_coefficient_is_recovered():
    rng = np.random.default_rng(0)
    z = rng.integers(0, 2, 20_000)
    parts = []
    for value in (0, 1):
        truth = NBD.from_params(r=0.8, alpha=6.0 * np.exp(-0.5 * value))
        drawn = truth.simulate_summary(rng.uniform(20, 60, (z == value).sum()), rng)
        frame = pd.DataFrame(drawn, columns=["frequency", "recency", "T"])
        parts.append(frame.assign(z=value))
    summary = pd.concat(parts, ignore_index=True)
    summary.attrs["time_unit"] = "7D"
    model = NBD(covariates=["z"]).fit(summary)
    assert list(model.params_) == ["r", "alpha", "purchase.z"]
    for name, truth in {"r": 0.8, "alpha": 6.0, "purchase.z": 0.5}.items():
        assert abs(model.params_[name] - truth) < 3.5 * model.standard_errors_[name], name
