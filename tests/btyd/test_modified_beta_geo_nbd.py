import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import BetaGeoNBD, ModifiedBetaGeoNBD
from clvkit.errors import BoundaryWarning
from clvkit.serving._trust import TRUSTED_TYPES
from clvkit.testing import purchase_model_checks

PARAMS = {"r": 0.5248432, "alpha": 6.1830856, "a": 0.8913594, "b": 1.6140021}


@pytest.fixture
def model():
    return ModifiedBetaGeoNBD.from_params(**PARAMS)


@pytest.mark.parametrize("unit", ["7D", "1D"])
@pytest.mark.parametrize("name", dict(purchase_model_checks(ModifiedBetaGeoNBD())))
def test_contract(name, unit):
    dict(purchase_model_checks(ModifiedBetaGeoNBD(time_unit=unit)))[name]()


def test_is_trusted():
    assert f"{ModifiedBetaGeoNBD.__module__}.ModifiedBetaGeoNBD" in TRUSTED_TYPES


def test_fit_to_cdnow(cdnow):
    fitted = ModifiedBetaGeoNBD().fit(cdnow)
    assert fitted.params_ == pytest.approx(PARAMS, rel=1e-6)
    assert fitted.log_likelihood_ == pytest.approx(-9582.135716, abs=1e-5)
    assert fitted.n_iter_ < 10


def test_newcomer_may_be_lost_at_once(model):
    a, b = PARAMS["a"], PARAMS["b"]
    assert model.probability_alive([[0, 0, 0]])[0] == pytest.approx(b / (a + b), rel=1e-12)
    assert model.expected_purchases_newcomer(0.0) == 0.0
    assert model.purchase_pmf_newcomer(1e12, 0)[0] == pytest.approx(a / (a + b), abs=1e-4)


def test_alive_falls_with_age_at_frequency_0(model):
    alive = model.probability_alive([[0, 0, age] for age in (0.0, 10.0, 100.0, 1000.0)])
    assert np.all(np.diff(alive) < 0)
    assert BetaGeoNBD.from_params(**PARAMS).probability_alive([[0, 0, 1000.0]])[0] == 1.0


def test_draws_have_the_probability_of_no_return(model):
    drawn = model.simulate_summary(np.full(40_000, 39.0), random_state=0)
    zeros = np.mean(drawn[:, 0] == 0)
    assert zeros == pytest.approx(model.purchase_pmf_newcomer(39.0, 0)[0], abs=0.01)
    assert drawn[:, 0].mean() == pytest.approx(model.expected_purchases_newcomer(39.0), rel=0.03)


def test_no_dropout_is_the_nbd():
    rng = np.random.default_rng(2)
    T = rng.uniform(20, 60, 2_000)
    x = rng.poisson(rng.gamma(0.8, 0.2, 2_000) * T)
    summary = np.column_stack([x, np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0.0), T])
    with pytest.warns(BoundaryWarning, match=r"a=.*b=.*no dropout detected: NBD fits"):
        fitted = ModifiedBetaGeoNBD().fit(summary)
    assert fitted.boundary_ == ["a", "b"]
    r, alpha = fitted.params_["r"], fitted.params_["alpha"]
    assert_allclose(fitted.expected_purchases(summary, 10.0), (r + x) / (alpha + T) * 10, rtol=1e-3)


def test_nobody_came_back():
    with pytest.warns(BoundaryWarning, match="no customer has bought again"):
        fitted = ModifiedBetaGeoNBD().fit([[0, 0, 20.0]] * 10)
    assert fitted.expected_purchases([[0, 0, 20.0]], 52)[0] < 1e-3
