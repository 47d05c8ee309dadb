import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import kstest

from clvkit.btyd import BTYDRegressor, ConditionalGammaGamma, GammaGamma, check_independence
from clvkit.btyd._independence import warn_of_dependence
from clvkit.datasets import load_cdnow
from clvkit.errors import IndependenceWarning
from clvkit.history import latest_histories


def draw(n, exponent, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.3, n)
    nu = rng.gamma(3.7, 1.0 / (15.0 * x**exponent))
    return pd.DataFrame({"frequency": x, "monetary_value": rng.gamma(6.0 * x) / nu / x})


def test_p_values_of_independent_spends_are_uniform():
    values = [check_independence(draw(400, 0.0, seed)).p_value for seed in range(60)]
    assert kstest(values, "uniform").pvalue > 0.01


def test_it_is_the_exponent_that_is_estimated():
    data = draw(20_000, 0.1)
    found, model = check_independence(data), ConditionalGammaGamma().fit(data)
    assert_allclose(found.exponent, model.params_["spend.log_frequency"], rtol=1e-12)
    assert_allclose(found.standard_error, model.standard_errors_["spend.log_frequency"])
    assert_allclose(found.factor, 10.0**found.exponent)
    assert found.n_customers == 20_000


def test_a_fitted_model_is_used():
    data = draw(500, 0.2)
    assert check_independence(data, GammaGamma().fit(data)) == check_independence(data)


def test_customers_of_one_frequency_tell_nothing():
    data = draw(100, 0.0).assign(frequency=2)
    found = check_independence(data)
    assert (found.exponent, found.factor) == (0.0, 1.0)
    assert_allclose(found.p_value, 1.0, atol=1e-3)


def test_strong_dependence_warns_with_the_figure_and_the_remedy():
    data = draw(2_000, 0.6)
    with pytest.warns(
        IndependenceWarning,
        match=r'of 2000 customers .* spend [34][.\d]* times as much .* spend_model="conditional"',
    ):
        warn_of_dependence(data)


def log_of(exponent, n=1_500, seed=0):
    """Return a log of customers who buy at random days, the frequent ones for more."""
    rng = np.random.default_rng(seed)
    count = 1 + rng.geometric(0.2, n)
    customer = np.repeat(np.arange(n), count)
    level = 20.0 * count**exponent * rng.lognormal(0.0, 0.3, n)
    day = rng.integers(0, 300, len(customer))
    amount = level[customer] * rng.lognormal(0.0, 0.3, len(customer))
    date = np.datetime64("2023-01-01") + day
    return pd.DataFrame({"customer_id": customer, "date": date, "amount": amount})


# A log that ends while everybody still buys leaves no dropout to estimate.
@pytest.mark.filterwarnings("ignore::clvkit.errors.BoundaryWarning")
def test_regressor_warns_and_the_conditional_model_is_better():
    X = latest_histories(log_of(1.0))
    with pytest.warns(IndependenceWarning):
        plain = BTYDRegressor(horizon="8W").fit(X)
    conditional = BTYDRegressor(horizon="8W", spend_model="conditional").fit(X)
    assert isinstance(conditional.spend_model_, ConditionalGammaGamma)
    assert conditional.spend_model_.log_likelihood_ > plain.spend_model_.log_likelihood_ + 50


def test_usual_dependence_does_not_warn():
    cdnow_histories = latest_histories(load_cdnow())
    BTYDRegressor(horizon="8W").fit(cdnow_histories)
