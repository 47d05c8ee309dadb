import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd._units import horizon_in_units, horizon_per_row, rate_per_unit, units_per_year
from clvkit.errors import DurationError, HorizonError


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("7D", 52), ("1W", 52), ("14D", 26), ("1D", 365.25), ("1M", 12), ("1Y", 1), ("24h", 365.25)],
)
def test_units_per_year(unit, expected):
    assert units_per_year(unit) == pytest.approx(expected)


def test_discount_rate_is_effective_and_annual():
    assert np.exp(52 * rate_per_unit(0.15, "7D")) == pytest.approx(1.15)


@pytest.mark.parametrize("rate", [-0.1, np.nan, np.inf, "10%", True, None, [0.1]])
def test_discount_rate_is_checked(rate):
    with pytest.raises(ValueError, match="effective annual rate"):
        rate_per_unit(rate, "7D")


@pytest.mark.parametrize(
    ("horizon", "unit", "expected"),
    [
        ("26W", "7D", 26),
        ("90D", "7D", 90 / 7),
        ("1Y", "1M", 12),
        (13, "1D", 13),
        ([1, 2], "7D", [1, 2]),
    ],
)
def test_horizon_in_units(horizon, unit, expected):
    assert_allclose(horizon_in_units(horizon, unit), expected)


@pytest.mark.parametrize(
    "horizon", [-1.0, np.nan, [1.0, np.inf], [[1.0]], None, {"weeks": 3}, True]
)
def test_horizon_is_checked(horizon):
    with pytest.raises(HorizonError, match="must be a duration such as '26W', a number"):
        horizon_in_units(horizon, "7D")


def test_unreadable_duration():
    with pytest.raises(DurationError, match="minutes or months"):
        horizon_in_units("3m", "7D")


def test_one_horizon_for_each_row():
    assert_allclose(horizon_per_row("2W", 3, "7D"), [2, 2, 2])
    assert_allclose(horizon_per_row([1, 2, 3], 3, "7D"), [1, 2, 3])
    with pytest.raises(HorizonError, match="got 2 horizons for 3 rows"):
        horizon_per_row([1, 2], 3, "7D")
