import warnings

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from clvkit.btyd import NBD, ParetoNBD
from clvkit.btyd._pareto import LikelihoodSum, row_derivatives
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


# --- precision ---------------------------------------------------------------------------------


def exact_odds(r, alpha, s, beta, x, t_x, T):
    """Return the odds of being dead by the integral over the time of death."""
    R, c = r + x, min(alpha, beta)

    def density(length):
        y = (c + t_x) * mpmath.exp(length) - c
        growth = R * mpmath.log((alpha + T) / (alpha + y)) + s * mpmath.log((beta + T) / (beta + y))
        return mpmath.exp(growth) * (c + y) / (beta + y)

    longest = mpmath.log((c + T) / (c + t_x))
    if longest == 0:
        return mpmath.mpf(0)
    # Where the integrand falls steeply it does so at first.
    steep = [mpmath.mpf(2) ** k / max(1, R + s) for k in range(-1, 8)]
    cuts = {min(cut, longest) for cut in (0, longest, *steep, *range(1, 60))}
    # mpmath's estimate of its own error divides by the logarithm of a difference, which is 0
    # where that is 1; a third of the integrand is not that unlucky.
    return 3 * s * mpmath.quad(lambda length: density(length) / 3, sorted(cuts))


def exact_log_likelihood(r, alpha, s, beta, x, t_x, T):
    survived = mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
    survived += s * mpmath.log(beta / (beta + T)) - (r + x) * mpmath.log(alpha + T)
    return survived + mpmath.log1p(exact_odds(r, alpha, s, beta, x, t_x, T))


def exact_if_alive(r, alpha, s, beta, x, T, horizon):
    s = s + mpmath.mpf(10) ** -25  # the published form is 0 / 0 at s = 1
    B = beta + T
    return (r + x) / (alpha + T) * B / (s - 1) * (1 - (B / (B + horizon)) ** (s - 1))


#: (r, alpha, s, beta), (x, t_x, T), horizon
HARD_CASES = {
    "ordinary": ((0.553, 10.58, 0.606, 11.67), (2, 30.43, 38.86), 39),
    "s of 1": ((0.553, 10.58, 1.0, 11.67), (2, 30.43, 38.86), 39),
    "s almost 1": ((0.553, 10.58, 1 + 1e-9, 11.67), (2, 30.43, 38.86), 39),
    "alpha is beta": ((0.553, 10.58, 0.606, 10.58), (2, 30.43, 38.86), 39),
    "alpha almost beta": ((0.553, 10.58, 0.606, 10.58 * (1 + 1e-10)), (2, 30.43, 38.86), 39),
    "heavy buyer": ((0.553, 10.58, 0.606, 11.67), (3000, 1094, 1095), 365),
    "heavy buyer, alpha below beta": ((0.553, 0.6, 0.606, 900.0), (3000, 300, 1095), 365),
    "long silence": ((0.55339714, 10.58019854, 0.6060625, 11.65622367), (300, 300, 365), 52),
    "small shapes": ((1e-4, 10.58, 1e-3, 0.2), (1, 5, 9), 52),
    "nearly no dropout": ((0.553, 10.58, 1e-9, 1e6), (2, 30.43, 38.86), 39),
    "same dropout for all": ((0.553, 10.58, 1e7, 1e9), (2, 30.43, 38.86), 39),
    "long observation": ((0.553, 10.58, 0.606, 11.67), (10, 2e5, 1e6), 1e5),
}


@pytest.mark.parametrize(("params", "row", "horizon"), HARD_CASES.values(), ids=HARD_CASES)
def test_against_mpmath(params, row, horizon):
    model = made_of(params)
    with mpmath.workdps(60):
        exact = [mpmath.mpf(value) for value in params]
        x, t_x, T = (mpmath.mpf(value) for value in row)
        alive = 1 / (1 + exact_odds(*exact, x, t_x, T))
        expected = alive * exact_if_alive(*exact, x, T, mpmath.mpf(horizon))
        likelihood = exact_log_likelihood(*exact, x, t_x, T)
    actual = model.log_likelihood([row])[0]
    assert actual == pytest.approx(float(likelihood), rel=1e-11, abs=1e-11)
    # Relative, though it be 1e-500 otherwise: a log-odds of n loses about n times the rounding.
    assert model.probability_alive([row])[0] == pytest.approx(float(alive), rel=1e-11)
    assert model.expected_purchases([row], horizon)[0] == pytest.approx(float(expected), rel=1e-11)


