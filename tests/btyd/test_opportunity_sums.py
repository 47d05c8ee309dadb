import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import zeta

from clvkit.btyd._opportunity_sums import Terms, sum_terms


def powers(exponents):
    """Return the terms k^-s, row by row."""
    return Terms(
        lambda rows, k: (max(k - 1.0, 1.0) / k) ** exponents[rows],
        lambda rows, k: -exponents[rows] * np.log(k),
    )


@pytest.mark.parametrize("horizon", [0, 1, 2, 127, 128, 256, 257, 258, 1_000, 50_000])
def test_against_adding_up(horizon):
    exponents = np.array([0.0, 0.3, 1.0, 2.5, 12.0])
    k = np.arange(1.0, horizon + 1.0)
    exact = (k ** -exponents[:, None]).sum(axis=1)
    assert_allclose(sum_terms(powers(exponents), np.full(5, float(horizon))), exact, rtol=1e-12)


def test_endless_sums_are_zeta_functions():
    exponents = np.array([1.5, 2.0, 3.0, 20.0])
    assert_allclose(sum_terms(powers(exponents), np.full(4, 1e40)), zeta(exponents), rtol=1e-12)


@pytest.mark.parametrize("rate", [1e-6, 1e-3, 0.05, 0.5, 4.0])
def test_geometric_series(rate):
    terms = Terms(
        lambda rows, k: np.full(len(rows), np.exp(-rate)),
        lambda rows, k: -rate * k,
    )
    horizon = np.array([200.0, 300.0, 5_000.0, 4e7])
    exact = -np.expm1(-rate * horizon) / np.expm1(rate)
    assert_allclose(sum_terms(terms, horizon), exact, rtol=1e-11)


def test_rows_do_not_hang_on_each_other():
    exponents = np.array([0.3, 1.0, 2.5, 0.7, 1.0])
    horizon = np.array([7.0, 0.0, 90_000.0, 300.0, 128.0])
    together = sum_terms(powers(exponents), horizon)
    alone = [sum_terms(powers(exponents[i : i + 1]), horizon[i : i + 1])[0] for i in range(5)]
    assert_array_equal(together, alone)
