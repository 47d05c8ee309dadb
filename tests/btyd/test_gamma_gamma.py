import pickle

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import gammaincinv
from sklearn.base import clone

from benchmarks.oracles.gamma_gamma import log_likelihood
from clvkit.btyd import GammaGamma
from clvkit.btyd._gamma_gamma_likelihood import Spends
from clvkit.errors import BoundaryWarning, SummaryError, UnknownNameError

CDNOW = {"p": 6.25, "q": 3.74, "gamma": 15.44}


def table(frequency, spend):
    frequency = np.asarray(frequency, dtype=float)
    return np.column_stack([frequency, np.ones(len(frequency)), np.ones(len(frequency)), spend])


def draw(n, seed=0, p=6.25, q=3.74, gamma=15.44):
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.4, n)
    return table(x, rng.gamma(p * x) / x / (rng.gamma(q, size=n) / gamma))


def test_fit_to_cdnow(cdnow):
    """Fader and Hardie (2013), to the digits of an independent fit."""
    model = GammaGamma().fit(cdnow)
    expected = {"p": 6.249572, "q": 3.744225, "gamma": 15.443521}
    assert model.params_ == pytest.approx(expected, rel=1e-6)
    assert model.log_likelihood_ == pytest.approx(-4055.917695, abs=1e-5)
    assert model.converged_
    assert_allclose(model.log_likelihood_, model.log_likelihood(cdnow).sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("params", "x", "spend"),
    [((6.25, 3.74, 15.44), 3, 22.35), ((0.01, 1.2, 1e5), 1, 1e-3), ((900, 400, 3.0), 2000, 7.0)],
)
def test_likelihood_against_mpmath(params, x, spend):
    with mpmath.workdps(40):
        exact = log_likelihood(*map(mpmath.mpf, params), x, mpmath.mpf(spend))
    model = GammaGamma.from_params(**dict(zip(CDNOW, params, strict=True)))
    actual = model.log_likelihood(table([x], [spend]))[0]
    assert actual == pytest.approx(float(exact), rel=1e-9)


def test_derivatives():
    """The gradient vanishes and the Hessian is that of the public log-likelihood."""
    data = draw(500)
    model = GammaGamma().fit(data)
    best = np.log(list(model.params_.values()))

    def value(log_params):
        params = dict(zip(CDNOW, np.exp(log_params), strict=True))
        return GammaGamma.from_params(**params).log_likelihood(data).sum()

    step = 1e-3
    axes = np.eye(3) * step
    hessian = [
        [
            (value(best + i + j) - value(best + i - j) - value(best - i + j) + value(best - i - j))
            / (4 * step**2)
            for j in axes
        ]
        for i in axes
    ]
    slope = [(value(best + i) - value(best - i)) / (2 * step) for i in axes]
    assert_allclose(slope, 0.0, atol=1e-3)
    assert_allclose(np.linalg.inv(-np.array(hessian)), model.covariance_, rtol=1e-3)


def test_parameters_are_recovered():
    model = GammaGamma().fit(draw(20_000))
    miss = np.log(list(model.params_.values())) - np.log(list(CDNOW.values()))
    assert miss @ np.linalg.solve(model.covariance_, miss) < 25


def test_expected_spend_is_between_own_and_population_mean():
    model = GammaGamma.from_params(**CDNOW)
    mean = 6.25 * 15.44 / 2.74
    actual = model.expected_spend(table([1, 5, 50], [100.0, 100.0, 100.0]))
    assert np.all(np.diff(actual) > 0)
    assert np.all((actual > mean) & (actual < 100))


def test_newcomers_and_free_orders_are_expected_to_spend_the_mean():
    model = GammaGamma.from_params(**CDNOW)
    actual = model.expected_spend(table([0, 0, 3], [0.0, 12.0, 0.0]))
    # A customer without repeat purchase tells nothing, whatever stands in the column.
    assert_allclose(actual, 6.25 * 15.44 / 2.74, rtol=1e-14)


def test_frame_equals_array_and_extra_columns_are_ignored():
    data = draw(200)
    frame = pd.DataFrame(data, columns=["frequency", "recency", "T", "monetary_value"])
    frame = frame.drop(columns=["recency", "T"]).assign(name="x")
    assert GammaGamma().fit(frame).params_ == GammaGamma().fit(data).params_


def test_customers_without_spend_are_left_out():
    data = draw(200)
    more = np.vstack([data, table([0, 2], [0.0, 0.0])])
    model = GammaGamma().fit(more)
    assert model.params_ == GammaGamma().fit(data).params_
    assert_allclose(model.log_likelihood(more)[-2:], 0.0, atol=0)


