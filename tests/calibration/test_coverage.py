import numpy as np
import pytest

from clvkit.calibration import LevelIntervals
from clvkit.calibration._coverage import check_coverage
from clvkit.errors import ArgumentError


@pytest.mark.parametrize("coverage", [0.9, np.float32(0.5), np.float64(0.01)])
def test_a_share_is_a_float(coverage):
    assert check_coverage(coverage) == coverage
    assert type(check_coverage(coverage)) is float


@pytest.mark.parametrize("coverage", [90, "0.9", None, 0, 1, True, np.nan, -0.1, [0.9]], ids=repr)
def test_anything_else_is_refused(coverage):
    with pytest.raises(ArgumentError, match=r"0\.9 is 90 %.*got"):
        check_coverage(coverage)
    interval = LevelIntervals().fit([0, 1, 2], [1, 1, 1])
    with pytest.raises(ArgumentError, match=r"0\.9 is 90 %"):
        interval.interval([1.0], coverage=coverage)
