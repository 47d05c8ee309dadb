import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd._rising_sum import RisingSum

#: Counts that have a table, and counts too far apart for one.
COUNTS = {"table": [0.0, 1.0, 1.0, 40.0, 700.0], "sorted": [0.0, 3.0, 2e6], "none": [0.0, 0.0]}


@pytest.mark.parametrize("z", [1e-8, 0.24, 5.0, 999.0, 1001.0, 1e7, 1e12])
@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_against_mpmath(counts, z):
    n, weights = np.array(counts), np.linspace(0.5, 2.0, len(counts))
    found = RisingSum(n, weights)(z)
    with mpmath.workdps(60):
        exact = [
            sum(
                w * (of(mpmath.mpf(z) + x) - of(mpmath.mpf(z)))
                for w, x in zip(weights, n, strict=True)
            )
            for of in (mpmath.loggamma, mpmath.digamma, lambda at: mpmath.psi(1, at))
        ]
    assert_allclose(found, np.array(exact, dtype=float), rtol=1e-10, atol=1e-300)


def test_a_table_keeps_all_digits_where_differences_cancel():
    found = RisingSum(np.array([3.0]), np.ones(1))(1e14)
    assert_allclose(found, [3 * np.log(1e14), 3e-14, -3e-28], rtol=1e-13)
