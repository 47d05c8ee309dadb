"""The mathematics of the Beta-geometric models against mpmath, for every kind of them."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import BetaGeoCNBD, BetaGeoNBD, ModifiedBetaGeoCNBD, ModifiedBetaGeoNBD
from clvkit.btyd import _beta_geometric as bg
from clvkit.btyd import _beta_geometric_future as future
from clvkit.btyd import _erlang_future as erlang
from clvkit.btyd._erlang import phase_probabilities
from clvkit.btyd._purchase_counts import negative_binomial
from clvkit.btyd._summary import Rows

NAMES = ("r", "alpha", "a", "b")
KINDS = [bg.Kind(0, 1), bg.Kind(1, 1), bg.Kind(0, 2), bg.Kind(1, 3), bg.Kind(1, 12)]


def rows_of(x, t_x, T):
    return Rows(*(np.array([float(value)]) for value in (x, t_x, T)))


def exact_parts(kind, params, row):
    """Return log of the likelihood, without gaps, and its share of the dead, term by term."""
    r, alpha, a, b = (mpmath.mpf(value) for value in params)
    x, t_x, T = (mpmath.mpf(value) for value in row)
    R, y = r + kind.k * x, x + kind.first
    w = (T - t_x) / (alpha + T)
    phases = sum(mpmath.rf(R, j) / mpmath.factorial(j) * w**j for j in range(kind.k))
    survived = mpmath.beta(a, b + y) * (alpha + T) ** -R * phases
    dropped = mpmath.beta(a + 1, b + y - 1) * (alpha + t_x) ** -R if y > 0 else mpmath.mpf(0)
    total = survived + dropped
    scale = mpmath.loggamma(R) - mpmath.loggamma(r) + r * mpmath.log(alpha)
    return scale + mpmath.log(total) - mpmath.log(mpmath.beta(a, b)), survived / total


def exact_purchases(kind, params, row, horizon):
    """Return the expected purchases given alive: a sum over phases, purchases and dropout."""
    r, alpha, a, b = (mpmath.mpf(value) for value in params)
    x, t_x, T = (mpmath.mpf(value) for value in row)
    R, B, z = r + kind.k * x, b + x + kind.first, mpmath.mpf(horizon) / (alpha + T)
    w = (T - t_x) / (alpha + T)
    chances = [mpmath.rf(R, j) / mpmath.factorial(j) * w**j for j in range(kind.k)]
    expected = mpmath.mpf(0)
    for j, chance in enumerate(chances):
        pmf, missing, n = (1 + z) ** -(R + j), mpmath.mpf(1), 0
        made, bought, survives = 0, mpmath.mpf(0), mpmath.mpf(1)
        while missing > mpmath.mpf(10) ** -22:
            while made < (n + j) // kind.k:
                bought += survives
                survives *= (B + made) / (a + B + made)
                made += 1
            expected += chance / sum(chances) * pmf * bought
            missing -= pmf
            n += 1
            pmf *= (R + j + n - 1) / n * z / (1 + z)
    return expected


def draw_stratum(name, rng):
    """Return parameters and a row of one of the strata in which likelihoods are hard."""
    r, alpha, a, b = 10 ** rng.uniform([-1, -0.5, -1, -1], [1, 2, 1, 1])
    x, T = int(rng.integers(0, 30)), 10 ** rng.uniform(0, 2)
    if name == "heavy":
        x = int(rng.integers(100, 1001))
    elif name == "small shapes":
        r, a, b = 10 ** rng.uniform(-4, -2, 3)
    elif name == "old":
        T = 10 ** rng.uniform(4, 6)
    elif name == "wild":
        r, alpha, a, b = 10 ** rng.uniform(-4, 4, 4)
        x, T = int(10 ** rng.uniform(0, 3.5)), 10 ** rng.uniform(-3, 6)
    elif name == "dropout alike":
        a, b = 10 ** rng.uniform(3, 6, 2)
    return (r, alpha, a, b), (x, rng.uniform(1e-3, 1.0) * T if x else 0.0, T)


STRATA = ["ordinary", "heavy", "small shapes", "old", "wild", "dropout alike"]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("stratum", STRATA)
def test_likelihood_over_strata(stratum, kind):
    rng = np.random.default_rng(0)
    for _ in range(25):
        params, row = draw_stratum(stratum, rng)
        named = dict(zip(NAMES, params, strict=True))
        with mpmath.workdps(60):
            likelihood, alive = exact_parts(kind, params, row)
            likelihood, alive = float(likelihood), float(alive)
        rows = rows_of(*row)
        actual = bg.log_likelihood(kind, named, rows)[0]
        assert actual == pytest.approx(likelihood, rel=1e-10, abs=1e-10), (params, row)
        actual = bg.probability_alive(kind, named, rows)[0]
        assert actual == pytest.approx(alive, rel=1e-9, abs=1e-13), (params, row)
        at = bg.row_derivatives(kind, named, rows)
        assert np.isfinite(at.gradient).all(), (params, row)
        assert np.isfinite(at.hessian).all(), (params, row)


#: kind, (r, alpha, a, b), (x, t_x, T), horizon
HARD_CASES = {
    "MBG/NBD": (bg.Kind(1, 1), (0.52, 6.18, 0.89, 1.61), (2, 30.43, 38.86), 39),
    "MBG/NBD, a = 1": (bg.Kind(1, 1), (0.52, 6.18, 1, 1.61), (2, 30.43, 38.86), 39),
    "MBG/NBD, a almost 1": (bg.Kind(1, 1), (0.52, 6.18, 1 + 1e-9, 1.61), (0, 0, 38.86), 39),
    "MBG/NBD, heavy": (bg.Kind(1, 1), (0.52, 6.18, 0.89, 1.61), (3000, 1094, 1095), 100),
    "k = 2": (bg.Kind(0, 2), (0.24, 1.4, 0.79, 2.43), (2, 30.43, 38.86), 39),
    "k = 2, a = 1": (bg.Kind(1, 2), (1.3, 2.8, 1, 0.79), (5, 40, 50), 52),
    "k = 2, heavy": (bg.Kind(1, 2), (1.3, 2.8, 0.42, 0.79), (3000, 1090, 1095), 100),
    "k = 2, b < 1 and a long horizon": (bg.Kind(0, 2), (1.3, 2.8, 0.42, 0.3), (0, 0, 5), 52),
    "k = 5, b almost 0": (bg.Kind(0, 5), (1.3, 2.8, 1, 0.01), (0, 0, 5), 80),
    "k = 12, b < 1": (bg.Kind(0, 12), (2.0, 2.8, 1, 0.001), (0, 0, 5), 200),
    "k = 12, lull": (bg.Kind(1, 12), (1.3, 0.8, 1, 0.3), (4, 3, 5), 30),
    "k = 4, hardly any dropout": (bg.Kind(1, 4), (0.5, 3, 1e-5, 1e3), (10, 50, 52), 52),
    "k = 3, short horizon": (bg.Kind(1, 3), (1.3, 2.8, 0.42, 0.79), (5, 40, 50), 0.1),
    "k = 3, nothing since the first": (bg.Kind(1, 3), (1.3, 2.8, 0.42, 0.79), (0, 0, 50), 52),
}


@pytest.mark.parametrize(("kind", "params", "row", "horizon"), HARD_CASES.values(), ids=HARD_CASES)
def test_expectation_against_mpmath(kind, params, row, horizon):
    with mpmath.workdps(30):
        exact = float(exact_purchases(kind, params, row, horizon))
    named, rows = dict(zip(NAMES, params, strict=True)), rows_of(*row)
    length = np.array([float(horizon)])
    assert future.purchases_if_alive(kind, named, rows, length)[0] == pytest.approx(exact, rel=1e-9)
    if exact < 200:
        pmf = future.pmf_if_alive(kind, named, rows, length, 1_000)[0]
        assert pmf.sum() == pytest.approx(1.0, rel=1e-10)
        assert pmf @ np.arange(1_001) == pytest.approx(exact, rel=1e-9)
        active = future.active_if_alive(kind, named, rows, length)[0]
        assert 1.0 - pmf[0] == pytest.approx(active, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(("kind", "params", "row", "horizon"), HARD_CASES.values(), ids=HARD_CASES)
def test_survival_is_that_of_each_purchase_made(kind, params, row, horizon):
    """Counts without dropout, each purchase survived by the mean over Beta(a, b + y)."""
    named, rows = dict(zip(NAMES, params, strict=True)), rows_of(*row)
    length = np.array([float(horizon)])
    given = bg.posterior(kind, named, rows)
    if kind.k > 1:
        w = (rows.T - rows.recency) / given.rate
        phases = phase_probabilities(given.shape, w, kind.k)
        count, _ = erlang.counts(given, length / given.rate, phases, 1_500)
    else:
        count, _ = negative_binomial(given.shape, length / given.rate, 1_500)
    before = np.arange(1_500.0)
    survived = np.cumprod((given.b + before) / (given.a + given.b + before))
    expected = count[0, 0] + count[0, 1:] @ survived
    actual = future.stays_alive(kind, named, rows, length)[0]
    assert actual == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("poisson", "regular"),
    [(BetaGeoNBD, BetaGeoCNBD), (ModifiedBetaGeoNBD, ModifiedBetaGeoCNBD)],
    ids=["BG", "MBG"],
)
def test_k_of_1_is_poisson(poisson, regular, cdnow):
    expected, actual = poisson().fit(cdnow), regular(k=1).fit(cdnow)
    assert actual.params_ == pytest.approx(expected.params_, rel=1e-9)
    assert_allclose(actual.log_likelihood(cdnow), expected.log_likelihood(cdnow), rtol=1e-9)
    assert_allclose(
        actual.expected_purchases(cdnow, "39W"),
        expected.expected_purchases(cdnow, "39W"),
        rtol=1e-7,
    )
