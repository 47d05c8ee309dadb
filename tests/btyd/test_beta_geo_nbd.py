import warnings

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from benchmarks.oracles.beta_geo_nbd import log_likelihood, odds_of_death, purchases_if_alive
from clvkit.btyd import BetaGeoNBD
from clvkit.errors import (
    BoundaryWarning,
    DurationError,
    HorizonError,
    SummaryError,
    UnknownNameError,
)
from clvkit.testing import purchase_model_checks

CDNOW = {"r": 0.2425945, "alpha": 4.4136023, "a": 0.7929219, "b": 2.425906}


@pytest.fixture
def model():
    return BetaGeoNBD.from_params(**CDNOW)


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=name) for name, check in purchase_model_checks(BetaGeoNBD())]
)
def test_contract(check):
    check()


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=name)
        for name, check in purchase_model_checks(BetaGeoNBD(time_unit="1D"))
    ],
)
def test_contract_in_days(check):
    check()


def test_fit_to_cdnow(cdnow):
    """Fader, Hardie and Lee (2005), to the digits that they and others give."""
    model = BetaGeoNBD().fit(cdnow)
    expected = {"r": 0.2425945, "alpha": 4.413602, "a": 0.792922, "b": 2.425906}
    assert model.params_ == pytest.approx(expected, rel=1e-6)
    assert model.log_likelihood_ == pytest.approx(-9582.4292, abs=1e-4)
    assert model.converged_
    assert model.boundary_ == []
    assert model.n_iter_ < 10


# --- precision ---------------------------------------------------------------------------------


#: (r, alpha, a, b), (x, t_x, T), horizon
HARD_CASES = {
    "ordinary": ((0.24, 4.41, 0.79, 2.43), (2, 30.43, 38.86), 39),
    "a almost 1": ((0.24, 4.41, 1 + 1e-9, 2.43), (2, 30.43, 38.86), 39),
    "a + b of 1": ((0.24, 4.41, 0.25, 0.75), (0, 0, 3.0), 5),
    "a + b of 2": ((0.24, 4.41, 0.5, 1.5), (0, 0, 3.0), 5),
    "heavy buyer": ((0.24, 4.41, 0.79, 2.43), (3000, 1094, 1095), 365),
    "heavy buyer, long horizon": ((0.24, 4.41, 0.79, 2.43), (1000, 20, 20.1), 400),
    "newcomer, long horizon": ((0.24, 0.05, 0.79, 2.43), (0, 0, 0.14), 1000),
    "small shapes": ((0.01, 0.5, 0.02, 0.03), (1, 5, 9), 52),
    "large shapes": ((800, 700, 300, 900), (40, 30, 38), 52),
}


