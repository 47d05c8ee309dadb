"""The sum that a fit climbs, against the rows that it is a sum of."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import _beta_geometric as bg
from clvkit.btyd._beta_geometric_sum import LikelihoodSum
from clvkit.btyd._summary import Rows

NAMES = ("r", "alpha", "a", "b")
KINDS = [bg.Kind(0, 1), bg.Kind(1, 1), bg.Kind(0, 2), bg.Kind(1, 3), bg.Kind(1, 12)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_row_derivatives_add_up_to_the_fast_sum(kind):
    """Of more rows than are summed at once, some of whom have not come back."""
    rng = np.random.default_rng(1)
    x = rng.poisson(3.0, 9_000).astype(float)
    T = rng.uniform(20.0, 60.0, 9_000)
    rows = Rows(x, np.where(x > 0, T * rng.beta(np.maximum(x, 1.0), 1.0), 0.0), T)
    weights, here = rng.uniform(0.5, 2.0, 9_000), np.log([0.6, 2.0, 0.7, 1.9])
    fast = LikelihoodSum(kind, rows, weights)(here)
    slow = bg.row_derivatives(kind, dict(zip(NAMES, np.exp(here), strict=True)), rows).sum(weights)
    assert_allclose(slow.value, fast.value, rtol=1e-13)
    assert_allclose(slow.gradient, fast.gradient, rtol=1e-10, atol=1e-10)
    assert_allclose(slow.hessian, fast.hessian, rtol=1e-10, atol=1e-10)
