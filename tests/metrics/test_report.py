import warnings

import numpy as np
import pytest

from clvkit import metrics
from clvkit.metrics import clv_metrics, get_clv_scorer_names


def test_every_entry_is_what_its_function_returns(spend):
    y, pred = spend
    probability = pred / pred.max()
    report = clv_metrics(y, pred, probability)
    assert sorted(report) == sorted(get_clv_scorer_names())
    for name, value in report.items():
        function = getattr(metrics, name)
        argument = probability if name == "churn_brier" else pred
        assert value == function(y, argument), name


def test_weights_reach_every_entry(spend):
    y, pred = spend
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    probability = pred / pred.max()
    weighted = clv_metrics(y, pred, probability, sample_weight=weight)
    repeated = clv_metrics(*(np.repeat(values, weight) for values in (y, pred, probability)))
    assert weighted == pytest.approx(repeated)
    assert weighted != pytest.approx(clv_metrics(y, pred, probability))


@pytest.mark.parametrize(
    ("y", "undefined"),
    [
        pytest.param(
            [0, 0, 0],
            {
                "normalized_gini",
                "total_bias",
                "top_share_capture",
                "decile_calibration_error",
                "mape_buyers",
                "churn_auc",
                "churn_brier",
            },
            id="nobody buys",
        ),
        pytest.param([1, 2, 3], {"churn_auc", "churn_brier"}, id="everybody buys"),
        pytest.param([2, 2, 2], {"normalized_gini", "churn_auc", "churn_brier"}, id="all alike"),
        pytest.param([-1, 0, 5], {"d2_tweedie", "churn_brier"}, id="net refunds"),
    ],
)
def test_what_is_undefined_is_nan_without_a_warning(y, undefined):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = clv_metrics(y, [1, 2, 4])
    assert {name for name, value in report.items() if np.isnan(value)} == undefined
