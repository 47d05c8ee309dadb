import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import gamma, norm

from clvkit.calibration import LevelIntervals
from clvkit.calibration._totals import _shifted_gamma
from clvkit.errors import ArgumentError


@pytest.mark.parametrize("skewness", [0.0, 0.5, 2.0, -1.0])
def test_a_shifted_gamma_has_mean_spread_and_skewness(skewness):
    x = np.linspace(-20.0, 40.0, 600_001)
    below = _shifted_gamma(x, np.array(2.0), np.array(skewness))
    density = np.diff(below)
    middle = 0.5 * (x[1:] + x[:-1])
    mean = density @ middle
    variance = density @ (middle - mean) ** 2
    third = density @ (middle - mean) ** 3
    assert_allclose([mean, variance], [0.0, 4.0], atol=2e-3)
    assert third / variance**1.5 == pytest.approx(skewness, abs=0.02)


def test_known_distributions_are_met():
    x = np.linspace(-3.0, 3.0, 7)
    assert_allclose(_shifted_gamma(x, np.array(1.0), np.array(0.0)), norm.cdf(x))
    shape = 4.0 / 0.8**2
    expected = gamma.cdf(shape + x * np.sqrt(shape), shape)
    assert_allclose(_shifted_gamma(x, np.array(1.0), np.array(0.8)), expected)


def draw(rng, n, level):
    """Spend with zeros and a heavy tail around predictions that are right up to a level."""
    p = rng.lognormal(2, 1, n)
    active = rng.random(n) < 0.5
    return np.where(active, level * 2 * p * rng.gamma(1.5, 1 / 1.5, n), 0.0), p


@pytest.mark.parametrize("size", [1, 10, 300], ids=lambda size: f"{size}-customers")
def test_sums_of_any_number_are_covered_where_the_level_is_right(size):
    rng = np.random.default_rng(size)
    hits = []
    for _ in range(8):
        y, p = draw(rng, 12_000, 1.0)
        origin = np.arange(12_000) // 4_000
        intervals = LevelIntervals().fit(y, p, origin=origin)
        new_y, new_p = draw(rng, 300 if size < 300 else 6_000, 1.0)
        groups = np.arange(len(new_p)) // size
        table = intervals.total_interval(new_p, groups)
        actual = np.bincount(groups, new_y)
        assert_allclose(table["total"], np.bincount(groups, new_p))
        hits.append(((table["lower"] <= actual) & (actual <= table["upper"])).mean())
    assert 0.87 < np.mean(hits) < 0.97, hits


def test_levels_that_differ_widen_the_total_and_a_lone_customer_little():
    rng = np.random.default_rng(0)
    widths = {}
    for name, levels in {"steady": (1.0, 1.0, 1.0), "moving": (1.3, 0.75, 1.2)}.items():
        parts = [draw(rng, 4_000, level) for level in levels]
        y, p = (np.concatenate(values) for values in zip(*parts, strict=True))
        intervals = LevelIntervals().fit(y, p, origin=np.repeat([0, 1, 2], 4_000))
        new = draw(rng, 4_000, 1.0)[1]
        total = intervals.total_interval(new).loc["all"]
        lower, upper = intervals.interval(new)
        widths[name] = (total["upper"] - total["lower"]) / total["total"], np.mean(upper - lower)
    assert widths["moving"][0] > 3 * widths["steady"][0]
    assert widths["moving"][1] < 1.5 * widths["steady"][1]


def test_levels_move_totals_as_often_as_the_interval_says():
    """Worlds whose level is drawn anew every period: few origins must be enough."""
    rng = np.random.default_rng(5)
    hits = []
    for _ in range(150):
        levels = np.exp(rng.normal(0, 0.15, 4))
        parts = [draw(rng, 1_000, level) for level in levels]
        y, p = (np.concatenate(values[:3]) for values in zip(*parts, strict=True))
        intervals = LevelIntervals(n_groups=3)
        intervals.fit(y, p, origin=np.repeat([0, 1, 2], 1_000), overlap=0.0)
        table = intervals.total_interval(parts[3][1]).loc["all"]
        hits.append(table["lower"] <= parts[3][0].sum() <= table["upper"])
    assert 0.83 <= np.mean(hits) <= 0.97


def test_an_error_of_a_factor_widens_and_coverage_too():
    y, p = draw(np.random.default_rng(1), 3_000, 1.0)
    intervals = LevelIntervals().fit(y, p, origin=np.zeros(3_000))
    width = lambda **how: float(  # noqa: E731
        intervals.total_interval(p, **how).eval("upper - lower").iloc[0]
    )
    assert width(level_error=0.1) > width() > width(coverage=0.5) > 0.0


def test_groups_are_sorted_and_sum_to_all():
    y, p = draw(np.random.default_rng(1), 3_000, 1.0)
    intervals = LevelIntervals().fit(y, p, origin=np.zeros(3_000))
    table = intervals.total_interval(p, np.where(p > 10, "b", "a"))
    assert list(table.index) == ["a", "b"]
    assert table.index.name == "group"
    assert table["total"].sum() == pytest.approx(p.sum())
    assert (table["lower"] <= table["total"]).all()
    assert (table["lower"] >= 0.0).all()
    with pytest.raises(ArgumentError, match=r"0\.9 is 90 %"):
        intervals.total_interval(p, coverage=90)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        intervals.total_interval(p, ["a"])
