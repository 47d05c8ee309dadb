"""What is computed of each customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clvkit.calibration._coverage import check_coverage
from clvkit.errors import NoComponentsError
from clvkit.serving import CLVModel
from clvkit.serving._bounds import value_table
from clvkit.serving._components import predict_components
from clvkit.spark._partitions import as_columns, with_keys

__all__ = ["Scoring", "check_quantiles"]

_VALUES = ("clv", "lower", "upper", "expected_purchases", "probability_alive")
_MORE = ("probability_active", "expected_spend")


def check_quantiles(model: Any, quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return the levels, if they are levels and the model has quantiles.

    Raises
    ------
    ArgumentError, NoComponentsError
    """
    levels = tuple(check_coverage(level) for level in quantiles)
    if levels and isinstance(model, CLVModel):
        model._learnt("quantiles")
    elif levels and not hasattr(model, "predict_quantiles"):
        raise NoComponentsError(
            f"{type(model).__name__} has no predict_quantiles, so there are no quantiles. Take a "
            "BTYDRegressor, or a CLVModel with an interval."
        )
    return levels


@dataclass(frozen=True)
class Scoring:
    """Values a fitted model gives to histories of one cutoff.

    Parameters
    ----------
    model : CLVModel or regressor
    coverage : float
    components : bool
    quantiles : tuple of float
    """

    model: Any
    coverage: float
    components: bool
    quantiles: tuple[float, ...]

    @property
    def names(self) -> list[str]:
        """Columns of the result behind the keys."""
        segment = ("segment",) if isinstance(self.model, CLVModel) else ()
        more = _MORE if self.components else ()
        return [*_VALUES, *segment, *more, *(f"q{level:g}" for level in self.quantiles)]

    def __call__(self, X: pd.DataFrame) -> list[Any]:
        """Return the columns of the result."""
        table = self._values(X)
        if self.components:
            found = self._components(X)
            table = table.assign(**{name: found[name].to_numpy() for name in _MORE})
        columns = [table[name].to_numpy() for name in table.columns]
        if self.quantiles:
            columns += as_columns(self.model.predict_quantiles(X, list(self.quantiles)))
        return with_keys(X, columns)

    def _values(self, X: pd.DataFrame) -> pd.DataFrame:
        if isinstance(self.model, CLVModel):
            return self.model._value(X, self.coverage)
        clv = np.asarray(self.model.predict(X), dtype=np.float64)
        if hasattr(self.model, "predict_interval"):
            ends = self.model.predict_interval(X, self.coverage)
        else:
            ends = pd.DataFrame(np.nan, index=X.index, columns=["lower", "upper"])
        nobody = np.zeros(len(X), dtype=np.int64)
        table = value_table(X, clv, ends, self._components(X), nobody)
        return table.drop(columns="segment")

    def _components(self, X: pd.DataFrame) -> pd.DataFrame:
        if isinstance(self.model, CLVModel):
            return self.model.predict_components(X)
        return predict_components(self.model, X)
