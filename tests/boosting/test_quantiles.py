import numpy as np
import pytest

from clvkit.boosting._quantiles import check_levels, interpolate
from clvkit.errors import ArgumentError


@pytest.mark.parametrize("q", [0.5, [0.5], np.array([0.1, 0.9])], ids=["one", "list", "array"])
def test_levels_become_one_dimensional(q):
    np.testing.assert_array_equal(check_levels(q), np.ravel(q))


@pytest.mark.parametrize("q", [0, 1.0, [0.5, np.nan], -0.1, [], [[0.5]]], ids=str)
def test_levels_out_of_range_are_refused(q):
    with pytest.raises(ArgumentError, match=r"^levels (holds|must be)"):
        check_levels(q, "levels")


def test_quantiles_are_linear_between_levels():
    known, quantiles = np.array([0.1, 0.5, 0.9]), np.array([[0.0, 10.0, 50.0]])
    levels = np.array([0.1, 0.3, 0.5, 0.6, 0.9])
    np.testing.assert_allclose(interpolate(levels, known, quantiles), [[0, 5, 10, 20, 50]])
