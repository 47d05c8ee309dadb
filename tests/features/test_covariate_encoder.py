"""CovariateEncoder: any column becomes a float column."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from clvkit.errors import ArgumentError
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
    "decimals": (pd.Series([Decimal("2.5"), None, Decimal("1")], dtype=object), [2.5, NAN, 1]),
    "objects that are numbers": (pd.Series([2, None, 0.5], dtype=object), [2, NAN, 0.5]),
    "objects that are dates": (
        pd.Series([datetime.date(1970, 1, 3), None, datetime.date(1970, 1, 1)], dtype=object),
        [2, NAN, 0],
    ),
    "durations": (pd.Series([pd.Timedelta("36h"), None, pd.Timedelta(0)]), [1.5, NAN, 0]),
    "objects that are durations": (
        pd.Series([datetime.timedelta(hours=36), None, datetime.timedelta(0)], dtype=object),
        [1.5, NAN, 0],
    ),
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


@pytest.mark.parametrize(
    "later",
    [
        pd.Series([1.0, 2.0], dtype="category"),
        pd.Series([1, 2], dtype=object).astype("category"),
        pd.Series(["1", "2"]),
        pd.Series([1.0, 2.0]),
        pd.Series([1, 2], dtype="Int64"),
    ],
    ids=["floats", "objects", "text", "plain floats", "plain integers"],
)
def test_numeric_categories_have_one_code_whatever_their_type(later):
    encoder = CovariateEncoder().fit(pd.DataFrame({"tier": pd.Categorical([1, 2, 3])}))
    assert encoder.categories_ == {"tier": ["1", "2", "3"]}
    assert_array_equal(encoder.transform(later.to_frame("tier"))[:, 0], [0, 1])


def test_covariates_of_one_name_are_refused():
    X = pd.DataFrame([[1, 2, 3]], columns=["age", "age", "tier"])
    with pytest.raises(ArgumentError, match=r"several columns of the same name: \['age'\]. Rename"):
        CovariateEncoder().fit(X)


def test_histories_are_no_covariates(cdnow_histories):
    X = cdnow_histories.assign(age=31)
    encoder = CovariateEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["age"]
    assert_array_equal(encoder.transform(X), np.full((len(X), 1), 31.0))


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
