import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from clvkit.calibration import ConformalInterval

AMOUNTS = st.floats(0, 1e6, allow_subnormal=False)


def draw(rng, n):
    """Spend with many zeros and a heavy tail, and predictions that know something of it."""
    level = rng.lognormal(2, 1, n)
    y = np.where(rng.random(n) < 0.4, level * rng.lognormal(0, 0.8, n), 0.0)
    return y, level * 0.5


def test_scores_are_signed_and_relative_to_the_level():
    interval = ConformalInterval().fit([0.0, 30.0, 10.0], [10.0, 20.0, 0.0])
    assert interval.scale_ == 10.0
    np.testing.assert_allclose(interval.scores_, [-10 / 20, 10 / 30, 10 / 10])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("n", [19, 99, 500, 4_000], ids="n={}".format)
def test_coverage_in_the_mean_over_many_samples_is_what_was_asked(n, coverage):
    rng = np.random.default_rng(n)
    hits = []
    for _ in range(200 if n < 1_000 else 30):
        y, p = draw(rng, n + 400)
        lower, upper = ConformalInterval().fit(y[:n], p[:n]).interval(p[n:], coverage)
        hits.append(np.mean((lower <= y[n:]) & (y[n:] <= upper)))
    mean, error = np.mean(hits), np.std(hits) / np.sqrt(len(hits))
    assert mean >= coverage - 3 * error
    # Two ranks of n + 1, and a thousandth from the thinned list, is all it may exceed it by.
    assert mean <= coverage + 2 / (n + 1) + 0.002 + 3 * error


def test_quantiles_are_those_of_split_conformal_inference():
    scores = np.arange(-9.0, 10.0)  # 19 of them; all predictions are 0, so the width is the scale
    interval = ConformalInterval(floor=None).fit(scores, np.zeros(19))
    lower, upper = interval.interval([0.0], coverage=0.9)
    # Ranks floor(20 * .05) = 1 and ceil(20 * .95) = 19.
    assert (lower[0], upper[0]) == pytest.approx((-9.0, 9.0))
    lower, upper = interval.interval([0.0], coverage=0.8)
    assert (lower[0], upper[0]) == pytest.approx((-8.0, 8.0))


def test_few_scores_give_the_widest_interval_there_is():
    interval = ConformalInterval(floor=None).fit([-1.0, 0.0, 5.0], [0.0, 0.0, 0.0])
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
    interval = ConformalInterval().fit(y, p)
    lower, upper = interval.interval(new, coverage)
    assert np.all((lower >= 0) & (lower <= new) & (new <= upper))
    wider_lower, wider_upper = interval.interval(new, (1 + coverage) / 2)
    assert np.all((wider_lower <= lower) & (upper <= wider_upper))


def test_a_long_list_is_thinned_outwards():
    rng = np.random.default_rng(0)
    y, p = draw(rng, 50_000)
    thinned = ConformalInterval().fit(y, p)
    assert len(thinned.scores_) == len(thinned.ranks_) == 1_000
    scores = np.sort((y - p) / (p + thinned.scale_))
    for coverage in (0.5, 0.9, 0.95, 0.99):
        lower, upper = thinned.interval([1e9], coverage)
        inside = np.mean((scores >= lower[0] / 1e9 - 1) & (scores <= upper[0] / 1e9 - 1))
        assert coverage - 1e-6 <= inside <= coverage + 0.0025


def test_a_row_does_not_depend_on_its_batch():
    y, p = draw(np.random.default_rng(1), 300)
    interval = ConformalInterval().fit(y, p)
    lower, upper = interval.interval(p)
    for i in (0, 17, 299):
        one = interval.interval(p[i : i + 1])
        assert (one[0][0], one[1][0]) == (lower[i], upper[i])


@pytest.mark.parametrize(
    ("y", "p"), [([0.0, 3.0], [0.0, 0.0]), ([0.0, 0.0], [0.0, 0.0])], ids=["no-p", "nothing"]
)
def test_predictions_of_nothing_have_a_scale(y, p):
    lower, upper = ConformalInterval().fit(y, p).interval([0.0, 1.0])
    assert np.isfinite([lower, upper]).all()


@pytest.mark.parametrize(
    ("coverage", "message"),
    [(0, "above 0"), (1, "below 1"), (90, "0.9 is 90 %"), (float("nan"), "above 0")],
    ids=str,
)
def test_coverage_is_a_fraction(coverage, message):
    with pytest.raises(ValueError, match=message):
        ConformalInterval().fit([1.0], [1.0]).interval([1.0], coverage)


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
        ConformalInterval().fit(y, p)


def test_it_is_an_estimator():
    interval = ConformalInterval(floor=None, relative_scale=2.0)
    assert clone(interval.fit([1.0, 2.0], [1.0, 1.0])).get_params() == interval.get_params()
    with pytest.raises(NotFittedError):
        clone(interval).interval([1.0])
    with pytest.raises(InvalidParameterError, match="relative_scale"):
        ConformalInterval(relative_scale=0).fit([1.0], [1.0])
