import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.exceptions import UndefinedMetricWarning

from clvkit.metrics import (
    churn_auc,
    cumulative_gains_curve,
    decile_calibration_error,
    normalized_gini,
    top_share_capture,
)

AMOUNTS = st.integers(0, 40).map(lambda euros: euros / 4)
PAIRS = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(float, n, elements=AMOUNTS).filter(lambda y: np.ptp(y) > 0),
        hnp.arrays(float, n, elements=AMOUNTS),
    )
)


def gini_by_hand(y, order):
    """The textbook sum over ranked rows, which knows no ties."""
    curve = np.cumsum(y[order])
    n = len(y)
    return (curve.sum() / curve[-1] - (n + 1) / 2) / n


def test_gini_without_ties_is_the_textbook_sum():
    rng = np.random.default_rng(2)
    y, pred = rng.gamma(0.4, 30, 200), rng.random(200)
    expected = gini_by_hand(y, np.argsort(-pred)) / gini_by_hand(y, np.argsort(-y))
    assert normalized_gini(y, pred) == pytest.approx(expected)


def test_gini_with_ties_is_the_mean_over_random_orders():
    rng = np.random.default_rng(4)
    y, pred = rng.gamma(0.4, 30, 30), rng.integers(0, 4, 30)
    orders = [np.lexsort((rng.random(30), -pred)) for _ in range(20_000)]
    mean = np.mean([gini_by_hand(y, order) for order in orders])
    # 20,000 random orders leave a standard error of about 0.0004.
    assert normalized_gini(y, pred) == pytest.approx(
        mean / gini_by_hand(y, np.argsort(-y)), abs=2e-3
    )


@given(PAIRS, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(pair, random):
    y, pred = pair
    shuffled = random.sample(range(len(y)), len(y))
    for metric in (normalized_gini, top_share_capture, decile_calibration_error):
        assert metric(y[shuffled], pred[shuffled]) == pytest.approx(metric(y, pred), abs=1e-12)


@given(PAIRS, st.integers(1, 3))
def test_a_whole_weight_is_a_repeated_row(pair, seed):
    y, pred = pair
    weight = np.random.default_rng(seed).integers(0, 4, len(y))
    weight[[np.argmin(y), np.argmax(y)]] += 1
    repeated = np.repeat(y, weight), np.repeat(pred, weight)
    for metric in (normalized_gini, top_share_capture, decile_calibration_error, churn_auc):
        if metric is churn_auc and not (y == 0).any():
            continue
        assert metric(y, pred, sample_weight=weight) == pytest.approx(metric(*repeated), abs=1e-12)


@given(PAIRS)
def test_gini_lies_between_the_perfect_order_and_its_reverse(pair):
    y, pred = pair
    assert -1 - 1e-12 <= normalized_gini(y, pred) <= 1 + 1e-12
    assert normalized_gini(y, -pred) == pytest.approx(-normalized_gini(y, pred), abs=1e-12)
    assert normalized_gini(y, y**3 + y) == pytest.approx(1)


@pytest.mark.parametrize("constant", [0.0, 0.1, 7.3])
def test_a_constant_prediction_ranks_nobody(spend, constant):
    y, _ = spend
    assert normalized_gini(y, np.full_like(y, constant)) == 0
    assert top_share_capture(y, np.full_like(y, constant)) == pytest.approx(0.1)


def test_gini_where_everybody_spends_the_same_is_undefined():
    with pytest.warns(UndefinedMetricWarning, match="normalized_gini is undefined.*equal"):
        assert np.isnan(normalized_gini([0.1, 0.1, 0.1], [1, 2, 3]))


def test_top_share_counts_fractions_of_customers_and_of_ties():
    y, pred = [60, 0, 40, 0], [2, 1, 2, 1]
    assert top_share_capture(y, pred, share=0.5) == 1
    assert top_share_capture(y, pred, share=0.25) == 0.5
    assert top_share_capture(y, [4, 3, 2, 1], share=0.1) == pytest.approx(0.24)
    assert top_share_capture(y, pred, share=1) == 1


@pytest.mark.parametrize("share", [0, -0.1, 1.01, 10])
def test_top_share_refuses_percentages(share):
    with pytest.raises(ValueError, match=r"above 0 and at most 1"):
        top_share_capture([1, 2], [1, 2], share=share)


def test_gains_curve_has_one_point_a_block():
    customers, spend = cumulative_gains_curve([6, 0, 2, 0, 0], [3, 3, 2, 2, 2])
    np.testing.assert_allclose(customers, [0, 0.4, 1])
    np.testing.assert_allclose(spend, [0, 0.75, 1])


@pytest.mark.parametrize("metric", [top_share_capture, cumulative_gains_curve])
def test_no_spend_is_undefined(metric):
    with pytest.warns(UndefinedMetricWarning, match=f"{metric.__name__} is undefined"):
        assert np.isnan(np.max(metric([0, 0, 0], [1, 2, 3])))