def test_weights_equal_repetition():
    data = draw(300)
    times = np.arange(300) % 3
    weighted = GammaGamma().fit(data, sample_weight=times)
    repeated = GammaGamma().fit(np.repeat(data, times, axis=0))
    assert weighted.params_ == pytest.approx(repeated.params_, rel=1e-6)
    assert weighted.bic_ == pytest.approx(repeated.bic_, rel=1e-12)


@pytest.mark.parametrize("currency", [1e-6, 1.0, 1e8])
def test_currency_only_scales(currency):
    data = draw(300)
    scaled = data * [1, 1, 1, currency]
    model, other = GammaGamma().fit(data), GammaGamma().fit(scaled)
    expected = model.expected_spend(data) * currency
    assert_allclose(other.expected_spend(scaled), expected, rtol=1e-6)


def test_warm_start_converges():
    model = GammaGamma().fit(draw(70_000))
    assert model.converged_
    assert model.n_iter_ <= 4


def test_clone_pickle_and_skops():
    from skops.io import dumps, loads

    data = draw(200)
    model = GammaGamma(max_iter=77).fit(data)
    assert clone(model).get_params() == model.get_params()
    assert clone(model).max_iter == 77
    expected = model.expected_spend(data)
    stored = loads(dumps(model), trusted=["clvkit.btyd._gamma_gamma.GammaGamma"])
    for again in (pickle.loads(pickle.dumps(model)), stored):
        assert np.array_equal(again.expected_spend(data), expected)


# --- boundaries --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 400])
def test_constant_spend_is_expected_again(n):
    data = table(1 + np.arange(n) % 5, np.full(n, 1.0))
    with pytest.warns(BoundaryWarning, match="no variation to estimate"):
        model = GammaGamma().fit(data)
    assert model.boundary_ == ["p", "q", "gamma"]
    assert not model.converged_  # the likelihood has no maximum
    assert_allclose(model.expected_spend(data), 1.0, rtol=1e-12)
    assert_allclose(model.expected_spend(table([0], [0.0])), 1.0, rtol=1e-12)


def test_almost_constant_spend_is_expected_again():
    data = table([1, 2, 3, 4], [3.0, 3.0, 3.0, 3.0001])
    with pytest.warns(BoundaryWarning, match="no variation to estimate"):
        model = GammaGamma().fit(data)
    assert_allclose(model.expected_spend(data), 3.0, rtol=1e-3)


def test_grocery_log_without_amounts(summary_of):
    """All amounts are 1.0 there."""
    with pytest.warns(BoundaryWarning):
        model = GammaGamma().fit(summary_of("grocery"))
    assert_allclose(model.expected_spend(summary_of("grocery")), 1.0, rtol=1e-12)


def test_too_long_a_tail_is_told():
    rng = np.random.default_rng(0)
    data = table(rng.integers(1, 5, 400), np.exp(rng.normal(0, 6, 400)))
    with pytest.warns(BoundaryWarning, match="so long a tail"):
        model = GammaGamma().fit(data)
    assert model.params_["q"] == pytest.approx(1.1)
    assert np.isfinite(model.expected_spend(data)).all()
    assert np.isnan(model.standard_errors_["q"])
    assert np.isfinite(model.standard_errors_["p"])


def test_alike_customers_are_told():
    # Evenly spaced quantiles: hardly less spread than purchases at one mean would have.
    x = np.repeat(np.arange(1, 30), 100)
    levels = np.tile((np.arange(100) + 0.5) / 100, 29)
    data = table(x, gammaincinv(2.0 * x, levels) / x)
    with pytest.warns(BoundaryWarning, match="customers do not differ"):
        model = GammaGamma().fit(data)
    assert_allclose(model.expected_spend(data), 2.0, rtol=0.05)


@given(
    p=st.floats(-3, 6),
    q=st.floats(-6, 6),
    gamma=st.floats(-6, 6),
    x=st.integers(0, 3000),
    spend=st.floats(0, 1e9),
)
def test_expected_spend_is_finite(p, q, gamma, x, spend):
    params = {"p": 10.0**p, "q": 1.0 + 10.0**q, "gamma": 10.0**gamma}
    model = GammaGamma.from_params(**params)
    mean = params["p"] * params["gamma"] / (params["q"] - 1)
    actual = model.expected_spend(table([x], [spend]))[0]
    assert min(mean, spend) * (1 - 1e-9) <= actual <= max(mean, spend) * (1 + 1e-9)
    assert np.isfinite(model.log_likelihood(table([x], [max(spend, 1e-6)]))[0])


