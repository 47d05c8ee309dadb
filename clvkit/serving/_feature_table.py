"""Features of a few rows as a frame, what is typical of them, and mixtures of two rows."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from clvkit.history import HistoryDtype

__all__ = ["FeatureTable", "holds_histories", "mixtures", "typical_row"]


def holds_histories(X: Any) -> bool:
    """Whether a table has a history column."""
    return isinstance(X, pd.DataFrame) and any(isinstance(d, HistoryDtype) for d in X.dtypes)


class FeatureTable:
    """What a transformer returned, as a pandas frame with names.

    Parameters
    ----------
    output : frame, array or sparse matrix of shape (n_rows, n_features)
    transformer : transformer
        Asked for names where the output has none.

    Attributes
    ----------
    frame : DataFrame of shape (n_rows, n_features)
    is_array : bool
        Whether the output was no frame, and what follows the transformer wants none.
    """

    def __init__(self, output: Any, transformer: Any) -> None:
        native = nw.from_native(output, eager_only=True, pass_through=True)
        self.is_array = not isinstance(native, nw.DataFrame)
        if self.is_array:
            values = output.toarray() if sparse.issparse(output) else np.asarray(output)
            self.frame = pd.DataFrame(values, columns=_names(transformer, values.shape[1]))
        else:
            self.frame = native.to_pandas()

    def like_output(self, frame: pd.DataFrame) -> Any:
        """Return a frame in the kind of table that the transformer returned."""
        return frame.to_numpy() if self.is_array else frame


def typical_row(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the median of each number, and what is most frequent of anything else."""
    return {str(name): _typical(frame.iloc[:, i]) for i, name in enumerate(frame.columns)}


def mixtures(row: pd.DataFrame, typical: dict[str, Any], mask: NDArray[np.bool_]) -> pd.DataFrame:
    """Return rows with the values of ``row`` where the mask is set, and typical ones elsewhere."""
    columns = {}
    for i, name in enumerate(row.columns):
        own = row.iloc[:, i]
        if _is_number(own):
            own = own.astype(np.float64)
        usual = pd.Series([typical[str(name)]]).astype(own.dtype)
        columns[i] = pd.concat([usual, own], ignore_index=True).take(mask[:, i].astype(int)).array
    return pd.DataFrame(columns).set_axis(row.columns, axis=1)


def _is_number(column: pd.Series) -> bool:
    dtype = column.dtype
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)


def _typical(column: pd.Series) -> Any:
    if _is_number(column):
        return float(column.astype(np.float64).median())
    counts = column.value_counts()
    value = counts.index[0] if len(counts) else None
    return value.item() if isinstance(value, np.generic) else value


def _names(transformer: Any, n_features: int) -> list[str]:
    try:
        names = [str(name) for name in transformer.get_feature_names_out()]
    except Exception:  # transformers of users may know none, and say so in any way
        names = []
    return names if len(names) == n_features else [f"x{i}" for i in range(n_features)]
