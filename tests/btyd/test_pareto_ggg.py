"""Pareto/GGG: the contract, precision against brute force, and what rhythms tell."""

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import betainc, gammaln

from clvkit import latest_histories
from clvkit.btyd import BTYDRegressor, ParetoGGG, ParetoNBD, regularity
from clvkit.datasets import load_cdnow
from clvkit.errors import BoundaryWarning, SummaryError
from clvkit.history import rfm_summary
from clvkit.testing import purchase_model_checks

GROCERY = {"t": 1.67, "gamma": 0.371, "r": 0.984, "alpha": 5.39, "s": 0.427, "beta": 4.16}
REGULAR = {"t": 6.0, "gamma": 1.5, "r": 1.9, "alpha": 7.7, "s": 0.8, "beta": 17.0}

#: frequency, recency, T and log gaps.
CUSTOMERS = {
    "regular": (5, 40.0, 52.0, float(np.log([8, 7, 9, 8, 8]).sum())),
    "in bursts": (5, 40.0, 52.0, float(np.log([1, 1, 1, 1, 36]).sum())),
    "came back once": (1, 10.0, 52.0, float(np.log(10))),
    "never came back": (0, 0.0, 52.0, 0.0),
    "silent for long": (3, 5.0, 52.0, float(np.log([1, 2, 2]).sum())),
    "bought on the last day": (2, 30.0, 30.0, float(np.log([13, 17]).sum())),
    "heavy buyer": (40, 51.0, 52.0, float(40 * np.log(51 / 40) - 5)),
    "like clockwork": (30, 60.0, 64.0, float(30 * np.log(2) - 0.02)),
}
#: Those that neither ask for lifetimes of hundreds of customers nor fit again and again.
QUICK = (
    "check_unfitted_model_says_so",
    "check_fit",
    "check_frame_without_unit",
    "check_impossible_summaries",
    "check_pmf",
    "check_newcomer",
    "check_simulation",
)


def as_array(customers):
    return np.array([(x, t_x, T, 0.0, gaps) for x, t_x, T, gaps in customers])


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=name, marks=[] if name in QUICK else pytest.mark.long)
        for name, check in purchase_model_checks(ParetoGGG())
    ],
)
def test_contract(check):
    check()


# --- brute force -------------------------------------------------------------------------------


