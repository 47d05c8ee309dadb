import mpmath as mp
import numpy as np
import pytest

from clvkit.btyd._tilted_beta import Tilted, log_total_derivatives, tilted_beta

#: R, A, a, b, tau.
ROWS = [
    (1.3, 12.0, 0.6, 3.0, 50.0),
    (0.2, 3.0, 0.05, 0.4, 500.0),
    (300.0, 60.0, 0.8, 302.0, 400.0),
    (40.0, 5.0, 12.0, 0.7, 1e4),
    (2.0, 1e4, 3.0, 1.0, 1.0),
    (90.0, 30.0, 50.0, 200.0, 90.0),
]


def exact(row):
    R, A, a, b, tau = (mp.mpf(one) for one in row)
    return mp.log(mp.beta(a, b) * mp.hyp2f1(R, a, a + b, -tau / A)) - R * mp.log(A)


def of(rows):
    return Tilted(*np.array(rows, dtype=float).T)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_totals_are_exact(row):
    with mp.workdps(50):
        truth = float(exact(row))
    assert tilted_beta(of([row])).log_total[0] == pytest.approx(truth, rel=1e-11, abs=1e-11)


def test_derivatives():
    rows = of(ROWS)
    got = log_total_derivatives(rows)
    for j, name in enumerate(("R", "A", "a", "b")):
        h = 1e-5 * getattr(rows, name)
        low, high = (
            log_total_derivatives(rows._replace(**{name: getattr(rows, name) + sign * h}))
            for sign in (-1.0, 1.0)
        )
        slope = (high.value - low.value) / (2.0 * h)
        np.testing.assert_allclose(got.gradient[j], slope, rtol=1e-6, atol=1e-9)
        bend = (high.gradient - low.gradient) / (2.0 * h)
        np.testing.assert_allclose(got.hessian[j], bend, rtol=1e-6, atol=1e-9)


def test_a_row_does_not_depend_on_the_others():
    together = tilted_beta(of(ROWS))
    for i, row in enumerate(ROWS):
        alone = tilted_beta(of([row]))
        assert together.log_total[i] == alone.log_total[0]
        np.testing.assert_array_equal(together.weights[i], alone.weights[0])