def uniform(rng, low, high):
    return 10.0 ** rng.uniform(low, high)


def stratum(name, rng):
    """Draw parameters and a customer: the six kinds in which other implementations fail."""
    r, s = uniform(rng, -1, 1), uniform(rng, -1, 1)
    alpha, beta = uniform(rng, -1, 2), uniform(rng, -1, 2)
    x, T = int(rng.integers(0, 30)), uniform(rng, -0.5, 2.5)
    if name == "alpha ~ beta":
        beta = alpha * (1 + rng.choice([0.0, 1e-12, 1e-8, 1e-3]))
    elif name == "heavy":
        x = int(rng.integers(100, 3001))
    elif name == "small shapes":
        r, s = uniform(rng, -4, -2), uniform(rng, -4, -2)
    elif name == "long":
        T = uniform(rng, 4, 6)
    elif name == "wild":
        r, s = uniform(rng, -4, 4), uniform(rng, -4, 4)
        alpha, beta = uniform(rng, -5, 5), uniform(rng, -5, 5)
        x, T = int(rng.choice([0, 1, 5, 100, 3000])), uniform(rng, -3, 6)
    return (r, alpha, s, beta), (x, T * rng.random() ** 2 if x else 0.0, T)


STRATA = ["ordinary", "alpha ~ beta", "heavy", "small shapes", "long", "wild"]


def check_stratum(name, n):
    rng = np.random.default_rng(STRATA.index(name))
    for _ in range(n):
        params, row = stratum(name, rng)
        with mpmath.workdps(40):
            exact = float(exact_log_likelihood(*map(mpmath.mpf, (*params, *row))))
        actual = made_of(params).log_likelihood([row])[0]
        assert actual == pytest.approx(exact, rel=1e-11, abs=1e-11), (params, row)


@pytest.mark.parametrize("name", STRATA)
def test_likelihood_over_strata(name):
    check_stratum(name, 2)


@pytest.mark.long
@pytest.mark.parametrize("name", STRATA)
def test_likelihood_over_strata_at_length(name):
    check_stratum(name, 100)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] * (name not in ("ordinary", "small shapes")))
        for name in STRATA
    ],
)
def test_derivatives_over_strata(name):
    """Against differences of the exact likelihood, with more digits than they lose."""
    params, row = stratum(name, np.random.default_rng(10 + STRATA.index(name)))
    with mpmath.workdps(40):
        step = mpmath.mpf(10) ** -10

        def value(*moves):
            theta = [mpmath.mpf(p) for p in params]
            for j, by in moves:
                theta[j] *= mpmath.exp(by * step)
            return exact_log_likelihood(*theta, *map(mpmath.mpf, row))

        here = value()
        up, down = ([value((j, by)) for j in range(4)] for by in (1, -1))
        gradient = np.array([float((up[j] - down[j]) / (2 * step)) for j in range(4)])
        hessian = np.empty((4, 4))
        for i in range(4):
            hessian[i, i] = float((up[i] - 2 * here + down[i]) / step**2)
            for j in range(i):
                both = value((i, 1), (j, 1)) + value((i, -1), (j, -1))
                mixed = (both - up[i] - down[i] - up[j] - down[j] + 2 * here) / (2 * step**2)
                hessian[i, j] = hessian[j, i] = float(mixed)
    found = row_derivatives(dict(zip(CDNOW, params, strict=True)), one_row(row))
    assert_allclose(found.gradient[:, 0], gradient, rtol=1e-9, atol=1e-10 * np.abs(gradient).max())
    assert_allclose(found.hessian[..., 0], hessian, rtol=1e-7, atol=1e-9 * np.abs(hessian).max())


def test_sum_over_rows_is_that_of_the_rows(model):
    """With thousands of rows and few, which may use other rules."""
    summary = model.simulate_summary(np.linspace(0, 80, 20_000), 0)
    rows, weights = Rows(*summary.T.copy()), np.linspace(0.5, 2.0, 20_000)
    together = LikelihoodSum(rows, weights)(np.log(list(CDNOW.values())))
    by_row = row_derivatives(CDNOW, rows).sum(weights)
    assert_allclose(together.value, by_row.value, rtol=1e-12)
    assert_allclose(together.value, weights @ model.log_likelihood(summary), rtol=1e-12)
    assert_allclose(together.gradient, by_row.gradient, rtol=1e-9)
    assert_allclose(together.hessian, by_row.hessian, rtol=1e-9)
    alone = [row_derivatives(CDNOW, rows.take(slice(i, i + 1))) for i in range(0, 20_000, 997)]
    for i, derivative in zip(range(0, 20_000, 997), alone, strict=True):
        whole = row_derivatives(CDNOW, rows.take(slice(i, i + 5_000)))
        assert_allclose(derivative.hessian[..., 0], whole.hessian[..., 0], rtol=1e-8, atol=1e-12)


