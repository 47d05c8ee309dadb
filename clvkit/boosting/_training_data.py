"""What a booster is trained on, and what it minimises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Objective", "TrainingData"]

FloatArray = NDArray[np.float64]


class TrainingData(NamedTuple):
    """Checked rows of positive weight: float features, target, weights, held out or not.

    ``start`` is the raw output that each row starts from, where rows differ in it.
    """

    X: FloatArray
    y: FloatArray
    weight: FloatArray
    held_out: NDArray[np.bool_]
    start: FloatArray | None = None

    def take(self, rows: NDArray[np.bool_]) -> TrainingData:
        """Return some of the rows."""
        start = None if self.start is None else self.start[rows]
        return TrainingData(
            self.X[rows], self.y[rows], self.weight[rows], self.held_out[rows], start
        )

    def mean(self, values: FloatArray) -> float:
        """Return the weighted mean of ``values``, one for each row."""
        return float(np.average(values, weights=self.weight))


class Objective(NamedTuple):
    """What is minimised.

    ``params`` name an objective of LightGBM. One of our own has ``gradients`` instead, which
    makes a callable for LightGBM from rows, ``loss``, which makes the metric of early stopping
    from rows, and ``start``, the raw outputs that boosting starts from.
    """

    params: dict[str, Any]
    gradients: Callable[[TrainingData], Callable] | None = None
    loss: Callable[[TrainingData], Callable] | None = None
    start: FloatArray | None = None
