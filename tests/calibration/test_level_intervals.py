import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from clvkit.calibration import LevelIntervals

AMOUNTS = st.floats(0, 1e6, allow_subnormal=False)


def draw(rng, n):
    """Spend with many zeros and a heavy tail, and predictions that know something of it."""
    level = rng.lognormal(2, 1, n)
    y = np.where(rng.random(n) < 0.4, level * rng.lognormal(0, 0.8, n), 0.0)
    return y, level * 0.5


def draw_active(rng, n):
    """Spend of customers who all come back."""
    level = rng.lognormal(2, 1, n)
    return level * rng.lognormal(0, 0.8, n), level


def held(interval, y, p, coverage):
    lower, upper = interval.interval(p, coverage)
    return np.mean((lower <= y) & (y <= upper))


def test_scores_are_signed_and_relative_to_the_level():
    interval = LevelIntervals(relative_scale=1.0).fit([0.0, 30.0, 10.0], [10.0, 20.0, 0.0])
    assert interval.scale_ == 10.0
    # The most extreme ones and the middle: -10 / 20, 10 / 30, 10 / 10.
    np.testing.assert_allclose(interval.lower_scores_[0, [0, -1]], [-1 / 2, 1 / 3])
    np.testing.assert_allclose(interval.upper_scores_[0, [0, -1]], [1, 1 / 3])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
@pytest.mark.parametrize(
    ("n", "in_group"), [(19, 19), (99, 99), (500, 100), (4_000, 400)], ids=lambda n: f"{n}"
)
def test_coverage_in_the_mean_over_many_samples_is_what_was_asked(n, in_group, coverage):
    rng = np.random.default_rng(n)
    hits = []
    for _ in range(200 if n < 1_000 else 30):
        y, p = draw_active(rng, n + 400)
        interval = LevelIntervals().fit(y[:n], p[:n])
        hits.append(held(interval, y[n:], p[n:], coverage))
    mean, error = np.mean(hits), np.std(hits) / np.sqrt(len(hits))
    ranks_below = np.floor(round((in_group + 1) * (1 - coverage) / 2, 9))
    expected = 1 - 2 * ranks_below / (in_group + 1)
    assert expected >= coverage - 1e-12
    assert mean == pytest.approx(expected, abs=3 * error + 0.004)


def test_every_group_of_predictions_is_covered():
    rng = np.random.default_rng(4)
    y, p = draw_active(rng, 60_000)
    y *= 1 + (p > np.quantile(p, 0.9))  # the best customers are another kind
    grouped = LevelIntervals().fit(y[:30_000], p[:30_000])
    single = LevelIntervals(n_groups=1).fit(y[:30_000], p[:30_000])
    tenth = np.digitize(p, np.quantile(p, np.arange(1, 10) / 10))
    new = np.arange(60_000) >= 30_000
    for number in range(10):
        rows = new & (tenth == number)
        assert held(grouped, y[rows], p[rows], 0.9) == pytest.approx(0.9, abs=0.02)
    best = new & (tenth == 9)
    assert held(single, y[best], p[best], 0.9) < 0.85


def test_quantiles_are_those_of_split_conformal_inference():
    scores = np.arange(-9.0, 10.0)  # 19 of them; all predictions are 0: every width is the scale
    interval = LevelIntervals(floor=None).fit(scores, np.zeros(19))
    lower, upper = interval.interval([0.0], coverage=0.9)
    # Ranks floor(20 * .05) = 1 and ceil(20 * .95) = 19.
    assert (lower[0], upper[0]) == pytest.approx((-9.0, 9.0))
    lower, upper = interval.interval([0.0], coverage=0.8)
    assert (lower[0], upper[0]) == pytest.approx((-8.0, 8.0))


def test_a_quantile_is_nothing_where_so_many_of_the_group_spend_nothing():
    rng = np.random.default_rng(0)
    p = rng.uniform(1.0, 5.0, 1_000)
    y = np.where(rng.random(1_000) < 0.6, 0.0, 2.5 * p)
    quantiles = LevelIntervals(n_groups=1).fit(y, p).quantiles(p, [0.1, 0.3, 0.5, 0.59, 0.65, 0.9])
    assert (quantiles[:, :3] == 0.0).all()
    assert (quantiles[:, 4:] > 0.0).all()


def test_few_scores_give_the_widest_interval_there_is():
    interval = LevelIntervals(floor=None).fit([-1.0, 0.0, 5.0], [0.0, 0.0, 0.0])
    for coverage in (0.5, 0.9, 0.999):
        lower, upper = interval.interval([0.0], coverage)
        assert (lower[0], upper[0]) == pytest.approx((-1.0, 5.0))


