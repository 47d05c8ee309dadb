"""Whether intervals hold what they promise, on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from clvkit.btyd import (
    NBD,
    BetaGeoCNBD,
    BetaGeoNBD,
    GammaGamma,
    ModifiedBetaGeoCNBD,
    ModifiedBetaGeoNBD,
    ParetoNBD,
)

BETA = {"r": 0.8, "alpha": 6.0, "a": 0.9, "b": 2.5}
TRUTHS = {
    "NBD": NBD.from_params(r=0.8, alpha=6.0),
    "BG/NBD": BetaGeoNBD.from_params(**BETA),
    "MBG/NBD": ModifiedBetaGeoNBD.from_params(**BETA),
    "Pareto/NBD": ParetoNBD.from_params(r=0.8, alpha=6.0, s=0.7, beta=9.0),
    "BG/CNBD-2": BetaGeoCNBD.from_params(**BETA | {"alpha": 2.0}, k=2),
    "MBG/CNBD-2": ModifiedBetaGeoCNBD.from_params(**BETA | {"alpha": 2.0}, k=2),
}
every_model = pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
SPEND = GammaGamma.from_params(p=6.2, q=3.7, gamma=15.4)


def draw(truth, n, seed):
    ages = np.random.default_rng(seed).uniform(20.0, 70.0, n)
    return truth.simulate_summary(ages, seed)


def unfitted(truth):
    return type(truth)(**truth.get_params())


def draw_spend(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.3, n)
    nu = rng.gamma(SPEND.params_["q"], 1.0 / SPEND.params_["gamma"], n)
    mean = rng.gamma(SPEND.params_["p"] * x) / nu / x
    return np.column_stack([x, x, x, mean]).astype(float)


def coverage(model, truth, draw, n_sets):
    """Return how often 90 % intervals of each parameter hold the truth."""
    inside = []
    for seed in range(n_sets):
        table = model.fit(draw(seed)).summary(coverage=0.9)
        known = np.array([truth.params_[name] for name in table.index])
        inside.append((table["lower"] <= known) & (known <= table["upper"]))
    return np.mean(inside, axis=0)


@pytest.mark.long
@every_model
def test_intervals_of_parameters_cover(truth):
    share = coverage(unfitted(truth), truth, lambda seed: draw(truth, 3_000, seed), 500)
    assert np.all((share >= 0.85) & (share <= 0.95)), share


@pytest.mark.long
def test_intervals_of_spend_parameters_cover():
    share = coverage(GammaGamma(), SPEND, lambda seed: draw_spend(3_000, seed), 500)
    assert np.all((share >= 0.85) & (share <= 0.95)), share


def randomised_pit(model, data, bought, seed):
    """Return F(n - 1) + u (F(n) - F(n - 1)), which is uniform if the distribution is right."""
    u = np.random.default_rng(seed).random(len(data))
    out = np.empty(len(data))
    for rows, pmf in model.predictive_pmf(data, 30.0, beyond=1e-9):
        cdf = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(pmf, axis=1)], axis=1)
        n = np.minimum(bought[rows], pmf.shape[1] - 1)
        here = np.arange(len(rows))
        out[rows] = cdf[here, n] + u[rows] * (cdf[here, n + 1] - cdf[here, n])
    return out


@pytest.mark.long
@every_model
def test_purchases_to_come_are_as_likely_as_told(truth):
    data = draw(truth, 10_000, seed=1)
    bought = truth.simulate(data, 30.0, random_state=2)
    model = unfitted(truth).fit(data)
    pit = randomised_pit(model, data, bought, seed=3)
    assert kstest(pit, "uniform").statistic <= 0.03
    lower, upper = model.purchases_interval(data, 30.0, coverage=0.9).T
    assert np.mean((lower <= bought) & (bought <= upper)) >= 0.89


@every_model
def test_a_few_intervals_cover(truth):
    """The same for a few data sets, to notice at once when something is broken."""
    share = coverage(unfitted(truth), truth, lambda seed: draw(truth, 1_500, seed), 20)
    assert np.all(share >= 0.6), share
    data = draw(truth, 2_000, seed=1)
    bought = truth.simulate(data, 30.0, random_state=2)
    model = unfitted(truth).fit(data)
    assert kstest(randomised_pit(model, data, bought, seed=3), "uniform").statistic <= 0.05
