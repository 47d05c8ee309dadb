import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from clvkit.btyd import ConditionalGammaGamma, GammaGamma, likelihood_ratio_test
from clvkit.errors import SummaryError


def draw(n, exponent, seed=0):
    """Draw spends whose scale grows like frequency to the power of ``exponent``."""
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.3, n)
    nu = rng.gamma(3.7, 1.0 / (15.0 * x**exponent))
    spend = rng.gamma(6.0 * x) / nu / x
    return pd.DataFrame({"frequency": x, "monetary_value": spend})


def test_exponent_is_recovered():
    model = ConditionalGammaGamma().fit(draw(20_000, 0.3))
    assert list(model.params_) == ["p", "q", "gamma", "spend.log_frequency"]
    error = model.standard_errors_["spend.log_frequency"]
    assert abs(model.params_["spend.log_frequency"] - 0.3) < 3.5 * error
    plain = GammaGamma().fit(draw(20_000, 0.3))
    assert likelihood_ratio_test(plain, model).p_value < 1e-10


def test_array_and_frame_are_the_same():
    frame = draw(500, 0.2).assign(recency=1.0, T=2.0)
    array = frame[["frequency", "recency", "T", "monetary_value"]].to_numpy()
    by_name, by_position = (ConditionalGammaGamma().fit(data) for data in (frame, array))
    assert by_name.params_ == by_position.params_
    assert_allclose(by_name.expected_spend(frame), by_position.expected_spend(array))
    assert_allclose(by_name.log_likelihood(frame).sum(), by_name.log_likelihood_, rtol=1e-12)


def test_other_covariates_stand_beside_the_frequency():
    frame = draw(5_000, 0.2).assign(shop=np.arange(5_000) % 2)
    model = ConditionalGammaGamma(covariates=["shop"]).fit(frame)
    assert list(model.params_)[3:] == ["spend.log_frequency", "spend.shop"]
    assert abs(model.params_["spend.shop"]) < 4 * model.standard_errors_["spend.shop"]


def test_customers_without_repeat_purchases_count_as_the_rarest():
    model = ConditionalGammaGamma().fit(draw(2_000, 0.5))
    summary = pd.DataFrame({"frequency": [0.0, 1.0], "monetary_value": [0.0, 0.0]})
    none, one = model.expected_spend(summary)
    assert none == one == model.params_["p"] * model.params_["gamma"] / (model.params_["q"] - 1)


def test_clone_and_skops():
    from skops.io import dumps, loads

    model = clone(ConditionalGammaGamma()).fit(draw(300, 0.1))
    name = "clvkit.btyd._conditional_gamma_gamma.ConditionalGammaGamma"
    stored = loads(dumps(model), trusted=[name])
    assert stored.params_ == model.params_


def test_column_that_is_missing_is_named():
    with pytest.raises(SummaryError, match="no column 'frequency'"):
        ConditionalGammaGamma().fit(draw(10, 0.0)[["monetary_value"]])
