import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvkit.errors import LogError, MissingColumnError
from clvkit.serving._requests import covariates_of_request, with_inferred_types


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, pd.NA], "Int64"),
        ([1.5, pd.NA], "Float64"),
        (["a", None], "string"),
        ([pd.Timestamp(0), None], "datetime64"),
        ([True, pd.NA], "boolean"),
    ],
    ids=["whole", "float", "text", "date", "flag"],
)
def test_a_column_of_objects_gets_its_type_back(values, kind):
    given = pd.DataFrame({"a": pd.Series(values, dtype=object), "b": 1.5})
    got = with_inferred_types(given)
    assert str(got["a"].dtype).startswith(kind)
    assert got["b"].dtype == np.float64
    assert got["a"].isna().tolist() == given["a"].isna().tolist()
    assert given["a"].dtype == object


def test_other_kinds_of_tables_pass():
    frame = pl.DataFrame({"a": [1]})
    assert with_inferred_types(frame) is frame


@pytest.fixture
def request_():
    return pd.DataFrame(
        {"who": [1, 1, 2, None], "age": [30.0, 30.0, np.nan, 7.0], "tier": ["a", "a", "b", "c"]}
    )


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_each_customer_has_one_row_of_covariates(make, request_):
    got = covariates_of_request(make(request_), "who", ["age", "tier"])
    rows = pl.DataFrame(got).rows()
    assert [row[0] for row in rows] == [1, 2]
    assert [row[2] for row in rows] == ["a", "b"]


def test_rows_of_a_customer_must_agree(request_):
    with pytest.raises(LogError, match=r"'age', 'tier' differ between the rows of customer 1"):
        covariates_of_request(request_.assign(age=[1, 2, 3, 4]), "who", ["age", "tier"])


def test_missing_columns_are_named(request_):
    with pytest.raises(MissingColumnError, match="no column 'since'"):
        covariates_of_request(request_, "who", ["age", "since"])