@pytest.mark.parametrize(("params", "row", "horizon"), HARD_CASES.values(), ids=HARD_CASES)
def test_against_mpmath(params, row, horizon):
    model = BetaGeoNBD.from_params(**dict(zip(CDNOW, params, strict=True)))
    with mpmath.workdps(60):
        exact = [mpmath.mpf(value) for value in params]
        x, t_x, T = (mpmath.mpf(value) for value in row)
        if_alive = purchases_if_alive(*exact, x, T, mpmath.mpf(horizon))
        likelihood = log_likelihood(*exact, x, t_x, T)
        odds = odds_of_death(*exact, x, t_x, T)
        alive = 1 / (1 + odds)
    assert model.log_likelihood([row])[0] == pytest.approx(float(likelihood), rel=1e-9, abs=1e-9)
    assert model.probability_alive([row])[0] == pytest.approx(float(alive), rel=1e-10)
    expected = float(alive * if_alive)
    assert model.expected_purchases([row], horizon)[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("horizon", [0.1429, 1, 32, 78])
def test_newcomer_against_mpmath(model, horizon):
    with mpmath.workdps(40):
        exact = purchases_if_alive(*map(mpmath.mpf, CDNOW.values()), 0, 0, mpmath.mpf(horizon))
    assert model.expected_purchases_newcomer(horizon) == pytest.approx(float(exact), rel=1e-12)


def test_discounted_lifetime_against_mpmath(model):
    """The residual lifetime by a double integral of the purchase rate."""
    R, A, B = CDNOW["r"] + 2, CDNOW["alpha"] + 38.86, CDNOW["b"] + 2
    delta = np.log1p(0.15) / 52
    with mpmath.workdps(20):
        density = mpmath.beta(CDNOW["a"], B)

        def lifetime(p):
            # The integral over s of e^(-delta s) R A^R / (A + p s)^(R + 1).
            z = delta * A / p
            return R / p * mpmath.exp(z) * mpmath.expint(R + 1, z)

        def weighted(p):
            return lifetime(p) * p ** (CDNOW["a"] - 1) * (1 - p) ** (B - 1) / density

        exact = mpmath.quad(weighted, [0, 0.001, 0.05, 0.3, 1])
    summary = [[2, 30.43, 38.86]]
    expected = float(exact) * model.probability_alive(summary)[0]
    actual = model.expected_discounted_purchases(summary, 0.15)[0]
    assert actual == pytest.approx(expected, rel=1e-7)


@pytest.mark.long
def test_expected_purchases_over_strata():
    """Random parameters over six strata, all against the 2F1 form with 100 digits."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        r, alpha = 10 ** rng.uniform(-2, 1), 10 ** rng.uniform(-2, 2)
        a, b = 10 ** rng.uniform(-1.5, 1.5), 10 ** rng.uniform(-1, 2)
        x = int(rng.choice([0, 1, 5, 50, 500, 3000]))
        T, horizon = 10 ** rng.uniform(-1, 3), 10 ** rng.uniform(-1, 3)
        with mpmath.workdps(100):
            exact = purchases_if_alive(*map(mpmath.mpf, (r, alpha, a, b, x, T, horizon)))
        params = dict(zip(CDNOW, (r, alpha, a, b), strict=True))
        row = [[x, T if x else 0.0, T]]
        model = BetaGeoNBD.from_params(**params)
        actual = model.expected_purchases(row, horizon) / model.probability_alive(row)
        assert actual[0] == pytest.approx(float(exact), rel=1e-9), (params, row, horizon)


# --- predictions -------------------------------------------------------------------------------


positive = st.floats(-4, 5).map(lambda exponent: 10.0**exponent)
rows = st.tuples(
    st.integers(0, 3000), st.floats(0.001, 1), st.floats(0.01, 5000), st.floats(0, 1e5)
)


@settings(deadline=None)
@given(params=st.tuples(positive, positive, positive, positive), row=rows)
def test_finite_and_bounded(params, row):
    x, share, T, horizon = row
    summary = [[x, share * T if x else 0.0, T]]
    model = BetaGeoNBD.from_params(**dict(zip(CDNOW, params, strict=True)))
    alive, later = (model.probability_alive(summary, ahead=h)[0] for h in (0.0, horizon))
    active = model.probability_active(summary, horizon)[0]
    expected = model.expected_purchases(summary, horizon)[0]
    pmf = model.purchase_pmf(summary, horizon, 20)[0]
    assert np.isfinite(model.log_likelihood(summary)[0])
    assert 0 <= later <= alive + 1e-12 <= 1 + 2e-12
    assert 0 <= active <= alive + 1e-12
    assert active <= expected * (1 + 1e-9) + 1e-300
    # No more than if nobody ever dropped out.
    rate = (params[0] + x) / (params[1] + T)
    assert expected <= rate * horizon * (1 + 1e-9)
    assert np.all(pmf >= 0)
    assert pmf.sum() <= 1 + 1e-9
    lifetime = model.expected_discounted_purchases(summary, 0.1)[0]
    assert np.isfinite(lifetime)


def test_increasing_frequency_paradox(model):
    """Fader, Hardie and Lee: after a lull a frequent buyer is the more surely lost."""
    summary = [[x, 20.0, 39.0] for x in (10, 15, 20, 25)]
    assert np.all(np.diff(model.expected_purchases(summary, 52)) < 0)


def test_pmf_of_many_purchases_does_not_underflow(model):
    pmf = model.purchase_pmf([[3000, 364.9, 365.0]], 30.0, 600)[0]
    assert pmf.sum() == pytest.approx(1.0, rel=1e-9)


def test_monthly_rate_of_discount(model):
    """A year has 52 weeks, 365.25 days or 12 months: one model in three units."""
    summary = pd.DataFrame({"frequency": [2.0], "recency": [30.43], "T": [38.86]})
    summary.attrs["time_unit"] = "7D"
    weekly = model.expected_discounted_purchases(summary, 0.15)[0]
    daily = BetaGeoNBD.from_params(time_unit="1D", **{**CDNOW, "alpha": CDNOW["alpha"] * 7})
    # 365.25 / 7 is 52.18, so the year of the two conventions differs by a third of a percent.
    assert daily.expected_discounted_purchases(summary, 0.15)[0] == pytest.approx(weekly, rel=4e-3)


def test_calendar_horizon_has_average_length(model):
    summary = [[2, 30.43, 38.86]]
    year = model.expected_purchases(summary, "12M")
    assert_allclose(year, model.expected_purchases(summary, 365.2425 / 7), rtol=1e-12)


# --- boundaries --------------------------------------------------------------------------------


def nbd_without_dropout(n=2_000):
    rng = np.random.default_rng(2)
    T = rng.uniform(20, 60, n)
    x = rng.poisson(rng.gamma(0.8, 0.2, n) * T)
    return np.column_stack([x, np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0.0), T])


def test_no_dropout_is_the_nbd():
    summary = nbd_without_dropout()
    with pytest.warns(BoundaryWarning, match=r"a=.*b=.*no dropout detected: NBD fits"):
        model = BetaGeoNBD().fit(summary)
    assert model.converged_
    assert model.boundary_ == ["a", "b"]
    x, _, T = summary.T
    r, alpha = model.params_["r"], model.params_["alpha"]
    assert r == pytest.approx(0.8, rel=0.15)
    assert_allclose(model.expected_purchases(summary, 10.0), (r + x) / (alpha + T) * 10, rtol=1e-3)
    assert_allclose(model.probability_alive(summary), 1.0, atol=1e-3)
    assert np.isfinite(model.covariance_[:2, :2]).all()
    assert np.isnan(model.covariance_[2:]).all()
    assert np.isfinite(model.standard_errors_["alpha"])


def test_nobody_came_back():
    with pytest.warns(BoundaryWarning, match="no customer has bought again"):
        model = BetaGeoNBD().fit([[0, 0, 20.0]] * 10)
    assert model.expected_purchases([[0, 0, 20.0]], 52)[0] < 1e-3


def test_everybody_came_back_once_and_never_again():
    with pytest.warns(BoundaryWarning, match="drops out after the first"):
        model = BetaGeoNBD().fit([[1, 0.5, 30.0]] * 30 + [[1, 9.0, 40.0]] * 9 + [[0, 0, 7.0]] * 40)
    assert_allclose(model.probability_alive([[1, 0.5, 30.0]]), 0.0, atol=1e-3)


def test_identical_customers_buy_at_one_rate():
    with pytest.warns(BoundaryWarning, match=r"same rate r / alpha"):
        BetaGeoNBD().fit([[2, 1.0, 3.0]] * 50)


def test_simulated_sets_always_converge():
    """Small samples: some lie on a ridge, none fails."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        truth = BetaGeoNBD.from_params(
            r=rng.uniform(0.2, 2),
            alpha=rng.uniform(1, 20),
            a=rng.uniform(0.2, 2),
            b=rng.uniform(1, 8),
        )
        summary = truth.simulate_summary(rng.uniform(10, 60, 300), rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundaryWarning)
            model = BetaGeoNBD().fit(summary)
        assert model.converged_
        assert model.log_likelihood_ >= truth.log_likelihood(summary).sum() - 1e-6


