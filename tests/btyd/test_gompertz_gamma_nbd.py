"""GGompertz/NBD: the contract, precision against mpmath, and what data with ageing show."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from benchmarks.oracles.gompertz_gamma_nbd import decay as exact_decay
from benchmarks.oracles.gompertz_gamma_nbd import log_likelihood, odds_of_death
from clvkit.btyd import NBD, GompertzGammaNBD, ParetoNBD
from clvkit.btyd._gompertz import decay, slopes
from clvkit.errors import BoundaryWarning, UnknownNameError
from clvkit.testing import purchase_model_checks

NAMES = ("r", "alpha", "b", "s", "beta")
AGEING = {"r": 1.5, "alpha": 14.0, "b": 0.15, "s": 2.0, "beta": 40.0}


def made_of(values):
    return GompertzGammaNBD.from_params(**dict(zip(NAMES, values, strict=True)))


@pytest.mark.parametrize(
    "check",
    [pytest.param(check, id=name) for name, check in purchase_model_checks(GompertzGammaNBD())],
)
def test_contract(check):
    check()


# --- precision ---------------------------------------------------------------------------------


#: (r, alpha, b, s, beta), (x, t_x, T)
HARD_CASES = {
    "ordinary": ((0.553, 10.58, 0.02, 0.606, 0.3), (2, 30.43, 38.86)),
    "the paper on CDNOW": ((0.553, 10.578, 0.0002, 0.603, 0.0026), (2, 30.43, 38.86)),
    "almost Pareto": ((0.553, 10.58, 1e-8, 0.606, 1.167e-7), (0, 0, 38.86)),
    "leaving together": ((1.5, 14.0, 0.15, 2.0, 400.0), (3, 20, 60)),
    "leaving together, long ago": ((1.5, 14.0, 0.15, 2.0, 400.0), (3, 20, 600)),
    "beta of 1": ((1.5, 14.0, 0.15, 2.0, 1.0), (3, 20, 60)),
    "beta almost 1": ((1.5, 14.0, 0.15, 2.0, 1.0 + 1e-12), (3, 20, 60)),
    "nearly all at one age": ((1.5, 14.0, 1.0, 1.0, 1e12), (3, 20, 60)),
    "same risk for all": ((1.5, 14.0, 0.1, 1e6, 1e8), (3, 20, 60)),
    "heavy buyer": ((0.553, 10.58, 0.01, 0.606, 0.1), (3000, 1000, 1095)),
    "heavy buyer, alpha small": ((0.553, 0.1, 0.01, 0.606, 5.0), (300, 300, 1095)),
    "long silence": ((0.553, 10.58, 0.01, 0.606, 0.1), (300, 100, 365)),
    "small shapes": ((1e-4, 10.58, 0.1, 1e-3, 0.2), (1, 5, 9)),
    "age without overflow": ((0.553, 10.58, 2.0, 0.606, 11.0), (0, 0, 5000)),
    "tiny beta": ((0.553, 10.58, 0.5, 0.3, 1e-6), (1, 2, 40)),
    "steep risk": ((2.0, 30.0, 5.0, 0.01, 1e3), (4, 7, 40)),
}


@pytest.mark.parametrize(("params", "row"), HARD_CASES.values(), ids=HARD_CASES)
def test_likelihood_against_mpmath(params, row):
    with mpmath.workdps(24):
        exact = [mpmath.mpf(value) for value in (*params, *row)]
        expected = float(log_likelihood(*exact))
        alive = float(1 / (1 + odds_of_death(*exact)))
    model = made_of(params)
    assert model.log_likelihood([row])[0] == pytest.approx(expected, abs=1e-8, rel=1e-12)
    assert model.probability_alive([row])[0] == pytest.approx(alive, rel=1e-8)


@pytest.mark.parametrize("horizon", [0.5, 1e4])
@pytest.mark.parametrize("name", ["ordinary", "leaving together", "beta of 1", "tiny beta"])
def test_expectation_against_quadrature(name, horizon):
    """Given alive: the mean rate times the expected time alive."""
    params, (x, t_x, T) = HARD_CASES[name]
    r, alpha, b, s, beta = params
    model = made_of(params)

    def survival(y):
        return np.exp(-s * (decay(b, beta, T + y) - decay(b, beta, np.array(T))))

    cuts = np.geomspace(1e-3, 1.0, 12) * horizon
    pieces = zip([0.0, *cuts[:-1]], cuts, strict=True)
    time_alive = sum(quad(survival, *piece, epsabs=0, epsrel=1e-10)[0] for piece in pieces)
    expected = (r + x) / (alpha + T) * time_alive * model.probability_alive([(x, t_x, T)])[0]
    assert model.expected_purchases([(x, t_x, T)], horizon)[0] == pytest.approx(expected, rel=1e-8)


def test_small_b_is_the_pareto_nbd():
    rows = [(2, 30.43, 38.86), (0, 0, 38.86), (26, 30.86, 31.0), (1, 2.0, 300.0)]
    pareto = ParetoNBD.from_params(r=0.553, alpha=10.58, s=0.606, beta=11.67)
    gompertz = made_of((0.553, 10.58, 1e-10, 0.606, 1.167e-9))
    for actual, expected in (
        (gompertz.log_likelihood(rows), pareto.log_likelihood(rows)),
        (gompertz.expected_purchases(rows, 39), pareto.expected_purchases(rows, 39)),
        (gompertz.purchase_pmf(rows, 39, 8), pareto.purchase_pmf(rows, 39, 8)),
    ):
        assert_allclose(actual, expected, rtol=1e-7)


@pytest.mark.parametrize("beta", [1e-9, 0.3, 1.0, 50.0, 1e9])
def test_decay_and_its_slopes(beta):
    y, b, step = np.array([1e-9, 0.1, 3.0, 40.0, 3e4]), 0.3, 1e-4
    with mpmath.workdps(40):
        exact = [float(exact_decay(mpmath.mpf(b), mpmath.mpf(beta), mpmath.mpf(t))) for t in y]
    at = slopes(b, beta, y)
    assert_allclose(at.value, exact, rtol=1e-14)
    up, down = np.exp(step), np.exp(-step)
    for slope, value in (
        (at.b, lambda f: decay(b * f, beta, y)),
        (at.beta, lambda f: decay(b, beta * f, y)),
        (at.bb, lambda f: slopes(b * f, beta, y).b),
        (at.bbeta, lambda f: slopes(b * f, beta, y).beta),
        (at.betabeta, lambda f: slopes(b, beta * f, y).beta),
    ):
        difference = (value(up) - value(down)) / (2 * step)
        assert_allclose(slope, difference, rtol=1e-6, atol=1e-7 * np.abs(at.value).max())


# --- estimates ---------------------------------------------------------------------------------


def test_ageing_is_recovered_and_beats_the_pareto_nbd():
    drawn = GompertzGammaNBD.from_params(**AGEING).simulate_summary(
        np.random.default_rng(1).uniform(20, 100, 3_000), random_state=1
    )
    fitted = GompertzGammaNBD().fit(drawn)
    assert fitted.converged_
    assert fitted.boundary_ == []
    for name, value in AGEING.items():
        error = fitted.standard_errors_[name] / fitted.params_[name]
        assert abs(np.log(fitted.params_[name] / value)) < 3.5 * error, name
    with pytest.warns(BoundaryWarning, match="all customers drop out at the same rate"):
        pareto = ParetoNBD().fit(drawn)
    assert fitted.log_likelihood_ > pareto.log_likelihood_ + 50.0


def test_risk_that_does_not_grow_is_told():
    pareto = ParetoNBD.from_params(r=0.8, alpha=5.0, s=0.8, beta=10.0)
    drawn = pareto.simulate_summary(np.full(1_000, 52.0), random_state=0)
    with pytest.warns(BoundaryWarning, match="does not grow with age.*ParetoNBD with that beta"):
        fitted = GompertzGammaNBD().fit(drawn)
    expected = ParetoNBD().fit(drawn)
    assert fitted.boundary_ == ["b", "beta"]
    assert fitted.log_likelihood_ == pytest.approx(expected.log_likelihood_, abs=1e-4)
    assert fitted.params_["beta"] / fitted.params_["b"] == pytest.approx(
        expected.params_["beta"], rel=1e-3
    )


def test_no_dropout_is_told():
    drawn = NBD.from_params(r=0.8, alpha=5.0).simulate_summary(np.full(800, 52.0), random_state=0)
    with pytest.warns(BoundaryWarning, match="no dropout detected"):
        fitted = GompertzGammaNBD().fit(drawn)
    assert fitted.boundary_ == ["b", "s", "beta"]


def test_covariates_are_recovered():
    rng = np.random.default_rng(4)
    truth = GompertzGammaNBD.from_params(
        **AGEING,
        covariates={"purchase": ["male"], "dropout": ["male"]},
        **{"purchase.male": 0.5, "dropout.male": 0.8},
    )
    parts = []
    for male in (0, 1):
        drawn = truth.simulate_summary(
            rng.uniform(20, 100, 1_000), rng, covariates={"male": float(male)}
        )
        parts.append(np.column_stack([drawn, np.zeros(len(drawn)), np.full(len(drawn), male)]))
    fitted = GompertzGammaNBD(covariates=["male"]).fit(np.concatenate(parts))
    for name in ("purchase.male", "dropout.male"):
        miss = fitted.params_[name] - truth.params_[name]
        assert abs(miss) < 3.5 * fitted.standard_errors_[name], name


def test_known_parameters_are_checked():
    with pytest.raises(UnknownNameError, match="'b' missing"):
        GompertzGammaNBD.from_params(r=1.0, alpha=1.0, s=1.0, beta=1.0)
