import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from clvkit.btyd import BetaGeoNBD, GammaGamma, likelihood_ratio_test
from clvkit.errors import ArgumentError

TRUTH = BetaGeoNBD.from_params(r=0.6, alpha=5.0, a=0.8, b=2.5)


def draw(n, seed=0):
    return TRUTH.simulate_summary(np.random.default_rng(seed).uniform(20, 70, n), seed)


def with_noise(n, seed=0):
    noise = np.random.default_rng(seed + 1).normal(size=n)
    return np.column_stack([draw(n, seed), np.ones(n), noise])


def test_summary_of_positive_parameters():
    model = BetaGeoNBD().fit(draw(2_000))
    table = model.summary(coverage=0.9)
    assert list(table.columns) == ["estimate", "standard_error", "lower", "upper"]
    assert list(table.index) == ["r", "alpha", "a", "b"]
    assert_allclose(table["lower"] * table["upper"], table["estimate"] ** 2)
    log_sd = np.sqrt(np.diag(model.covariance_))
    assert_allclose(np.log(table["upper"] / table["estimate"]), norm.ppf(0.95) * log_sd)


def test_summary_with_a_coefficient():
    model = BetaGeoNBD(covariates={"purchase": ["noise"]}).fit(with_noise(2_000))
    row = model.summary().loc["purchase.noise"]
    assert_allclose(row["z"], row["estimate"] / row["standard_error"])
    assert_allclose(row["lower"] + row["upper"], 2 * row["estimate"])
    assert 0.001 < row["p_value"] < 1.0
    assert model.summary()["z"].isna().sum() == 4


def test_p_value_of_a_coefficient_of_noise_is_uniform():
    values = [
        BetaGeoNBD(covariates={"purchase": ["noise"]})
        .fit(with_noise(400, seed))
        .summary()
        .loc["purchase.noise", "p_value"]
        for seed in range(40)
    ]
    assert 0.3 < np.mean(values) < 0.7
    assert np.mean(np.array(values) < 0.05) <= 0.15


def test_likelihood_ratio_of_noise_is_chi_square():
    statistics = [
        likelihood_ratio_test(
            BetaGeoNBD().fit(with_noise(400, seed)),
            BetaGeoNBD(covariates={"purchase": ["noise"]}).fit(with_noise(400, seed)),
        )
        for seed in range(40)
    ]
    assert {test.df for test in statistics} == {1}
    assert 0.6 < np.mean([test.statistic for test in statistics]) < 1.6


@pytest.mark.parametrize(
    ("restricted", "full", "message"),
    [
        (TRUTH, TRUTH, "was not fitted to data"),
        (BetaGeoNBD().fit(draw(100)), BetaGeoNBD().fit(draw(100)), "give the larger model second"),
        (
            BetaGeoNBD().fit(draw(100)),
            BetaGeoNBD(covariates={"purchase": ["noise"]}).fit(with_noise(200)),
            "full fits worse than restricted",
        ),
    ],
    ids=["known", "equal", "other customers"],
)
def test_likelihood_ratio_test_refuses(restricted, full, message):
    with pytest.raises(ArgumentError, match=message):
        likelihood_ratio_test(restricted, full)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 90, True, None, "0.9"])
def test_coverage_is_a_probability(coverage):
    model = BetaGeoNBD().fit(draw(100))
    with pytest.raises(ArgumentError, match="must lie between 0 and 1"):
        model.summary(coverage)


def test_known_parameters_have_no_summary():
    with pytest.raises(ArgumentError, match="made by from_params"):
        GammaGamma.from_params(p=6.0, q=4.0, gamma=15.0).summary()