def test_warm_start_reaches_the_same_optimum(model):
    """Above 60,000 distinct rows the search starts from the optimum of a sample."""
    summary = model.simulate_summary(np.linspace(5, 80, 70_000), 0)
    fitted = BetaGeoNBD().fit(summary)
    assert fitted.converged_
    assert fitted.n_iter_ <= 5
    half = BetaGeoNBD().fit(np.repeat(summary[::2], 2, axis=0)[: len(summary)])
    assert list(half.params_.values()) == pytest.approx(list(fitted.params_.values()), rel=0.1)


def test_too_few_iterations_are_told():
    from sklearn.exceptions import ConvergenceWarning

    summary = BetaGeoNBD.from_params(**CDNOW).simulate_summary(np.full(500, 40.0), 0)
    with pytest.warns(ConvergenceWarning, match="larger max_iter"):
        model = BetaGeoNBD(max_iter=1).fit(summary)
    assert not model.converged_


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"r": 1.0, "a": 1.0, "b": 1.0}, UnknownNameError, r": 'alpha' missing\. Give each .*tol"),
        ({**CDNOW, "beta": 1.0}, UnknownNameError, r": 'beta' unknown\. Give each"),
        (
            {"r": 1.0, "alpha": 1.0, "A": 1.0},
            UnknownNameError,
            r"'a', 'b' missing and 'A' unknown\. Give each of the parameters r, alpha, a, b, and",
        ),
        ({**CDNOW, "r": 0.0}, ValueError, "'r' parameter"),
        ({**CDNOW, "time_unit": 7}, ValueError, "'time_unit' parameter"),
        ({**CDNOW, "time_unit": "3m"}, DurationError, "time_unit='3m' could mean minutes"),
        ({**CDNOW, "r": True}, ValueError, "'r' parameter .* must be a number, got True"),
        ({**CDNOW, "r": np.inf}, ValueError, "'r' parameter .* Got inf"),
    ],
    ids=["missing", "unknown", "both", "not positive", "setting", "unit", "bool", "infinite"],
)
def test_from_params_refuses(params, error, match):
    with pytest.raises(error, match=match):
        BetaGeoNBD.from_params(**params)


