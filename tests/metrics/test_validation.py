import inspect

import numpy as np
import pandas as pd
import polars as pl
import pytest

import clvkit.metrics
from clvkit.metrics import (
    campaign_profit,
    churn_auc,
    churn_brier,
    clv_metrics,
    d2_tweedie,
    decile_calibration_error,
    mae,
    mape_buyers,
    normalized_gini,
    rmse,
    top_share_capture,
    total_bias,
)


def profit(y_true, y_pred, *, sample_weight=None):
    """The metric that needs terms, with some."""
    terms = {"margin": 0.3, "contact_cost": 2, "budget": 20}
    return campaign_profit(y_true, y_pred, **terms, sample_weight=sample_weight)


METRICS = [
    churn_auc,
    churn_brier,
    d2_tweedie,
    decile_calibration_error,
    mae,
    mape_buyers,
    normalized_gini,
    profit,
    rmse,
    top_share_capture,
    total_bias,
]
every_metric = pytest.mark.parametrize("metric", [*METRICS, clv_metrics], ids=lambda f: f.__name__)


def test_every_metric_is_on_the_list():
    public = {getattr(clvkit.metrics, name) for name in clvkit.metrics.__all__}
    of_two = {f for f in public if list(inspect.signature(f).parameters)[:1] == ["y_true"]}
    curves = {f for f in of_two if f.__name__.endswith("_curve")}
    assert of_two - curves == {*METRICS, clv_metrics, campaign_profit} - {profit}


@every_metric
@pytest.mark.parametrize(
    ("y", "pred", "message"),
    [
        pytest.param([0, np.nan, 1], [0, 1, 1], "y_true contains NaN", id="nan target"),
        pytest.param([0, 1, 1], [0, np.nan, 1], "contains NaN", id="nan prediction"),
        pytest.param([0, np.inf, 1], [0, 1, 1], "y_true contains infinity", id="infinite"),
        pytest.param([0, 1, 1], [0, 1], "inconsistent numbers of samples", id="lengths"),
        pytest.param([], [], "minimum of 1 is required", id="empty"),
        pytest.param([[0, 1], [1, 0]], [0, 1], "1d array", id="two columns"),
    ],
)
def test_bad_input_is_refused(metric, y, pred, message):
    with pytest.raises(ValueError, match=message):
        metric(y, pred)


@every_metric
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        pytest.param([1, -2, 1], "1 negative values, such as -2", id="negative"),
        pytest.param([0, 0, 0], "0 in every row", id="all zero"),
        pytest.param([1, 1], "inconsistent", id="length"),
        pytest.param([1, np.nan, 1], "sample_weight contains NaN", id="nan"),
    ],
)
def test_bad_weights_are_refused(metric, weight, message):
    with pytest.raises(ValueError, match=message):
        metric([0, 1, 3], [0, 1, 1], sample_weight=weight)


@pytest.mark.parametrize("metric", METRICS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("container", [list, tuple, pd.Series, pl.Series, np.float32])
def test_any_array_like_will_do(metric, container):
    y, pred = [0.0, 1.0, 3.0], [0.0, 1.0, 0.5]
    value = metric(container(y), container(pred))
    assert type(value) is float
    assert value == metric(np.array(y), np.array(pred))


@pytest.mark.parametrize("metric", METRICS, ids=lambda f: f.__name__)
def test_a_row_of_weight_zero_is_not_there(metric):
    y, pred = [0.0, 1.0, 3.0, 80.0], [0.0, 1.0, 0.5, 0.7]
    without = metric(y[:3], pred[:3])
    assert metric(y, pred, sample_weight=[1, 1, 1, 0]) == without
