"""How regular purchases are."""

import numpy as np
import pytest

from clvkit.btyd import regularity
from clvkit.errors import SummaryError


def drawn(k, seed=0, n=2_000):
    rng = np.random.default_rng(seed)
    gaps = [rng.gamma(k, 1.0 / rng.gamma(1.0, size=1), size=x) for x in rng.poisson(3, n)]
    return np.array([[len(g), g.sum(), g.sum() + 1, 0.0, np.log(g).sum()] for g in gaps])


@pytest.mark.parametrize("k", [0.5, 1.0, 4.0])
def test_regularity_is_recovered_whatever_the_rates(k):
    found = regularity(drawn(k))
    assert abs(found.k - k) < 4 * found.standard_error
    assert found.standard_error < 0.05 * k


def test_unit_of_time_does_not_matter():
    weeks = drawn(2.0)
    days = weeks * [1, 7, 7, 1, 1]
    days[:, 4] += weeks[:, 0] * np.log(7)
    assert regularity(days).k == pytest.approx(regularity(weeks).k, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("grocery", 2.2, 2.7), ("cdnow_exact", 0.9, 1.1)]
)
def test_real_logs(summary_of, name, low, high):
    assert low < regularity(summary_of(name)).k < high


def test_nobody_bought_three_times():
    few = drawn(1.0)
    with pytest.raises(SummaryError, match=r"No customer .* two repeat purchases"):
        regularity(few[few[:, 0] < 2])
    with pytest.raises(SummaryError, match="no column 'log_gaps'"):
        regularity(few[:, :3])
