"""The formulas on checked arrays; NaN where a metric is undefined, and never a warning."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import mean_tweedie_deviance

from clvkit.metrics._blocks import Blocks, FloatArray
from clvkit.metrics._validation import Checked

__all__ = [
    "absolute_error",
    "area_under_roc",
    "bias_of_total",
    "brier",
    "calibration_error",
    "captured_share",
    "decile_means",
    "gini_ratio",
    "percentage_error_of_buyers",
    "root_mean_square",
    "tweedie_skill",
]

#: Predictions below this share of the mean target are raised to it: a Tweedie deviance needs
#: positive predictions, and one customer predicted at zero who buys must not decide the score.
FLOOR = 1e-3


def tweedie_skill(checked: Checked, power: float) -> float:
    """Return 1 - deviance(prediction) / deviance(mean)."""
    y, pred, weight = checked
    mean = np.average(y, weights=weight)
    floor = FLOOR * mean
    floored = np.maximum(pred, floor)
    if floor == 0 or np.ptp(y) == 0:
        return float(np.array_equal(floored, y))
    deviance, of_mean = (
        mean_tweedie_deviance(y, values, sample_weight=weight, power=power)
        for values in (floored, np.full_like(y, mean))
    )
    return float(1 - deviance / of_mean)


def root_mean_square(checked: Checked) -> float:
    y, pred, weight = checked
    return float(np.sqrt(np.average((pred - y) ** 2, weights=weight)))


def absolute_error(checked: Checked) -> float:
    y, pred, weight = checked
    return float(np.average(np.abs(pred - y), weights=weight))


def percentage_error_of_buyers(checked: Checked) -> float:
    buyers = checked.y > 0
    if not buyers.any():
        return np.nan
    y, pred, weight = (values[buyers] for values in checked)
    return float(np.average(np.abs(pred - y) / y, weights=weight))


def bias_of_total(checked: Checked) -> float:
    y, pred, weight = checked
    total = weight @ y
    return float(weight @ pred / total - 1) if total > 0 else np.nan


def gini_ratio(predicted: Blocks, perfect: Blocks) -> float:
    if len(perfect.weight) == 1:  # everybody spends the same
        return np.nan
    return predicted.gain_over_random() / perfect.gain_over_random()


def captured_share(blocks: Blocks, share: float) -> float:
    total = blocks.spend.sum()
    return float(blocks.spend_up_to(np.array([share]))[0] / total) if total > 0 else np.nan


def decile_means(blocks: Blocks) -> tuple[FloatArray, FloatArray]:
    """Return mean prediction and mean target per decile, the highest predicted first."""
    edges = np.linspace(0, 1, 11)
    customers = blocks.weight.sum() / 10
    predicted = np.diff(blocks.predicted_up_to(edges)) / customers
    actual = np.diff(blocks.spend_up_to(edges)) / customers
    return predicted, actual


def calibration_error(blocks: Blocks) -> float:
    mean = blocks.spend.sum() / blocks.weight.sum()
    if not mean > 0:
        return np.nan
    predicted, actual = decile_means(blocks)
    return float(np.mean(np.abs(predicted - actual)) / mean)


def area_under_roc(blocks: Blocks) -> float:
    """Return P(a buyer is ranked above a lapsed customer), ties counting one half."""
    pairs = blocks.buyers.sum() * blocks.lapsed.sum()
    if not pairs > 0:
        return np.nan
    ranked_below = blocks.lapsed.sum() - np.cumsum(blocks.lapsed) + blocks.lapsed / 2
    return float(blocks.buyers @ ranked_below / pairs)


def brier(checked: Checked) -> float:
    """Return the mean squared error of ``pred`` as the probability of a target above zero."""
    y, probability, weight = checked
    return float(np.average((probability - (y > 0)) ** 2, weights=weight))