def test_expected_purchases_over_strata():
    rng = np.random.default_rng(0)
    for _ in range(300):
        params, row = stratum("wild", rng)
        horizon = uniform(rng, -2, 5)
        with mpmath.workdps(60):
            exact = exact_if_alive(*map(mpmath.mpf, (*params, row[0], row[2], horizon)))
        actual = made_of(params)._purchases_if_alive(one_row(row), np.array([horizon]))[0]
        assert actual == pytest.approx(float(exact), rel=1e-11), (params, row, horizon)


@pytest.mark.parametrize("s", [0.01, 0.606, 1.0, 20.0])
@pytest.mark.parametrize("rate", [0.01, 0.15, 3.0])
def test_residual_lifetime_against_mpmath(s, rate):
    """Fader, Hardie and Lee (2005, RFM and CLV) by the exponential integral E_s."""
    model = ParetoNBD.from_params(**{**CDNOW, "s": s})
    with mpmath.workdps(40):
        A, B = CDNOW["alpha"] + 38.86, CDNOW["beta"] + mpmath.mpf(38.86)
        z = mpmath.log1p(rate) / 52 * B
        exact = (CDNOW["r"] + 2) / A * B * mpmath.exp(z) * mpmath.expint(s, z)
    row = [[2, 30.43, 38.86]]
    actual = model.expected_discounted_purchases(row, rate)[0] / model.probability_alive(row)[0]
    assert actual == pytest.approx(float(exact), rel=1e-12)


def exact_pmf(params, row, horizon, k):
    r, alpha, s, beta = map(mpmath.mpf, params)
    x, _, T = map(mpmath.mpf, row)
    R, A, B, horizon = r + x, alpha + T, beta + T, mpmath.mpf(horizon)

    def bought(t):
        return mpmath.binomial(R + k - 1, k) * (A / (A + t)) ** R * (t / (A + t)) ** k

    def dies(length):
        c = min(A, B)
        t = c * mpmath.expm1(length)
        return bought(t) * s * (B / (B + t)) ** s / (B + t) * (c + t)

    cuts = mpmath.linspace(0, mpmath.log1p(horizon / min(A, B)), 40)
    return bought(horizon) * (B / (B + horizon)) ** s + mpmath.quad(dies, cuts)


@pytest.mark.parametrize("k", [0, 1, 7, 60])
@pytest.mark.parametrize("name", ["ordinary", "s of 1", "heavy buyer", "small shapes"])
def test_pmf_against_mpmath(name, k):
    params, row, horizon = HARD_CASES[name]
    with mpmath.workdps(30):
        exact = float(exact_pmf(params, row, horizon, k))
    pmf = made_of(params)._pmf_if_alive(one_row(row), np.array([float(horizon)]), 60)[0]
    assert pmf[k] == pytest.approx(exact, rel=1e-9, abs=1e-14)


positive = st.floats(-4, 5).map(lambda exponent: 10.0**exponent)
rows = st.tuples(
    st.integers(0, 3000), st.floats(0.001, 1), st.floats(0.01, 5000), st.floats(0, 1e5)
)


@given(params=st.tuples(positive, positive, positive, positive), row=rows)
def test_finite_and_bounded(params, row):
    x, share, T, horizon = row
    summary = [[x, share * T if x else 0.0, T]]
    model = made_of(params)
    alive, later = (model.probability_alive(summary, ahead=h)[0] for h in (0.0, horizon))
    active = model.probability_active(summary, horizon)[0]
    expected = model.expected_purchases(summary, horizon)[0]
    pmf = model.purchase_pmf(summary, horizon, 20)[0]
    assert np.isfinite(model.log_likelihood(summary)[0])
    assert 0 <= later <= alive + 1e-12 <= 1 + 2e-12
    assert 0 <= active <= alive + 1e-12
    assert active <= expected * (1 + 1e-9) + 1e-300
    assert expected <= (params[0] + x) / (params[1] + T) * horizon * (1 + 1e-9)
    assert np.all(pmf >= 0)
    assert pmf.sum() <= 1 + 1e-9
    assert np.isfinite(model.expected_discounted_purchases(summary, 0.1)[0])


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
