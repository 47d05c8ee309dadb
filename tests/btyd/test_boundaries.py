"""What a boundary is said to amount to is what the model is there."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import gammaln

from clvkit.btyd import NBD, BetaGeoNBD, ParetoNBD
from clvkit.btyd._boundaries import dropout_boundaries, lifetime_boundaries, rate_boundaries
from clvkit.btyd._summary import Rows

SUMMARY = np.array([[0, 0.0, 38.9], [1, 1.7, 38.9], [2, 30.4, 38.9], [9, 27.0, 27.0]])
ROWS = Rows(*SUMMARY.T)
NOBODY = Rows(np.zeros(2), np.zeros(2), np.array([20.0, 30.0]))
INSIDE = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
X, T_X, T = ROWS[:3]


def gamma_rate(age, r=0.243, alpha=4.414):
    """Return E[rate^x e^(-rate age)] over Gamma(r, alpha)."""
    return np.exp(gammaln(r + X) - gammaln(r) + r * np.log(alpha) - (r + X) * np.log(alpha + age))


def with_dropout(weight, survive, drop):
    """Return log(weight(T) P(survived) + weight(t_x) P(the last one was the last))."""
    return np.log(weight(T) * survive + np.where(X > 0, weight(T_X) * drop, 0.0))


def beta_geometric(a=0.793, b=2.426):
    survive = [np.prod((b + np.arange(x)) / (a + b + np.arange(x))) for x in X]
    drop = [
        a / (a + b + x - 1) * np.prod((b + np.arange(x - 1)) / (a + b + np.arange(x - 1)))
        for x in X
    ]
    return np.array(survive), np.array(drop)


NESTED = {
    "Poisson count": (
        {"r": 1e7, "alpha": 1e8},
        ["r", "alpha"],
        "same rate r / alpha",
        lambda: with_dropout(lambda age: 0.1**X * np.exp(-0.1 * age), *beta_geometric()),
    ),
    "NBD": (
        {"a": 1e-9},
        ["a", "b"],
        "no dropout detected: NBD fits as well",
        lambda: np.log(gamma_rate(T)),
    ),
    "geometric lifetime": (
        {"a": 2e7, "b": 8e7},
        ["a", "b"],
        r"same dropout probability a / \(a \+ b\) = 0\.2 ",
        lambda: with_dropout(gamma_rate, 0.8**X, 0.2 * 0.8 ** (X - 1)),
    ),
}


@pytest.mark.parametrize(("change", "names", "message", "nested"), NESTED.values(), ids=NESTED)
def test_the_nested_model_is_the_one_named(change, names, message, nested):
    params = {**INSIDE, **change}
    [boundary] = rate_boundaries(params, ROWS) + dropout_boundaries(params, ROWS)
    assert list(boundary.parameters) == names
    assert re.search(message, boundary.meaning)
    assert_allclose(BetaGeoNBD.from_params(**params).log_likelihood(SUMMARY), nested(), rtol=1e-6)


def test_certain_dropout_leaves_nobody_alive_after_a_repeat_purchase():
    params = {**INSIDE, "b": 1e-9}
    [boundary] = dropout_boundaries(params, ROWS)
    assert "after the first repeat purchase" in boundary.meaning
    once = np.array([[1, 1.7, 38.9], [0, 0.0, 38.9]])
    assert_allclose(BetaGeoNBD.from_params(**params).probability_alive(once), [0, 1], atol=1e-6)


def test_without_repeat_purchases_nothing_can_be_told():
    (rate,), (dropout,) = rate_boundaries(INSIDE, NOBODY), dropout_boundaries(INSIDE, NOBODY)
    assert rate.parameters + dropout.parameters == ("r", "alpha", "a", "b")


@pytest.mark.parametrize(
    "change", [{}, {"r": 9e3}, {"a": 1e-4}, {"b": 1e-4}, {"a": 4e3, "b": 5e3}], ids=str
)
def test_no_boundary_inside(change):
    params = {**INSIDE, **change}
    assert rate_boundaries(params, ROWS) + dropout_boundaries(params, ROWS) == []


LIFETIME = {"r": 0.553, "alpha": 10.58, "s": 0.606, "beta": 11.67}


def same_lifetime_rate(rate=0.02):
    """Return the log-likelihood with one exponential lifetime, by a sum over the time of death."""
    totals = []
    for x, t_x, age in SUMMARY:
        nodes, weights = np.polynomial.legendre.leggauss(60)
        y = t_x + (age - t_x) * (nodes + 1) / 2
        powers = LIFETIME["r"] * np.log(LIFETIME["alpha"])
        powers += gammaln(LIFETIME["r"] + x) - gammaln(LIFETIME["r"])
        shape = LIFETIME["r"] + x

        def density(time, shape=shape):
            return np.exp(-shape * np.log(LIFETIME["alpha"] + time) - rate * time)

        dead = (age - t_x) / 2 * (weights @ (rate * density(y)))
        totals.append(powers + np.log(density(age) + dead))
    return np.array(totals)


def test_without_dropout_the_pareto_nbd_is_the_nbd():
    params = {**LIFETIME, "s": 1e-9}
    [boundary] = lifetime_boundaries(params, ROWS)
    assert boundary.parameters == ("s", "beta")
    assert "no dropout detected: NBD fits as well" in boundary.meaning
    nested = NBD.from_params(r=0.553, alpha=10.58)
    actual = ParetoNBD.from_params(**params).log_likelihood(SUMMARY)
    assert_allclose(actual, nested.log_likelihood(SUMMARY), rtol=1e-7)


def test_large_s_is_one_exponential_lifetime():
    params = {**LIFETIME, "s": 2e9, "beta": 1e11}
    [boundary] = lifetime_boundaries(params, ROWS)
    assert "same rate s / beta = 0.02" in boundary.meaning
    actual = ParetoNBD.from_params(**params).log_likelihood(SUMMARY)
    assert_allclose(actual, same_lifetime_rate(), rtol=1e-7)


def test_small_beta_is_loss_at_once():
    params = {**LIFETIME, "s": 0.02, "beta": 1e-9}
    [boundary] = lifetime_boundaries(params, ROWS)
    assert re.search("^38% of the customers are lost right after the first", boundary.meaning)
    model = ParetoNBD.from_params(**params)
    at_once, later = (
        model.probability_alive([[0, 0, 0]], ahead=0.01),
        model.probability_alive([[1, 0.01, 0.01]], ahead=30.0),
    )
    assert at_once < 0.8 < later


@pytest.mark.parametrize("change", [{}, {"s": 9e3}, {"s": 1e-4}, {"beta": 1e-3}], ids=str)
def test_no_boundary_of_the_lifetime_inside(change):
    assert lifetime_boundaries({**LIFETIME, **change}, ROWS) == []


def test_lifetimes_of_nobody_who_came_back():
    [boundary] = lifetime_boundaries(LIFETIME, NOBODY)
    assert "nothing tells about dropout" in boundary.meaning
