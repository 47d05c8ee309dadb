import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import brier_score_loss, roc_auc_score

from clvkit.metrics import churn_auc, churn_brier


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_auc_is_scikit_learns(spend, weighted):
    y, pred = spend
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    expected = roc_auc_score(y == 0, -pred, sample_weight=weight)
    assert churn_auc(y, pred, sample_weight=weight) == pytest.approx(expected)


def test_customers_with_net_refunds_count_as_lapsed():
    assert churn_auc([-3, 0, 8], [1, 2, 3]) == 1
    assert churn_brier([-3, 0, 8], [0, 0, 1]) == 0


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 2, 3]], ids=["nobody buys", "everybody buys"])
def test_auc_of_one_class_is_undefined(y):
    with pytest.warns(UndefinedMetricWarning, match="churn_auc is undefined"):
        assert np.isnan(churn_auc(y, [1, 2, 3]))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_brier_is_scikit_learns(spend, weighted):
    y, _ = spend
    rng = np.random.default_rng(0)
    weight = rng.random(len(y)) if weighted else None
    probability = rng.random(len(y))
    expected = brier_score_loss(y > 0, probability, sample_weight=weight)
    assert churn_brier(y, probability, sample_weight=weight) == pytest.approx(expected)


def test_brier_forgives_rounding():
    assert churn_brier([0, 5], [-1e-16, 1 + 1e-15]) == 0


def test_brier_refuses_spend_in_place_of_a_probability():
    with pytest.raises(ValueError, match=r"2 values outside \[0, 1\], such as 12\.5"):
        churn_brier([0, 1, 2], [0.5, 12.5, -1])
