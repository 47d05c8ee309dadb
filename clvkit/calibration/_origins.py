"""At what level each origin turned out, compared with what was predicted there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.calibration._shrinkage import shrunk_log_ratio

__all__ = ["Origins", "read_origins", "total_error", "total_ratio"]

Array = NDArray[np.float64]


class Origins(NamedTuple):
    """Levels of the origins.

    Attributes
    ----------
    level : ndarray of shape (n_samples,)
        Factor by which the truth of each row's origin differs from the predictions in total, as
        far as that is more than chance; 1 where no origins were named.
    log_ratios, errors : ndarray of shape (n_telling,)
        Logarithm of actual over predicted total of the origins that tell of levels to come, and
        its standard error.
    told : bool
        Whether origins were named.
    """

    level: Array
    log_ratios: Array
    errors: Array
    told: bool


def total_ratio(y: Array, predicted: Array) -> tuple[float, float]:
    """Return the ratio of the totals, and the standard error of its logarithm by chance."""
    ratio = float(y.sum() / predicted.sum())
    return ratio, total_error(y, predicted, ratio)


def total_error(y: Array, predicted: Array, ratio: float) -> float:
    """Return the standard error of the logarithm of the total, were this the ratio to expect."""
    return float(np.sqrt(np.sum((y - ratio * predicted) ** 2)) / y.sum())


def read_origins(
    y: Array, predicted: Array, origin: Any, tells_level: Any, level_error: Any
) -> Origins:
    """Compare totals by origin."""
    level, ratios, errors = np.ones(len(y)), [], []
    if origin is None:
        return Origins(level, np.empty(0), np.empty(0), False)
    code, names = pd.factorize(np.asarray(origin))
    tells = np.ones(len(y), bool) if tells_level is None else np.asarray(tells_level, bool)
    extra = np.zeros(len(y)) if level_error is None else np.asarray(level_error, np.float64)
    for number in range(len(names)):
        rows = np.flatnonzero(code == number)
        if not (y[rows].sum() > 0.0 and predicted[rows].sum() > 0.0):
            continue
        ratio, error = total_ratio(y[rows], predicted[rows])
        level[rows] = np.exp(shrunk_log_ratio(np.log(ratio), error))
        if tells[rows].all():
            ratios.append(np.log(ratio))
            errors.append(np.hypot(error, extra[rows[0]]))
    return Origins(level, np.array(ratios), np.array(errors), True)