def composite(edges, n=20):
    """Return Gauss-Legendre nodes and weights on panels between edges."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    widths = np.diff(edges)[:, None]
    return (edges[:-1, None] + widths * (nodes + 1) / 2).ravel(), (widths * weights / 2).ravel()


def log_prior_and_gaps(p, customer, k):
    x, t_x, _, gaps = customer
    R, A = p["r"] + k * x, p["alpha"] + k * t_x
    density = p["t"] * np.log(p["gamma"] * k) - gammaln(p["t"]) - p["gamma"] * k
    density += gammaln(R) - gammaln(p["r"]) + p["r"] * np.log(p["alpha"]) - R * np.log(A)
    return density + k * x * np.log(k) + (k - 1) * gaps - x * gammaln(k), R, A


def brute_log_likelihood(p, customer):
    """Return log-likelihood and chance of being alive, over a fine grid of k and times of death."""
    _, t_x, T, _ = customer
    step = 0.02
    k = np.exp(np.arange(-22.0, 5.5, step))
    density, R, A = log_prior_and_gaps(p, customer, k)
    edges = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 28)]) * (T - t_x)
    u, weights = composite(edges, 12)
    silent = betainc(R[:, None], k[:, None], A[:, None] / (A[:, None] + k[:, None] * u))
    dies = p["s"] / p["beta"] * (1 + (t_x + u) / p["beta"]) ** (-p["s"] - 1)
    alive = (1 + T / p["beta"]) ** -p["s"] * betainc(R, k, A / (A + k * (T - t_x)))
    total = alive + silent @ (dies * weights)
    peak = density.max()
    share = np.exp(density - peak) * step
    return peak + np.log(share @ total), (share @ alive) / (share @ total)


@pytest.mark.parametrize("params", [GROCERY, REGULAR], ids=["grocery", "regular"])
@pytest.mark.parametrize("name", CUSTOMERS)
def test_likelihood_against_brute_force(params, name):
    expected, alive = brute_log_likelihood(params, CUSTOMERS[name])
    model, row = ParetoGGG.from_params(**params), as_array([CUSTOMERS[name]])
    assert model.log_likelihood(row)[0] == pytest.approx(expected, abs=1e-7)
    assert model.probability_alive(row)[0] == pytest.approx(alive, abs=1e-7, rel=1e-6)


def brute_purchases(p, customer, horizon, n_max):
    """Return P(X >= n) for n up to n_max, by integrals over k and the time of the n-th purchase."""
    _, t_x, T, _ = customer
    U, step = T - t_x, 0.04
    k = np.exp(np.arange(-10.0, 4.5, step))
    density, R, A = log_prior_and_gaps(p, customer, k)
    log_likelihood, _ = brute_log_likelihood(p, customer)
    z, weights = composite(np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 11)]) * horizon, 12)
    v = U + z
    alive = (1 + (t_x + v) / p["beta"]) ** -p["s"] * weights
    share = np.exp(density - log_likelihood) * step
    scaled = k[:, None] * v / A[:, None]
    reached = []
    for n in range(1, n_max + 1):
        phases = (n * k)[:, None]
        norm = gammaln(phases + R[:, None]) - gammaln(phases) - gammaln(R[:, None])
        log_density = phases * np.log(scaled) - (phases + R[:, None]) * np.log1p(scaled)
        first = betainc((n - 1) * k[:, None], k[:, None], z / v) if n > 1 and U > 0 else 1.0
        reached.append(share @ (np.exp(norm + log_density) / v * first) @ alive)
    return np.array(reached)


@pytest.mark.parametrize("name", ["regular", "in bursts", "came back once", "silent for long"])
def test_purchases_against_brute_force(name):
    reached = brute_purchases(REGULAR, CUSTOMERS[name], 13.0, 30)
    model, row = ParetoGGG.from_params(**REGULAR), as_array([CUSTOMERS[name]])
    assert model.probability_active(row, 13.0)[0] == pytest.approx(reached[0], abs=1e-6)
    assert model.expected_purchases(row, 13.0)[0] == pytest.approx(reached.sum(), abs=1e-6)
    pmf = model.purchase_pmf(row, 13.0, 4)[0]
    assert_allclose(pmf[1:], reached[:4] - reached[1:5], atol=1e-6)


@pytest.mark.parametrize("name", ["regular", "heavy buyer", "never came back"])
def test_expectation_over_a_year_against_brute_force(name):
    reached = brute_purchases(REGULAR, CUSTOMERS[name], 52.0, 140)
    model = ParetoGGG.from_params(**REGULAR)
    actual = model.expected_purchases(as_array([CUSTOMERS[name]]), 52.0)[0]
    assert actual == pytest.approx(reached.sum(), abs=1e-6, rel=1e-6)


def test_a_customer_is_predicted_alike_alone_and_among_others():
    model, rows = ParetoGGG.from_params(**GROCERY), as_array(CUSTOMERS.values())
    together = model.expected_purchases(rows, 52.0)
    alone = [model.expected_purchases(rows[i : i + 1], 52.0)[0] for i in range(len(rows))]
    assert_allclose(together, alone, rtol=1e-10)


#: Everybody buys about every four weeks: who has not come back by then is lost.
ALIKE = {**GROCERY, "t": 100.0, "gamma": 10.0, "r": 100.0, "alpha": 400.0}


@pytest.mark.parametrize("params", [GROCERY, REGULAR, {**GROCERY, "s": 1.0}, ALIKE])
def test_who_never_came_back_is_told_by_age_alone(params):
    # A common horizon lets polynomials in log T serve; another row's own horizon does not.
    ages = np.geomspace(1e-5, 100.0 if params is ALIKE else 3e3, 40)
    rows = as_array([(0, 0.0, T, 0.0) for T in ages] + [(2, 9.0, 20.0, 2.9)])
    model, own = ParetoGGG.from_params(**params), np.append(np.full(40, 26.0), 13.0)
    common, each = model.expected_purchases(rows, 26.0), model.expected_purchases(rows, own)
    assert_allclose(common[:40], each[:40], rtol=2e-7)


def test_all_of_one_regularity_1_is_the_pareto_nbd():
    rows = as_array(CUSTOMERS.values())
    pareto = ParetoNBD.from_params(r=0.984, alpha=5.39, s=0.427, beta=4.16)
    same = ParetoGGG.from_params(**{**GROCERY, "t": 1e7, "gamma": 1e7})
    for actual, expected in (
        (same.log_likelihood(rows), pareto.log_likelihood(rows)),
        (same.probability_alive(rows), pareto.probability_alive(rows)),
        (same.expected_purchases(rows, 52), pareto.expected_purchases(rows, 52)),
    ):
        assert_allclose(actual, expected, rtol=1e-4)


# --- what it tells -----------------------------------------------------------------------------


def test_a_lull_tells_more_of_a_regular_customer():
    model = ParetoGGG.from_params(**GROCERY)
    regular, bursty = model.probability_alive(
        as_array([CUSTOMERS["regular"], CUSTOMERS["in bursts"]])
    )
    assert regular < 0.6 < bursty


@pytest.mark.long
def test_parameters_are_recovered():
    truth = ParetoGGG.from_params(**REGULAR)
    drawn = truth.simulate_summary(np.full(1_500, 60.0), random_state=3)
    fitted = ParetoGGG().fit(drawn)
    assert fitted.converged_
    for name, value in REGULAR.items():
        error = fitted.standard_errors_[name] / fitted.params_[name]
        assert abs(np.log(fitted.params_[name] / value)) < 3.5 * error, name


@pytest.mark.long
def test_no_dropout_is_told():
    truth = ParetoGGG.from_params(**{**REGULAR, "s": 1e-9, "beta": 1e3})
    drawn = truth.simulate_summary(np.full(400, 52.0), random_state=0)
    with pytest.warns(BoundaryWarning, match="no dropout detected: the model without dropout"):
        ParetoGGG().fit(drawn)


def test_gaps_that_recency_cannot_hold_are_refused():
    bad = as_array([(5, 40.0, 52.0, 20.0)])
    with pytest.raises(SummaryError, match=r"log_gaps is missing, or more than .*rfm_summary"):
        ParetoGGG.from_params(**GROCERY).expected_purchases(bad, 52)


@pytest.mark.long
def test_regressor_hands_over_the_gaps():
    X = latest_histories(load_cdnow(), cutoff="1997-09-30")
    with pytest.warns(BoundaryWarning, match="ParetoNBD fits as well"):  # CDs have no rhythm
        regressor = BTYDRegressor(ParetoGGG(), horizon="39W").fit(X)
    with pytest.warns(BoundaryWarning, match="ParetoNBD fits as well"):
        direct = ParetoGGG().fit(rfm_summary(X, gaps=True))
    handed = regressor.purchase_model_.log_likelihood_
    assert handed == pytest.approx(direct.log_likelihood_, rel=1e-9)


@pytest.mark.long
def test_grocery(summary_of, holdout_of):
    """Platzer and Reutterer (2016): a rhythm makes the count MAE fall from 1.51 to 1.39."""
    summary, begin = summary_of("grocery"), time.perf_counter()
    fitted = ParetoGGG().fit(summary)
    assert time.perf_counter() - begin < 120.0  # under 30 on a machine that does nothing else
    expected = fitted.expected_purchases(summary, "52W")
    error = np.abs(expected - holdout_of("grocery")).mean()
    assert error < 1.40
    assert error == pytest.approx(1.385, abs=5e-4)
    assert regularity(summary).k == pytest.approx(2.4, abs=0.05)
    assert fitted.converged_
    assert fitted.boundary_ == []