@settings(max_examples=200, deadline=None)  # mpmath is slow
@given(
    p=st.floats(-8, 8),
    q=st.floats(-14, 8),
    gamma=st.floats(-8, 8),
    x=st.integers(0, 100_000),
    spend=st.one_of(st.just(0.0), st.floats(1e-9, 1e12)),
)
@example(p=np.log10(50.0), q=-12.0, gamma=np.log10(12.9), x=5_000, spend=1e-3)
@example(p=0.0, q=-15.0, gamma=0.0, x=1, spend=1.0)
def test_expected_spend_against_mpmath(p, q, gamma, x, spend):
    """Fader and Hardie (2013), eq. 5, however near q is to 1, where the mean is infinite."""
    p, q, gamma = 10.0**p, 1.0 + 10.0**q, 10.0**gamma
    with mpmath.workdps(60):
        exact_p, exact_q, seen = mpmath.mpf(p), mpmath.mpf(q), x if spend > 0 else 0
        mean = exact_p * mpmath.mpf(gamma) / (exact_q - 1)
        own = exact_p * seen / (exact_p * seen + exact_q - 1)
        exact = float((1 - own) * mean + own * mpmath.mpf(spend))
    model = GammaGamma.from_params(p=p, q=q, gamma=gamma)
    assert_allclose(model.expected_spend(table([x], [spend])), exact, rtol=1e-14)


@pytest.mark.parametrize("n", [1, 8_191, 8_192, 8_193, 20_000])
@pytest.mark.parametrize(
    "params", [(6.25, 3.74, 15.44), (2e4, 1e6, 800.0), (1e-3, 1.1, 1e-4)], ids=str
)
def test_sums_in_chunks_equal_the_likelihood(n, params):
    """Value and slope of the search against the public log-likelihood and its differences."""
    data = draw(n)
    weights = 0.5 + np.arange(n) % 3
    spends = Spends(data[:, 0], data[:, 3], weights)
    at = spends.derivatives(np.log(params))

    def value(log_params):
        named = dict(zip(CDNOW, np.exp(log_params), strict=True))
        return weights @ GammaGamma.from_params(**named).log_likelihood(data)

    assert at.value == pytest.approx(value(np.log(params)), rel=1e-9)
    ahead, behind = (
        np.array([spends.derivatives(np.log(params) + step).gradient for step in steps])
        for steps in (1e-5 * np.eye(3), -1e-5 * np.eye(3))
    )
    scale = np.abs(at.hessian).max()
    assert_allclose((ahead - behind) / 2e-5, at.hessian, rtol=1e-5, atol=1e-6 * scale)
    slope = [
        (value(np.log(params) + i) - value(np.log(params) - i)) / 2e-4 for i in 1e-4 * np.eye(3)
    ]
    assert_allclose(at.gradient, slope, rtol=1e-5, atol=1e-5 * np.abs(at.gradient).max())


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (table([0, 0], [0.0, 0.0]), "None of 2 customers"),
        (table([1, 2], [1.0, np.nan]), "monetary_value is missing"),
        (table([1, 2], [1.0, -4.0]), "monetary_value is negative in 1 of 2"),
        (table([1.5, 2], [1.0, 1.0]), "not a whole number"),
        (np.ones((3, 3)), "monetary_value in this order"),
        (pd.DataFrame({"frequency": [1]}), "no column 'monetary_value'"),
    ],
    ids=["nobody", "missing", "negative", "fraction", "three columns", "frame"],
)
def test_impossible_summaries_are_refused(data, match):
    with pytest.raises(SummaryError, match=match):
        GammaGamma().fit(data)


def test_the_letter_of_other_libraries_for_gamma_is_named():
    with pytest.raises(UnknownNameError, match="'gamma' missing and 'v' unknown"):
        GammaGamma.from_params(p=6.25, q=3.74, v=15.44)


def test_population_without_a_mean_is_refused():
    with pytest.raises(ValueError, match="'q' parameter"):
        GammaGamma.from_params(p=1.0, q=1.0, gamma=1.0)


@pytest.mark.parametrize("seed", [23, 24])
def test_nearly_constant_spend_converges_as_far_as_rounding_allows(seed):
    # Few days have two purchases of 1: the likelihood is a small difference of large sums.
    rng = np.random.default_rng(seed)
    x = rng.integers(3, 25, 60)
    model = GammaGamma().fit(table(x, 1 + rng.binomial(x, 0.04 + 0.04 * rng.random(60)) / x))
    assert model.converged_  # and warnings are errors
    assert model.params_["q"] < 1e4
