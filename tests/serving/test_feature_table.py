"""Whatever a transformer returns: names, typical values, mixtures of two rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from clvkit.serving._feature_table import FeatureTable, holds_histories, mixtures, typical_row


class Named:
    def __init__(self, *names):
        self.names = names

    def get_feature_names_out(self):
        return np.array(self.names, dtype=object)


VALUES = np.array([[1.0, 0.0], [3.0, np.nan]])
FRAME = pd.DataFrame(VALUES, columns=["a", "b"])


@pytest.mark.parametrize(
    ("output", "is_array"),
    [
        (VALUES, True),
        (sparse.csr_matrix(VALUES), True),
        (FRAME, False),
        (pl.from_pandas(FRAME), False),
    ],
    ids=["array", "sparse", "pandas", "polars"],
)
def test_every_output_is_a_frame_with_names(output, is_array):
    table = FeatureTable(output, Named("a", "b"))
    np.testing.assert_array_equal(table.frame.to_numpy(float), VALUES)
    assert list(table.frame.columns) == ["a", "b"]
    assert table.is_array == is_array
    assert isinstance(table.like_output(table.frame), np.ndarray if is_array else pd.DataFrame)


@pytest.mark.parametrize("transformer", [Named("a"), object()], ids=["too few", "none"])
def test_without_names_columns_are_numbered(transformer):
    assert list(FeatureTable(VALUES, transformer).frame.columns) == ["x0", "x1"]


@pytest.fixture
def mixed():
    return pd.DataFrame(
        {
            "n": [1, 2, 9],
            "x": [np.nan, 0.5, 1.5],
            "never": np.full(3, np.nan),
            "country": pd.Categorical(["se", "no", "se"], categories=["no", "se", "dk"]),
            "text": ["u", "v", "v"],
            "new": [True, True, False],
        }
    )


def test_what_is_typical(mixed):
    typical = typical_row(mixed)
    assert np.isnan(typical.pop("never"))
    expected = {"n": 2.0, "x": 1.0, "country": "se", "text": "v", "new": True}
    assert typical == expected
    assert {type(value) for value in typical.values()} == {float, str, bool}


def test_mixtures_take_from_either_row_and_keep_the_kind(mixed):
    row, typical = mixed.iloc[[1]], typical_row(mixed)
    mask = np.array([[True] * 6, [False] * 6, [True, False, True, False, True, False]])
    mixture = mixtures(row, typical, mask)
    assert mixture["n"].tolist() == [2.0, 2.0, 2.0]
    assert mixture["x"].tolist() == [0.5, 1.0, 1.0]
    assert mixture["country"].tolist() == ["no", "se", "se"]
    assert mixture["text"].tolist() == ["v", "v", "v"]
    assert mixture["new"].tolist() == [True, True, True]
    assert mixture["country"].dtype == mixed["country"].dtype
    assert mixture["new"].dtype == bool


def test_histories_are_no_features(X):
    assert holds_histories(X)
    assert not holds_histories(FRAME)
    assert not holds_histories(VALUES)
