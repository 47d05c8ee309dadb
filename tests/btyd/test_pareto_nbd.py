import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import NBD, ParetoNBD
from clvkit.btyd._summary import Rows
from clvkit.errors import BoundaryWarning, UnknownNameError
from clvkit.testing import purchase_model_checks

CDNOW = {"r": 0.5532770, "alpha": 10.5776834, "s": 0.6062400, "beta": 11.6687353}
COVARIATES = {"purchase": ["age", "male"], "dropout": ["age"]}


@pytest.fixture
def model():
    return ParetoNBD.from_params(**CDNOW)


def made_of(values):
    return ParetoNBD.from_params(**dict(zip(CDNOW, values, strict=True)))


def one_row(row):
    return Rows(*(np.array([value], dtype=float) for value in row))


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=name) for name, check in purchase_model_checks(ParetoNBD())]
)
def test_contract(check):
    check()


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=name)
        for name, check in purchase_model_checks(ParetoNBD(time_unit="1D"))
    ],
)
def test_contract_in_days(check):
    check()


def test_fit_to_cdnow(cdnow):
    """Fader, Hardie and Lee (2005), to the digits that they and others give."""
    model = ParetoNBD().fit(cdnow)
    assert model.params_ == pytest.approx(CDNOW, rel=1e-6)
    assert model.log_likelihood_ == pytest.approx(-9594.976179, abs=1e-5)
    assert model.converged_
    assert model.boundary_ == []
    assert model.n_iter_ < 10


# --- predictions -------------------------------------------------------------------------------


def test_holdout_of_cdnow(cdnow, holdout_of):
    """The mean absolute error that papers and other libraries give for 39 weeks: .755."""
    expected = ParetoNBD().fit(cdnow).expected_purchases(cdnow, "39W")
    assert np.abs(expected - holdout_of("cdnow_exact")).mean() < 0.755


def test_somebody_who_never_came_back_may_be_lost(model):
    """Unlike in the BG/NBD."""
    alive = model.probability_alive([[0, 0.0, T] for T in (0.0, 10.0, 100.0, 1e4)])
    assert alive[0] == 1.0
    assert np.all(np.diff(alive) < 0)


def test_increasing_frequency_paradox(model):
    """After a lull a frequent buyer is the more surely lost."""
    summary = [[x, 20.0, 39.0] for x in (10, 15, 20, 25)]
    assert np.all(np.diff(model.expected_purchases(summary, 52)) < 0)


def test_a_customer_who_has_just_bought_is_alive(model):
    assert_allclose(model.probability_alive([[5, 20.0, 20.0]]), 1.0, rtol=0)


# --- boundaries --------------------------------------------------------------------------------


def without_dropout(n=2_000, seed=2):
    return NBD.from_params(r=0.8, alpha=5.0).simulate_summary(np.linspace(20, 60, n), seed)


def test_no_dropout_is_the_nbd():
    summary = without_dropout()
    with pytest.warns(BoundaryWarning, match=r"s=.*beta=.*no dropout detected: NBD fits"):
        model = ParetoNBD().fit(summary)
    nested = NBD().fit(summary)
    assert model.converged_
    assert model.boundary_ == ["s", "beta"]
    assert_allclose(model.log_likelihood_, nested.log_likelihood_, rtol=1e-8)
    for ours, theirs in (
        (model.expected_purchases(summary, 10.0), nested.expected_purchases(summary, 10.0)),
        (model.purchase_pmf(summary, 10.0, 5), nested.purchase_pmf(summary, 10.0, 5)),
        (model.probability_active(summary, 10.0), nested.probability_active(summary, 10.0)),
    ):
        assert_allclose(ours, theirs, rtol=1e-4)
    assert_allclose(model.covariance_[:2, :2], nested.covariance_, rtol=1e-4)
    assert np.isnan(model.covariance_[2:]).all()


def test_same_rate_of_dropout_for_all():
    rng = np.random.default_rng(1)
    age = np.full(4_000, 60.0)
    life = np.minimum(rng.exponential(30.0, 4_000), age)
    x = rng.poisson(rng.gamma(1.0, 0.3, 4_000) * life)
    last = np.where(x > 0, life * rng.beta(np.maximum(x, 1), 1), 0.0)
    with pytest.warns(BoundaryWarning, match=r"drop out at the same rate s / beta = 0\.03"):
        model = ParetoNBD().fit(np.column_stack([x, last, age]))
    assert model.converged_
    assert_allclose(model.probability_alive([[0, 0.0, 0.0]], ahead=30.0), np.exp(-1), rtol=0.1)


