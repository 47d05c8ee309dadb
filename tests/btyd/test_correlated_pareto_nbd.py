"""Correlated rates: the contract, exactness by two independent ways, and what data show."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import gammaln

from benchmarks.oracles import pareto_nbd as oracle
from clvkit.btyd import CorrelatedParetoNBD, ParetoNBD, likelihood_ratio_test
from clvkit.btyd._sarmanov import log_gap, strength, strength_derivatives
from clvkit.datasets import load_cdnow
from clvkit.errors import BoundaryWarning
from clvkit.history import latest_histories, rfm_summary
from clvkit.testing import purchase_model_checks

NAMES = ("r", "alpha", "s", "beta")
CDNOW = {"r": 0.553, "alpha": 10.58, "s": 0.606, "beta": 11.67}
ROWS = [(2, 30.43, 38.86), (0, 0, 38.86), (26, 30.86, 31.0), (1, 2.0, 300.0), (0, 0, 0)]
W = 13.0


def made_of(dependence, **changes):
    return CorrelatedParetoNBD.from_params(**{**CDNOW, **changes}, dependence=dependence)


@pytest.mark.parametrize(
    "check",
    [pytest.param(check, id=name) for name, check in purchase_model_checks(CorrelatedParetoNBD())],
)
def test_contract(check):
    check()


# --- exactness ---------------------------------------------------------------------------------


def test_a_dependence_of_one_is_the_pareto_nbd():
    model, pareto = made_of(1.0), ParetoNBD.from_params(**CDNOW)
    assert model.m_ == model.correlation_ == 0.0
    for method, args in (
        ("log_likelihood", ()),
        ("probability_alive", ()),
        ("probability_alive", (20,)),
        ("expected_purchases", (39,)),
        ("probability_active", (39,)),
        ("purchase_pmf", (39, 6)),
        ("expected_discounted_purchases", (0.1,)),
    ):
        actual, expected = (getattr(one, method)(ROWS, *args) for one in (model, pareto))
        assert_allclose(actual, expected, rtol=1e-12, err_msg=method)


def exact(params, c, row, horizon):
    """Return log-likelihood, P(alive) and expected purchases as sums of four closed forms."""
    r, alpha, s, beta, c, w, h = (mpmath.mpf(value) for value in (*params, c, W, horizon))
    row = [mpmath.mpf(value) for value in row]
    a, b = (((rate + w) / rate) ** shape - 1 for shape, rate in ((r, alpha), (s, beta)))
    upper, lower = (
        (one + other) / 2 + mpmath.sqrt((one - other) ** 2 / 4 + mpmath.mpf("0.01") * one * other)
        for one, other in ((a, b), (mpmath.mpf(1), a * b))
    )
    q = (c - 1) / (c * upper + lower)
    total = alive = bought = mpmath.mpf(0)
    for i, j, weight in ((0, 0, 1 + q), (1, 0, -q), (0, 1, -q), (1, 1, q)):
        term = (r, alpha + i * w, s, beta + j * w)
        likelihood = weight * mpmath.exp(oracle.log_likelihood(*term, *row))
        total += likelihood
        living = likelihood / (1 + oracle.odds_of_death(*term, *row))
        alive += living
        bought += living * oracle.purchases_if_alive(*term, row[0], row[2], h)
    return float(mpmath.log(total)), float(alive / total), float(bought / total)


CASES = {
    "ordinary": ((0.553, 10.58, 0.606, 11.67), 30.0, (2, 30.43, 38.86)),
    "the end of the range": ((0.553, 10.58, 0.606, 11.67), 1e6, (9, 5.0, 38.86)),
    "the other end": ((0.553, 10.58, 0.606, 11.67), 1e-6, (0, 0, 38.86)),
    "long silence": ((1.2, 3.0, 0.4, 20.0), 0.1, (12, 10.0, 80.0)),
    "small shapes": ((1e-3, 8.0, 1e-2, 30.0), 5.0, (1, 5.0, 9.0)),
    "large shapes": ((30.0, 90.0, 50.0, 800.0), 5.0, (4, 9.0, 12.0)),
    "all but surely lost at once": ((1e-3, 1.8, 59.0, 0.0127), 3.0, (100, 18.7, 23.6)),
    "a kernel that is far too long": ((1325.0, 17.0, 0.0066, 7e-5), 1e3, (1, 19313.0, 31174.0)),
    "rates that the kernel cannot tell apart": ((9.0, 1e4, 8.0, 1e4), 1e4, (1, 5.0, 9.0)),
}


@pytest.mark.parametrize(("params", "c", "row"), CASES.values(), ids=CASES)
def test_four_closed_forms(params, c, row):
    with mpmath.workdps(30):
        likelihood, alive, bought = exact(params, c, row, 26.0)
    model = made_of(c, **dict(zip(NAMES, params, strict=True)))
    assert model.log_likelihood([row])[0] == pytest.approx(likelihood, abs=1e-8, rel=1e-11)
    assert model.probability_alive([row])[0] == pytest.approx(alive, rel=1e-8)
    assert model.expected_purchases([row], 26.0)[0] == pytest.approx(bought, rel=1e-8)


def joint(model):
    """Return rates on a grid that is even in their logarithms, and the mass of each pair."""
    params = model.params_
    log_rates = np.arange(-65.0, 6.0, 0.1)
    rates = np.exp(log_rates)
    marginals, tilts = [], []
    for shape, rate in ((params["r"], params["alpha"]), (params["s"], params["beta"])):
        density = shape * np.log(rate) - gammaln(shape) + shape * log_rates - rate * rates
        marginals.append(np.exp(density) * 0.1)
        tilts.append(np.exp(-W * rates) - (rate / (rate + W)) ** shape)
    buys, leaves = rates[:, None], rates[None]
    mass = np.outer(*marginals) * (1.0 + model.m_ * np.outer(*tilts))
    return buys, leaves, mass


@pytest.mark.parametrize("dependence", [1e-3, 0.3, 8.0, 1e5])
def test_sums_over_the_joint_density(dependence):
    """The trapezoidal rule over log rates is spectrally exact, and knows no closed form."""
    model, horizon = made_of(dependence), 20.0
    buys, leaves, mass = joint(model)
    assert mass.min() > -1e-18
    assert mass.sum() == pytest.approx(1.0, rel=1e-10)
    mean = np.array([(mass * buys).sum(), (mass * leaves).sum()])
    assert_allclose(mean, [0.553 / 10.58, 0.606 / 11.67], rtol=1e-10)
    spread = np.sqrt([0.553 / 10.58**2, 0.606 / 11.67**2])
    covariance = (mass * (buys - mean[0]) * (leaves - mean[1])).sum()
    assert model.correlation_ == pytest.approx(covariance / spread.prod(), rel=1e-9)
    for x, t_x, T in ((2, 30.43, 38.86), (0, 0.0, 38.86), (7, 9.0, 38.86)):
        both = buys + leaves
        alive = mass * buys**x * np.exp(-both * T)
        dead = mass * buys**x * leaves / both * (np.exp(-both * t_x) - np.exp(-both * T))
        total = alive.sum() + dead.sum()
        time_alive = -np.expm1(-leaves * horizon) / leaves
        row = [(x, t_x, T)]
        assert model.log_likelihood(row)[0] == pytest.approx(np.log(total), abs=1e-8)
        assert model.probability_alive(row)[0] == pytest.approx(alive.sum() / total, rel=1e-8)
        expected = (alive * buys * time_alive).sum() / total
        assert model.expected_purchases(row, horizon)[0] == pytest.approx(expected, rel=1e-8)
        none = (
            alive * (leaves + buys * np.exp(-both * horizon)) / both
        ).sum() / total + dead.sum() / total
        assert model.probability_active(row, horizon)[0] == pytest.approx(1.0 - none, rel=1e-7)


def test_the_family_holds_no_strong_correlation():
    found = [
        CorrelatedParetoNBD.from_params(
            r=r, s=s, alpha=W / t, beta=W / u, dependence=c
        ).correlation_
        for r in (1e-3, 0.1, 0.5, 1.0, 3.0)
        for s in (1e-3, 0.1, 0.5, 1.0, 3.0)
        for t in (0.4, 1.0, 2.5, 9.0)
        for u in (0.4, 1.0, 2.5, 9.0)
        for c in (1e-9, 1e9)
    ]
    assert -0.3 < min(found) < -0.2
    assert 0.3 < max(found) < 0.41


positive = st.floats(-3.0, 3.0).map(lambda exponent: 10.0**exponent)


@given(r=positive, alpha=positive, s=positive, beta=positive, c=positive)
def test_the_density_is_nowhere_negative(r, alpha, s, beta, c):
    params = {"r": r, "alpha": alpha, "s": s, "beta": beta, "dependence": c}
    q = float(strength(params, W))
    a, b = (np.exp(min(log_gap(*one, W), 700.0)) for one in ((r, alpha), (s, beta)))
    for u in (-1.0, a):
        for v in (-1.0, b):
            assert 1.0 + q * max(u, v) * min(u, v) >= -1e-12
    assert np.sign(q) == np.sign(c - 1.0) or q == 0.0


@pytest.mark.parametrize("beta", [11.67, 11.67 * 1.002, 0.01, 1e5])
@pytest.mark.parametrize("c", [1e-4, 1.0, 7.0, 1e5])
def test_slopes_of_the_strength(beta, c):
    """Where the two numbers of a maximum are equal, too."""
    here = np.log([0.553, 10.58, 0.606, beta, c])

    def at(log_params):
        """Return D q with its derivatives, D staying what it is here."""
        names = (*NAMES, "dependence")
        log_D, found = strength_derivatives(dict(zip(names, np.exp(log_params), strict=True)), W)
        return [np.exp(log_D_here - log_D) * one for one in found]

    names = (*NAMES, "dependence")
    log_D_here, _ = strength_derivatives(dict(zip(names, np.exp(here), strict=True)), W)
    (_, gradient, hessian), step = at(here), 1e-4
    for j, direction in enumerate(np.eye(5) * step):
        up, down = at(here + direction), at(here - direction)
        slope, bend = (
            (one - other) / (2 * step) for one, other in zip(up[:2], down[:2], strict=True)
        )
        assert_allclose(gradient[j], slope, rtol=1e-5, atol=1e-8 * np.abs(gradient).max())
        assert_allclose(hessian[j], bend, rtol=1e-4, atol=1e-6 * np.abs(gradient).max())


# --- draws -------------------------------------------------------------------------------------


def by_rejection(model, n, rng):
    """Draw pairs of rates from the density itself."""
    params, m = model.params_, model.m_
    A = (params["alpha"] / (params["alpha"] + W)) ** params["r"]
    B = (params["beta"] / (params["beta"] + W)) ** params["s"]
    most = 1.0 + max(m * u * v for u in (-A, 1.0 - A) for v in (-B, 1.0 - B))
    proposals = int(1.2 * most * n)
    buys = rng.gamma(params["r"], size=proposals) / params["alpha"]
    leaves = rng.gamma(params["s"], size=proposals) / params["beta"]
    density = 1.0 + m * (np.exp(-W * buys) - A) * (np.exp(-W * leaves) - B)
    kept = rng.random(proposals) * most < density
    return buys[kept][:n], leaves[kept][:n]


@pytest.mark.parametrize("dependence", [1e-3, 1e3])
def test_expectations_and_draws_against_a_simulation(dependence):
    """Customers simulated from pairs of rates, purchase by purchase in distribution."""
    model, n, T, horizon = made_of(dependence), 120_000, 30.0, 26.0
    rng = np.random.default_rng(0)
    buys, leaves = by_rejection(model, n, rng)
    assert len(buys) == n
    life = rng.exponential(size=n) / leaves
    x = rng.poisson(buys * np.minimum(life, T))
    last = np.minimum(life, T) * rng.beta(np.maximum(x, 1), 1.0)
    later = rng.poisson(buys * np.clip(life - T, 0.0, horizon))
    rows = np.column_stack([x, np.where(x > 0, last, 0.0), np.full(n, T)])
    expected = model.expected_purchases(rows, horizon)
    drawn = model.simulate(rows, horizon, random_state=1)
    bought = model.expected_purchases_newcomer(T)
    assert abs(x.mean() - bought) < 4.5 * x.std() / np.sqrt(n)
    for group in (x == 0, x == 1, (x > 1) & (last < 10.0), x > 4):
        error = 4.5 * later[group].std() / np.sqrt(group.sum())
        assert abs(expected[group].mean() - later[group].mean()) < error
        assert abs(expected[group].mean() - drawn[group].mean()) < error
    # Where rates are taken to be independent, the same customers are expected to do otherwise.
    independent = ParetoNBD.from_params(**CDNOW).expected_purchases(rows, horizon)
    heavy = x > 4
    error = 4.5 * later[heavy].std() / np.sqrt(heavy.sum())
    assert abs(independent[heavy].mean() - later[heavy].mean()) > error


@pytest.mark.parametrize("dependence", [1e-3, 0.2, 40.0])
def test_drawn_histories_have_the_distribution_of_the_model(dependence):
    model = made_of(dependence)
    x = model.simulate_summary(np.full(50_000, 40.0), random_state=0)[:, 0]
    pmf = model.purchase_pmf_newcomer(40.0, 6)
    share = np.array([(x == k).mean() for k in range(7)])
    assert_allclose(share, pmf, atol=4.5 * np.sqrt(0.25 / 50_000))
    assert x.mean() == pytest.approx(model.expected_purchases_newcomer(40.0), rel=0.04)


@pytest.mark.parametrize(("dependence", "sign"), [(0.1, -1.0), (6.0, 1.0)])
def test_the_sign_of_the_correlation_is_recovered(dependence, sign):
    truth = CorrelatedParetoNBD.from_params(
        r=1.0, alpha=10.0, s=1.0, beta=15.0, dependence=dependence
    )
    drawn = truth.simulate_summary(np.linspace(30.0, 90.0, 20_000), random_state=0)
    fitted = CorrelatedParetoNBD().fit(drawn)
    assert fitted.correlation_ * sign > 0.05
    assert fitted.correlation_ == pytest.approx(truth.correlation_, abs=0.05)
    test = likelihood_ratio_test(ParetoNBD().fit(drawn), fitted)
    assert test.df == 1
    assert test.p_value < 1e-4


def test_independent_rates_are_found_to_be_so():
    truth = ParetoNBD.from_params(r=1.0, alpha=10.0, s=1.0, beta=15.0)
    drawn = truth.simulate_summary(np.linspace(30.0, 90.0, 20_000), random_state=0)
    fitted = CorrelatedParetoNBD().fit(drawn)
    assert abs(np.log(fitted.params_["dependence"])) < 3 * np.sqrt(fitted.covariance_[4, 4])
    assert likelihood_ratio_test(ParetoNBD().fit(drawn), fitted).p_value > 0.01


def test_covariates_move_both_processes():
    truth = CorrelatedParetoNBD.from_params(
        covariates={"purchase": ["z"], "dropout": ["z"]},
        r=1.0,
        s=1.0,
        alpha=10.0,
        beta=15.0,
        dependence=10.0,
        **{"purchase.z": 0.5, "dropout.z": -0.4},
    )
    parts = []
    for z in (0.0, 1.0):
        rows = truth.simulate_summary(np.full(4_000, 60.0), int(z), covariates={"z": z})
        parts.append(np.column_stack([rows, np.zeros(4_000), np.full(4_000, z)]))
    table = np.concatenate(parts)
    fitted = CorrelatedParetoNBD(covariates=["z"]).fit(table)
    assert fitted.converged_
    for name in ("purchase.z", "dropout.z"):
        miss = abs(fitted.params_[name] - truth.params_[name])
        assert miss < 4.0 * fitted.standard_errors_[name]
    assert fitted.log_likelihood(table).sum() == pytest.approx(fitted.log_likelihood_, rel=1e-10)


# --- a real log --------------------------------------------------------------------------------


def test_cdnow_is_correlated_to_the_end_of_the_range():
    summary = rfm_summary(latest_histories(load_cdnow(), "1997-09-30"))
    with pytest.warns(BoundaryWarning, match="correlated as positively as the Sarmanov family"):
        fitted = CorrelatedParetoNBD().fit(summary)
    assert fitted.boundary_ == ["dependence"]
    assert np.isnan(fitted.standard_errors_["dependence"])
    assert np.isfinite([fitted.standard_errors_[name] for name in NAMES]).all()
    assert fitted.log_likelihood_ == pytest.approx(-9584.52, abs=0.01)
    assert fitted.correlation_ == pytest.approx(0.27, abs=0.005)
    test = likelihood_ratio_test(ParetoNBD().fit(summary), fitted)
    assert test.statistic == pytest.approx(20.9, abs=0.05)


def test_the_kernel_is_a_duration():
    with pytest.raises(ValueError, match="kernel_time"):
        CorrelatedParetoNBD(kernel_time="soon").fit(ROWS)
    weeks, days = (
        CorrelatedParetoNBD.from_params(
            r=0.553, s=0.606, dependence=9.0, time_unit=unit, alpha=10.58 * size, beta=11.67 * size
        )
        for unit, size in (("7D", 1.0), ("1D", 7.0))
    )
    assert weeks.correlation_ == pytest.approx(days.correlation_, rel=1e-12)
    assert weeks.m_ == pytest.approx(days.m_, rel=1e-12)