@settings(deadline=None, max_examples=60)
@given(
    y=arrays(float, 12, elements=AMOUNTS),
    p=arrays(float, 12, elements=AMOUNTS),
    new=arrays(float, 5, elements=AMOUNTS),
    coverage=st.floats(0.01, 0.99),
)
def test_intervals_hold_the_prediction_widen_with_coverage_and_keep_the_floor(y, p, new, coverage):
    interval = LevelIntervals().fit(y, p)
    lower, upper = interval.interval(new, coverage)
    assert np.all((lower >= 0) & (lower <= new) & (new <= upper))
    wider_lower, wider_upper = interval.interval(new, (1 + coverage) / 2)
    assert np.all((wider_lower <= lower) & (upper <= wider_upper))


@pytest.mark.parametrize(
    ("n", "n_groups"), [(99, 1), (199, 1), (200, 2), (5_000, 10)], ids=lambda n: f"{n}"
)
def test_small_samples_make_fewer_groups(n, n_groups):
    y, p = draw(np.random.default_rng(n), n)
    interval = LevelIntervals().fit(y, p)
    assert interval.upper_scores_.shape == (n_groups, len(interval.tails_))
    assert interval.edges_.shape == (n_groups - 1,)


def test_equal_predictions_share_a_group():
    p = np.r_[np.zeros(690), np.linspace(1, 2, 310)]
    interval = LevelIntervals().fit(np.zeros(1_000), p)
    sizes = np.bincount(np.searchsorted(interval.edges_, p))
    np.testing.assert_array_equal(sizes, [690, 110, 100, 100])
    constant = LevelIntervals().fit(np.arange(1_000.0), np.full(1_000, 7.0))
    assert constant.edges_.shape == (0,)


def test_a_fitted_interval_is_small_whatever_it_has_seen():
    rng = np.random.default_rng(0)
    y, p = draw(rng, 50_000)
    arrays_ = [v for v in vars(LevelIntervals().fit(y, p)).values() if isinstance(v, np.ndarray)]
    assert sum(array.size for array in arrays_) < 1_000


@pytest.mark.parametrize("coverage", [0.5, 0.83, 0.9, 0.913, 0.95, 0.99, 0.9999])
def test_shares_that_are_not_kept_are_rounded_outwards(coverage):
    rng = np.random.default_rng(0)
    y, p = draw(rng, 50_000)
    kept = LevelIntervals(n_groups=1, floor=None).fit(y, p)
    inside = held(kept, y, p, coverage)
    assert coverage - 1e-4 <= inside <= min(1, coverage + 0.05)


def test_a_row_does_not_depend_on_its_batch():
    y, p = draw(np.random.default_rng(1), 300)
    interval = LevelIntervals().fit(y, p)
    lower, upper = interval.interval(p)
    for i in (0, 17, 299):
        one = interval.interval(p[i : i + 1])
        assert (one[0][0], one[1][0]) == (lower[i], upper[i])


def test_the_last_bit_of_a_prediction_does_not_matter():
    p = np.r_[np.full(300, 0.1 + 0.2), np.linspace(1, 2, 700)]
    interval = LevelIntervals().fit(p[::-1], p)
    assert interval.edges_[0] == 0.1 + 0.2  # many equal predictions lie on an edge
    for nudged in (0.3, np.nextafter(0.1 + 0.2, 1)):
        got, expected = interval.interval([nudged]), interval.interval([0.1 + 0.2])
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("y", "p"), [([0.0, 3.0], [0.0, 0.0]), ([0.0, 0.0], [0.0, 0.0])], ids=["no-p", "nothing"]
)
def test_predictions_of_nothing_have_a_scale(y, p):
    lower, upper = LevelIntervals().fit(y, p).interval([0.0, 1.0])
    assert np.isfinite([lower, upper]).all()


@pytest.mark.parametrize(
    ("coverage", "message"),
    [(0, "above 0"), (1, "below 1"), (90, "0.9 is 90 %"), (float("nan"), "above 0")],
    ids=str,
)
def test_coverage_is_a_fraction(coverage, message):
    with pytest.raises(ValueError, match=message):
        LevelIntervals().fit([1.0], [1.0]).interval([1.0], coverage)


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([], [], "0 sample"),
        ([1.0, np.nan], [1.0, 1.0], "y_true contains NaN"),
        ([1.0, 2.0], [1.0, np.inf], "y_pred contains infinity"),
        ([1.0, 2.0], [1.0], "inconsistent numbers"),
    ],
    ids=["empty", "nan", "infinite", "lengths"],
)
def test_bad_input_is_refused(y, p, message):
    with pytest.raises(ValueError, match=message):
        LevelIntervals().fit(y, p)


def test_it_is_an_estimator():
    interval = LevelIntervals(floor=None, relative_scale=2.0)
    assert clone(interval.fit([1.0, 2.0], [1.0, 1.0])).get_params() == interval.get_params()
    with pytest.raises(NotFittedError):
        clone(interval).interval([1.0])
    with pytest.raises(InvalidParameterError, match="relative_scale"):
        LevelIntervals(relative_scale=0).fit([1.0], [1.0])
