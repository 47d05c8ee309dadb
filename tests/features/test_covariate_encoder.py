"""CovariateEncoder: any column becomes a float column."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from clvkit.features import CovariateEncoder

NAN = np.nan

# fitted on -> encoded as
COLUMNS = {
    "integers": (pd.Series([3, 1, 2]), [3, 1, 2]),
    "nullable integers": (pd.Series([3, None, 2], dtype="Int64"), [3, NAN, 2]),
    "floats": (pd.Series([0.5, NAN, np.inf]), [0.5, NAN, np.inf]),
    "arrow floats": (pd.Series([0.5, None, 1.0], dtype="double[pyarrow]"), [0.5, NAN, 1]),
    "booleans": (pd.Series([True, False, True]), [1, 0, 1]),
    "nullable booleans": (pd.Series([True, None, False], dtype="boolean"), [1, NAN, 0]),
    "dates": (pd.to_datetime(pd.Series(["1970-01-03", None, "1970-01-01"])), [2, NAN, 0]),
    "dates with a zone": (
        pd.to_datetime(pd.Series(["1970-01-03 12:00", None, "1970-01-01 00:00"])).dt.tz_localize(
            "CET"
        ),
        [2.5, NAN, 0],
    ),
    "text": (pd.Series(["NL", "DE", None]), [1, 0, NAN]),
    "objects": (pd.Series(["b", None, "a"], dtype=object), [1, NAN, 0]),
    "mixed objects": (pd.Series([True, "a", 2], dtype=object), [1, 2, 0]),
    "categories": (pd.Series(["b", None, "a"], dtype="category"), [1, NAN, 0]),
    "categories of numbers": (pd.Series([10, None, 9], dtype="category"), [0, NAN, 1]),
    "nothing known": (pd.Series([None, None, None], dtype=object), [NAN] * 3),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_any_kind(kind):
    column, expected = COLUMNS[kind]
    X = column.to_frame("x")
    encoded = CovariateEncoder().fit_transform(X)
    assert encoded.dtype == np.float64
    assert_array_equal(encoded[:, 0], expected)


def test_values_unknown_to_fit_are_missing():
    encoder = CovariateEncoder().fit(pd.DataFrame({"country": ["NL", "DE"]}))
    X = pd.DataFrame({"country": ["FR", "NL", None]})
    assert_array_equal(encoder.transform(X)[:, 0], [NAN, 1, NAN])


def test_codes_do_not_depend_on_the_rows_or_dtypes_of_a_later_frame():
    encoder = CovariateEncoder().fit(pd.DataFrame({"country": ["NL", "DE", "FR"]}))
    later = pd.DataFrame({"country": pd.Categorical(["NL", "NL"], categories=["NL", "ZZ"])})
    assert_array_equal(encoder.transform(later)[:, 0], [2, 2])


def test_numbers_that_come_as_text_later_are_read():
    encoder = CovariateEncoder().fit(pd.DataFrame({"age": [31, 47]}))
    assert_array_equal(encoder.transform(pd.DataFrame({"age": ["50", "old"]}))[:, 0], [50, NAN])


def test_columns_are_checked_by_name():
    encoder = CovariateEncoder().fit(pd.DataFrame({"age": [31], "country": ["NL"]}))
    with pytest.raises(ValueError, match="feature names should match"):
        encoder.transform(pd.DataFrame({"country": ["NL"], "age": [31]}))


def test_only_frames():
    with pytest.raises(TypeError, match="X must be a pandas DataFrame, got ndarray"):
        CovariateEncoder().fit(np.zeros((2, 2)))
