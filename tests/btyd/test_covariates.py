"""The chain rule from the parameters of a row to the coefficients of its covariates."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import NBD, BetaGeoNBD, GammaGamma, ParetoNBD
from clvkit.errors import ArgumentError, CovariateWarning, SummaryError, UnknownNameError

COEFS = {"purchase.age": 0.5, "purchase.male": -0.3, "dropout_a.age": -0.4, "dropout_b.age": 0.2}
COVARIATES = {"purchase": ["age", "male"], "dropout": ["age"]}


def simulate(n, seed=0):
    """Draw customers whose covariates move their parameters as ``COEFS`` says."""
    rng = np.random.default_rng(seed)
    z = pd.DataFrame({"age": rng.normal(40.0, 1.0, n), "male": rng.integers(0, 2, n)})
    parts = []
    for (age, male), some in z.assign(age=z["age"].round()).groupby(["age", "male"]):
        shift = {
            "alpha": -(0.5 * (age - 40.0) - 0.3 * male),
            "a": -0.4 * (age - 40.0),
            "b": 0.2 * (age - 40.0),
        }
        base = {"r": 0.8, "alpha": 6.0, "a": 0.9, "b": 2.5}
        model = BetaGeoNBD.from_params(
            **{name: value * np.exp(shift.get(name, 0.0)) for name, value in base.items()}
        )
        drawn = model.simulate_summary(rng.uniform(20, 80, len(some)), int(rng.integers(1e9)))
        frame = pd.DataFrame(drawn, columns=["frequency", "recency", "T"])
        parts.append(frame.assign(age=age, male=male))
    summary = pd.concat(parts).sample(frac=1.0, random_state=seed).reset_index(drop=True)
    summary.attrs["time_unit"] = "7D"
    return summary


@pytest.fixture(scope="module")
def summary():
    return simulate(20_000)


def test_coefficients_are_recovered(summary):
    model = BetaGeoNBD(covariates=COVARIATES).fit(summary)
    assert model.converged_
    assert list(model.params_) == ["r", "alpha", "a", "b", *COEFS]
    for name, truth in COEFS.items():
        assert abs(model.params_[name] - truth) < 3.5 * model.standard_errors_[name], name
    plain = BetaGeoNBD().fit(summary)
    assert model.log_likelihood_ > plain.log_likelihood_ + 100


def test_optimum_is_one_in_the_covariates_own_units(summary):
    """No small change of any parameter or coefficient, age not centred, raises the likelihood."""
    some = summary.head(3_000)
    model = BetaGeoNBD(covariates=COVARIATES).fit(some)
    assert_allclose(model.log_likelihood(some).sum(), model.log_likelihood_, rtol=1e-12)
    for name, value in model.params_.items():
        for step in (-0.01, 0.01):
            moved = model.params_ | {name: value + step * model.standard_errors_[name]}
            there = BetaGeoNBD.from_params(**moved, covariates=COVARIATES)
            assert there.log_likelihood(some).sum() <= model.log_likelihood_ + 1e-9, name


def test_wald_statistic_is_near_that_of_the_likelihood_ratio(summary):
    some = summary.head(4_000)
    model = BetaGeoNBD(covariates={"purchase": ["male"]}).fit(some)
    plain = BetaGeoNBD().fit(some)
    z = model.params_["purchase.male"] / model.standard_errors_["purchase.male"]
    assert_allclose(2 * (model.log_likelihood_ - plain.log_likelihood_), z**2, rtol=0.05)


def test_a_strong_prior_holds_a_coefficient_at_0(summary):
    some = summary.head(4_000)
    plain = BetaGeoNBD().fit(some)
    held = BetaGeoNBD(covariates={"purchase": ["male"]}, prior={"purchase": 1e-6}).fit(some)
    assert abs(held.params_["purchase.male"]) < 1e-6
    assert_allclose(held.log_likelihood_, plain.log_likelihood_, rtol=1e-6)


def test_unit_of_a_covariate_scales_its_coefficient(summary):
    some = summary.head(4_000)
    years = BetaGeoNBD(covariates={"purchase": ["age"]}).fit(some)
    months = BetaGeoNBD(covariates={"purchase": ["age"]}).fit(some.assign(age=some["age"] * 12))
    assert_allclose(years.params_["purchase.age"], 12 * months.params_["purchase.age"], rtol=1e-6)
    assert_allclose(
        years.expected_purchases(some, 10.0)[:5],
        months.expected_purchases(some.assign(age=some["age"] * 12), 10.0)[:5],
        rtol=1e-8,
    )


def test_categories_are_columns_but_the_first(summary):
    some = summary.head(4_000)
    named = some.assign(sex=np.where(some["male"] == 1, "m", "f"))
    by_name = BetaGeoNBD(covariates={"purchase": ["sex"]}).fit(named)
    by_number = BetaGeoNBD(covariates={"purchase": ["male"]}).fit(some)
    assert_allclose(by_name.params_["purchase.sex=m"], by_number.params_["purchase.male"])
    with pytest.raises(SummaryError, match=r"'sex' has 4000 of 4000 values .* 'x' in row 0"):
        by_name.expected_purchases(named.assign(sex="x"), 10.0)


def test_shared_covariate_has_one_coefficient():
    with pytest.raises(UnknownNameError, match="not a covariate of every process"):
        BetaGeoNBD(covariates={"purchase": ["age"]}, shared_covariates=["age"]).fit(simulate(500))


def test_a_constant_covariate_changes_nothing(summary):
    some = summary.head(2_000).assign(one=1.0)
    model = BetaGeoNBD(covariates={"purchase": ["one"]})
    with pytest.warns(CovariateWarning, match=r"purchase\.one: the covariate is the same for"):
        model.fit(some)
    plain = BetaGeoNBD().fit(some)
    assert model.params_["purchase.one"] == 0.0
    assert np.isnan(model.standard_errors_["purchase.one"])
    assert_allclose(list(model.params_.values())[:4], list(plain.params_.values()), rtol=1e-5)


def test_gamma_gamma_with_a_covariate():
    rng = np.random.default_rng(1)
    n = 20_000
    male = rng.integers(0, 2, n)
    x = 1 + rng.poisson(3.0, n)
    nu = rng.gamma(3.7, 1 / (15.0 * np.exp(0.4 * male)))
    summary = pd.DataFrame({"frequency": x, "monetary_value": rng.gamma(6.0 * x) / nu / x})
    summary["male"] = male
    model = GammaGamma(covariates=["male"]).fit(summary)
    assert abs(model.params_["spend.male"] - 0.4) < 3.5 * model.standard_errors_["spend.male"]
    ratio = model.expected_spend(summary.assign(frequency=0, monetary_value=0.0))
    assert_allclose(ratio[male == 1][0] / ratio[male == 0][0], np.exp(model.params_["spend.male"]))


@pytest.mark.parametrize(
    ("covariates", "error", "message"),
    [
        (["height"], UnknownNameError, r"no column 'height', .* named as a covariate"),
        ({"spend": ["age"]}, UnknownNameError, "names the process 'spend'"),
    ],
    ids=["column", "process"],
)
def test_unknown_names(covariates, error, message):
    with pytest.raises(error, match=message):
        BetaGeoNBD(covariates=covariates).fit(simulate(200))


def test_missing_values(summary):
    some = summary.head(300).copy()
    some.loc[298:, "age"] = np.nan
    with pytest.raises(SummaryError, match=r"'age' is missing in 2 of 300 rows, .* row 298"):
        BetaGeoNBD(covariates=["age"]).fit(some)


def test_array_has_covariates_behind_its_four_columns(summary):
    some = summary.head(2_000)
    array = some.assign(monetary_value=1.0)[
        ["frequency", "recency", "T", "monetary_value", "age", "male"]
    ].to_numpy()
    by_position = BetaGeoNBD(covariates=["age", "male"]).fit(array)
    by_name = BetaGeoNBD(covariates=["age", "male"]).fit(some)
    assert_allclose(list(by_position.params_.values()), list(by_name.params_.values()))


NEWCOMERS = [
    (BetaGeoNBD, {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}),
    (ParetoNBD, {"r": 0.553, "alpha": 10.58, "s": 0.606, "beta": 11.67}),
    (NBD, {"r": 0.385, "alpha": 12.07}),
]


def with_age(model_class, params, age=0.05):
    covariates = {"purchase": ["age"]}
    return model_class.from_params(covariates=covariates, **params, **{"purchase.age": age})


@pytest.mark.parametrize(("model_class", "params"), NEWCOMERS)
def test_newcomers_differ_by_their_covariates(model_class, params):
    model = with_age(model_class, params)
    at_ten = model_class.from_params(**{**params, "alpha": params["alpha"] * np.exp(-0.5)})
    expected = at_ten.expected_purchases_newcomer("52W")
    assert_allclose(model.expected_purchases_newcomer("52W", {"age": 10.0}), expected, rtol=1e-14)
    both = model.expected_purchases_newcomer([52.0, 52.0], pd.DataFrame({"age": [10.0, 0.0]}))
    plain = model_class.from_params(**params).expected_purchases_newcomer("52W")
    assert_allclose(both, [expected, plain], rtol=1e-14)
    pmf = model.purchase_pmf_newcomer("52W", 3, covariates={"age": 10.0})
    assert_allclose(pmf, at_ten.purchase_pmf_newcomer("52W", 3), rtol=1e-14)
    drawn = model.simulate_summary([52.0] * 50, 0, covariates={"age": 10.0})
    assert_allclose(drawn, at_ten.simulate_summary([52.0] * 50, 0), rtol=1e-14)


@pytest.mark.parametrize(("model_class", "params"), NEWCOMERS)
def test_a_newcomer_without_covariates_is_refused(model_class, params):
    model = with_age(model_class, params)
    for ask in (
        lambda: model.expected_purchases_newcomer("52W"),
        lambda: model.purchase_pmf_newcomer("52W", 3),
        lambda: model.simulate_summary([52.0]),
    ):
        with pytest.raises(ArgumentError, match=r"has the covariates 'age'.*covariates={'age'"):
            ask()
    with pytest.raises(ArgumentError, match="3 rows for 2 newcomers"):
        model.expected_purchases_newcomer([1.0, 2.0], {"age": [1.0, 2.0, 3.0]})
    with pytest.raises(ArgumentError, match="has no covariates"):
        model_class.from_params(**params).expected_purchases_newcomer("52W", {"age": 1.0})


@pytest.mark.parametrize("model", [NBD, BetaGeoNBD, ParetoNBD])
def test_collinear_covariates_have_no_errors_of_their_own(model):
    """The sum is known, and so are the other parameters; they are as with one of the twins."""
    data = simulate(2_000).assign(twin=lambda frame: 2.0 * frame["age"])
    both = model(covariates={"purchase": ["age", "male", "twin"]})
    with pytest.warns(CovariateWarning, match=r" purchase\.age, purchase\.twin: collinear"):
        both.fit(data)
    one = model(covariates={"purchase": ["age", "male"]}).fit(data)
    assert both.log_likelihood_ == pytest.approx(one.log_likelihood_, abs=1e-6)
    told = both.params_["purchase.age"] + 2.0 * both.params_["purchase.twin"]
    assert told == pytest.approx(one.params_["purchase.age"], rel=1e-5)
    errors = both.standard_errors_
    assert np.isnan([errors["purchase.age"], errors["purchase.twin"]]).all()
    assert errors["r"] == pytest.approx(one.standard_errors_["r"], rel=1e-4)
    assert np.isfinite(both.expected_purchases_interval(data.head(3), 10.0)).all()