def test_lost_at_once_or_hardly_ever():
    """A second peak of the likelihood, which a single search misses by 270."""
    summary = without_dropout(3_000)
    gone = np.random.default_rng(0).random(3_000) < 0.4
    summary[gone, :2] = 0.0
    with pytest.warns(BoundaryWarning, match="% of the customers are lost right after the first"):
        model = ParetoNBD().fit(summary)
    assert model.converged_
    assert model.boundary_ == ["s", "beta"]
    truth = NBD.from_params(r=0.8, alpha=5.0)
    came_back = summary[:, 0] > 0
    alive = model.probability_alive([[0, 0.0, 40.0], [3, 20.0, 40.0]])
    # Of those without a repeat purchase 40 % were lost and (5 / 45)^0.8 of the others still wait.
    assert alive[0] == pytest.approx(0.6 / (0.6 + 0.4 / (5 / 45) ** 0.8), abs=0.05)
    assert alive[1] > 0.95
    actual = model.expected_purchases(summary[came_back], 10.0).sum()
    assert actual == pytest.approx(
        truth.expected_purchases(summary[came_back], 10.0).sum(), rel=0.05
    )


def test_nobody_came_back():
    with pytest.warns(BoundaryWarning, match="no customer has bought again"):
        model = ParetoNBD().fit([[0, 0, 20.0]] * 10)
    assert model.expected_purchases([[0, 0, 20.0]], 52)[0] < 1e-3


def test_simulated_sets_always_converge():
    """Small samples: some lie on a ridge, none fails."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        truth = ParetoNBD.from_params(
            r=rng.uniform(0.2, 2),
            alpha=rng.uniform(1, 20),
            s=rng.uniform(0.2, 2),
            beta=rng.uniform(1, 40),
        )
        summary = truth.simulate_summary(rng.uniform(10, 60, 300), rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundaryWarning)
            model = ParetoNBD().fit(summary)
        assert model.converged_
        assert model.log_likelihood_ >= truth.log_likelihood(summary).sum() - 1e-6


def test_warm_start_reaches_the_optimum(model):
    """Above 10,000 distinct rows the search starts from the optimum of a sample."""
    summary = model.simulate_summary(np.linspace(5, 80, 70_000), 0)
    fitted = ParetoNBD().fit(summary)
    assert fitted.converged_
    assert fitted.n_iter_ <= 5
    assert fitted.log_likelihood_ > model.log_likelihood(summary).sum()


# --- covariates --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_covariates():
    """Customers whose age and sex move their rates."""
    rng = np.random.default_rng(0)
    parts = []
    for age in (38, 40, 42):
        for male in (0, 1):
            truth = ParetoNBD.from_params(
                r=0.9,
                alpha=6.0 * np.exp(-0.2 * (age - 40) + 0.3 * male),
                s=0.8,
                beta=12.0 * np.exp(0.25 * (age - 40)),
            )
            drawn = truth.simulate_summary(rng.uniform(20, 80, 4_000), rng)
            frame = pd.DataFrame(drawn, columns=["frequency", "recency", "T"])
            parts.append(frame.assign(age=age, male=male))
    summary = pd.concat(parts).sample(frac=1.0, random_state=0).reset_index(drop=True)
    summary.attrs["time_unit"] = "7D"
    return summary


def test_coefficients_are_recovered(with_covariates):
    model = ParetoNBD(covariates=COVARIATES).fit(with_covariates)
    truth = {"purchase.age": 0.2, "purchase.male": -0.3, "dropout.age": -0.25}
    assert model.converged_
    assert list(model.params_) == [*CDNOW, *truth]
    for name, value in truth.items():
        assert abs(model.params_[name] - value) < 3.5 * model.standard_errors_[name], name
    assert_allclose(model.log_likelihood(with_covariates).sum(), model.log_likelihood_, rtol=1e-11)


def test_prediction_is_that_of_the_moved_parameters(with_covariates):
    coefs = {"purchase.age": 0.2, "purchase.male": -0.3, "dropout.age": -0.25}
    model = ParetoNBD.from_params(**CDNOW, **coefs, covariates=COVARIATES)
    row = with_covariates.iloc[[0]]
    age, male = row["age"].iloc[0], row["male"].iloc[0]
    moved = ParetoNBD.from_params(
        r=CDNOW["r"],
        alpha=CDNOW["alpha"] * np.exp(-(0.2 * age - 0.3 * male)),
        s=CDNOW["s"],
        beta=CDNOW["beta"] * np.exp(0.25 * age),
    )
    for method, arguments in (
        ("log_likelihood", ()),
        ("expected_purchases", ("26W",)),
        ("probability_alive", ("26W",)),
        ("probability_active", ("26W",)),
        ("purchase_pmf", ("26W", 5)),
        ("expected_discounted_purchases", (0.1,)),
    ):
        ours, theirs = (getattr(one, method)(row, *arguments) for one in (model, moved))
        assert_allclose(ours, theirs, rtol=1e-11, err_msg=method)


def test_shared_coefficient_moves_both(with_covariates):
    some = with_covariates.head(6_000)
    shared = ParetoNBD(covariates=["age"], shared_covariates=["age"]).fit(some)
    free = ParetoNBD(covariates=["age"]).fit(some)
    assert list(shared.params_) == [*CDNOW, "shared.age"]
    # Age has opposite effects here, which one coefficient cannot have.
    assert shared.log_likelihood_ < free.log_likelihood_ - 10


def test_process_must_be_one_of_the_model(with_covariates):
    with pytest.raises(UnknownNameError, match="this model has 'purchase' and 'dropout'"):
        ParetoNBD(covariates={"spend": ["age"]}).fit(with_covariates)