def test_lifetime_without_discount_is_refused(model):
    with pytest.raises(HorizonError, match="give a positive discount_rate or a horizon"):
        model.expected_discounted_purchases([[2, 30.43, 38.86]], 0.0)


@pytest.mark.parametrize("unit", ["3m", "x", "0D"])
@pytest.mark.parametrize("as_frame", [False, True])
def test_time_unit_is_read_before_the_data(unit, as_frame):
    summary = np.array([[2, 30.43, 38.86]])
    if as_frame:
        summary = pd.DataFrame({"frequency": ["not read"]})
    with pytest.raises(DurationError, match=f"time_unit='{unit}'"):
        BetaGeoNBD(time_unit=unit).fit(summary)


def test_months_are_a_unit_of_average_length():
    months = BetaGeoNBD.from_params(**CDNOW, time_unit="1M")
    actual = months.expected_purchases([[2, 7.0, 9.0]], "1Y")
    assert_allclose(actual, months.expected_purchases([[2, 7.0, 9.0]], 12.0), rtol=1e-12)


@pytest.mark.parametrize("n_max", [-1, 2.5, True, "10"])
def test_n_max_is_checked(model, n_max):
    with pytest.raises(ValueError, match="n_max"):
        model.purchase_pmf([[2, 30.43, 38.86]], 10, n_max)


def test_no_positive_weight_is_refused():
    with pytest.raises(SummaryError, match="no customer"):
        BetaGeoNBD().fit([[2, 1.0, 3.0]], sample_weight=[0.0])


def test_predicting_for_nobody_gives_nothing(model):
    assert model.expected_purchases(np.empty((0, 3)), 10).shape == (0,)
    assert model.purchase_pmf(np.empty((0, 3)), 10, 3).shape == (0, 4)


def test_refitting_forgets_the_old_fit():
    summary = nbd_without_dropout()
    model = BetaGeoNBD()
    with pytest.warns(BoundaryWarning):
        model.fit(summary)
    model.fit(BetaGeoNBD.from_params(**CDNOW).simulate_summary(np.full(2_000, 40.0), 0))
    assert model.boundary_ == []
