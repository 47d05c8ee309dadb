"""An arbitrary but total order of histories, which sorting and grouping ask for."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pandas as pd
from numpy.typing import NDArray

__all__ = ["ArbitraryOrder"]


class ArbitraryOrder:
    """Compare arrays element by element in the order of :class:`clvkit.history.History`."""

    def to_numpy(self) -> NDArray:
        """Return the histories as objects."""
        raise NotImplementedError

    def __lt__(self, other: Any) -> Any:
        return self._compare(other, operator.lt)

    def __le__(self, other: Any) -> Any:
        return self._compare(other, operator.le)

    def __gt__(self, other: Any) -> Any:
        return self._compare(other, operator.gt)

    def __ge__(self, other: Any) -> Any:
        return self._compare(other, operator.ge)

    def _compare(self, other: Any, compare: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, (pd.Series, pd.Index, pd.DataFrame)):
            return NotImplemented
        return compare(self.to_numpy(), getattr(other, "to_numpy", lambda: other)())
