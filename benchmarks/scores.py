"""Metrics of a prediction, and intervals of their differences by a paired bootstrap.

Every metric is computed for many weightings of the customers at once: one row of counts is one
resample, and counts of one give the metric itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.metrics import d2_tweedie, mae, normalized_gini, rmse, total_bias

__all__ = ["METRICS", "align", "bootstrap_differences", "score", "weighted_scores"]

FloatArray = NDArray[np.float64]

METRICS = ("d2_tweedie", "normalized_gini", "total_bias", "mae", "rmse", "r2")

#: Values held at once by the bootstrap, in one array.
CHUNK = 4_000_000


def align(prediction: pd.Series, spend: pd.Series) -> tuple[FloatArray, int]:
    """Return the prediction of each customer, 0 for those without one, and their number."""
    values = prediction.reindex(spend.index).to_numpy(dtype=np.float64, na_value=np.nan)
    absent = ~np.isfinite(values)
    return np.where(absent, 0.0, values), int(absent.sum())


def score(y: FloatArray, pred: FloatArray) -> dict[str, float]:
    """Return every metric, those that the package has from there."""
    error, spread = ((y - pred) ** 2).sum(), ((y - y.mean()) ** 2).sum()
    return {
        "d2_tweedie": d2_tweedie(y, pred),
        "normalized_gini": normalized_gini(y, pred),
        "total_bias": total_bias(y, pred),
        "mae": mae(y, pred),
        "rmse": rmse(y, pred),
        "r2": float(1 - error / spread) if spread > 0 else np.nan,
    }


def bootstrap_differences(
    y: FloatArray,
    predictions: dict[str, FloatArray],
    reference: str,
    *,
    n_resamples: int = 1000,
    coverage: float = 0.95,
    seed: int = 0,
    crps: Mapping[str, FloatArray] | None = None,
) -> pd.DataFrame:
    """Compare each prediction with the reference on the same resampled customers.

    ``crps`` holds the CRPS of each customer, of those predictions that tell a distribution.

    Returns
    -------
    DataFrame
        One row a (competitor, metric): ``difference`` (competitor less reference), and
        ``lower`` and ``upper``, percentiles of it over resamples of the customers. Resamples in
        which nobody has spent have no such metrics, and do not count.
    """
    everything = {name: (pred, (crps or {}).get(name)) for name, pred in predictions.items()}
    drawn = _draw(y, everything, n_resamples, np.random.default_rng(seed))
    ones = np.ones((1, len(y)))
    whole = {name: _scores(y, *told, ones) for name, told in everything.items()}
    tail = (1 - coverage) / 2
    rows = []
    for name in predictions:
        if name == reference:
            continue
        for metric in drawn[name]:
            if metric not in drawn[reference]:
                continue
            with np.errstate(invalid="ignore"):
                gaps = drawn[name][metric] - drawn[reference][metric]
            known = gaps[np.isfinite(gaps)]
            lower, upper = np.quantile(known, [tail, 1 - tail]) if len(known) else [np.nan] * 2
            gap = (whole[name][metric] - whole[reference][metric]).item()
            rows.append((name, reference, metric, gap, lower, upper))
    columns = ["competitor", "reference", "metric", "difference", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)


def _scores(
    y: FloatArray, pred: FloatArray, crps: FloatArray | None, counts: FloatArray
) -> dict[str, FloatArray]:
    """Return every metric for each row of counts, that of the distribution where there is one."""
    found = weighted_scores(y, pred, counts)
    return found if crps is None else found | {"crps": counts @ crps / counts.sum(axis=1)}


def _draw(
    y: FloatArray,
    everything: Mapping[str, tuple[FloatArray, FloatArray | None]],
    n_resamples: int,
    rng: np.random.Generator,
) -> dict[str, dict[str, FloatArray]]:
    """Return every metric of every prediction on the same resamples."""
    size = max(1, CHUNK // len(y))
    parts: dict[str, list[dict[str, FloatArray]]] = {name: [] for name in everything}
    for start in range(0, n_resamples, size):
        counts = _resample(len(y), min(size, n_resamples - start), rng)
        for name, told in everything.items():
            parts[name].append(_scores(y, *told, counts))
    return {
        name: {metric: np.concatenate([part[metric] for part in chunks]) for metric in chunks[0]}
        for name, chunks in parts.items()
    }


def _resample(n: int, rows: int, rng: np.random.Generator) -> FloatArray:
    """Return how often each of n customers was drawn, in ``rows`` draws of n with replacement."""
    drawn = rng.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def weighted_scores(y: FloatArray, pred: FloatArray, counts: FloatArray) -> dict[str, FloatArray]:
    """Return every metric for each row of ``counts``, an array (resamples, customers).

    The floor of the predictions is a thousandth of the mean of all of ``y``, whatever the
    resample.
    """
    n, total = counts.sum(axis=1), counts @ y
    mean = total / n
    squares, spread = counts @ (y - pred) ** 2, counts @ y**2 - n * mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "d2_tweedie": _skill(y, pred, counts),
            "normalized_gini": _gini(y, pred, counts) / _gini(y, y, counts),
            "total_bias": counts @ pred / total - 1,
            "mae": counts @ np.abs(y - pred) / n,
            "rmse": np.sqrt(squares / n),
            "r2": 1 - squares / spread,
        }


def _skill(y: FloatArray, pred: FloatArray, counts: FloatArray) -> FloatArray:
    """Return 1 - deviance / deviance of the mean, of a Tweedie law of power 1.5.

    The deviance is 4 (sqrt(y) - sqrt(mu))^2 / sqrt(mu): the general formula at p = 3/2.
    """
    mu = np.maximum(pred, 1e-3 * y.mean())
    deviance = counts @ ((np.sqrt(y) - np.sqrt(mu)) ** 2 / np.sqrt(mu))
    n, total, roots = counts.sum(axis=1), counts @ y, counts @ np.sqrt(y)
    root = np.sqrt(total / n)
    return 1 - deviance / (total / root - 2 * roots + n * root)


def _gini(y: FloatArray, pred: FloatArray, counts: FloatArray) -> FloatArray:
    """Return the area between the curve of the spend in predicted order and its diagonal.

    Tied predictions share one straight piece of the curve.
    """
    order = np.argsort(-pred, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(pred[order]) != 0])
    ranked = counts[:, order]
    curves = [np.add.reduceat(part, starts, axis=1) for part in (ranked, ranked * y[order])]
    customers, spend = (np.cumsum(np.pad(curve, ((0, 0), (1, 0))), axis=1) for curve in curves)
    share = customers / customers[:, -1:]
    gain = spend / spend[:, -1:] - share
    return (np.diff(share) * (gain[:, 1:] + gain[:, :-1]) / 2).sum(axis=1)
