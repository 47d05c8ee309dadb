import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from clvkit.boosting import TweedieLGBMRegressor

TEXT = ["x", "y", "z"]
DAYS = [datetime.date(2020, 1, day) for day in (1, 2, 3)]
MOMENTS = pd.to_datetime(DAYS)
AS_PANDAS = r"Make them categorical, X.astype\(\{'c': 'category'\}\)"
TO_PANDAS = r"Make them categorical, X.to_pandas\(\).astype\(\{'c': 'category'\}\)"
NUMBERS = "Turn them into numbers, such as days before the cutoff"
LEAVE_OUT = "Leave them out, or encode"

REFUSED = {
    "pandas text": (pd.DataFrame({"c": TEXT}), "text", AS_PANDAS),
    "pandas objects of text": (pd.DataFrame({"c": TEXT}, dtype=object), "text", AS_PANDAS),
    "pandas moments": (pd.DataFrame({"c": MOMENTS}), "dates", NUMBERS),
    "pandas zone": (pd.DataFrame({"c": MOMENTS.tz_localize("UTC")}), "dates", NUMBERS),
    "pandas durations": (pd.DataFrame({"c": MOMENTS - MOMENTS[0]}), "dates", NUMBERS),
    "pandas periods": (pd.DataFrame({"c": MOMENTS.to_period("D")}), "dates", NUMBERS),
    "pandas objects of dates": (pd.DataFrame({"c": DAYS}), "values that are no numb", LEAVE_OUT),
    "pandas mixed": (pd.DataFrame({"c": [1, "x", None]}), "values that are no numb", LEAVE_OUT),
    "polars text": (pl.DataFrame({"c": TEXT}), "text", TO_PANDAS),
    "polars categories": (
        pl.DataFrame({"c": pl.Series(TEXT, dtype=pl.Categorical)}),
        "categories",
        TO_PANDAS,
    ),
    "polars enum": (
        pl.DataFrame({"c": pl.Series(TEXT, dtype=pl.Enum(TEXT))}),
        "categories",
        TO_PANDAS,
    ),
    "polars dates": (pl.DataFrame({"c": DAYS}), "dates", NUMBERS),
    "polars moments": (pl.DataFrame({"c": MOMENTS.as_unit("us").to_numpy()}), "dates", NUMBERS),
    "polars lists": (pl.DataFrame({"c": [[1], [2], [3]]}), "values of type List", LEAVE_OUT),
    "arrow text": (pa.table({"c": TEXT}), "text", TO_PANDAS),
}


def with_numbers(table):
    """Put a numeric column before, so that it is the other one that must be named."""
    if isinstance(table, pd.DataFrame):
        return pd.concat([pd.DataFrame({"a": [1.0, 2.0, 3.0]}), table], axis=1)
    if isinstance(table, pl.DataFrame):
        return table.select(pl.Series("a", [1.0, 2.0, 3.0]), "c")
    return pa.table({"a": [1.0, 2.0, 3.0], "c": table["c"]})


@pytest.mark.parametrize(("table", "kind", "remedy"), REFUSED.values(), ids=REFUSED)
def test_columns_that_are_no_numbers_are_named_with_a_remedy(table, kind, remedy):
    with pytest.raises(ValueError, match=rf"1 columns hold {kind}.*, such as 'c' with .*{remedy}"):
        TweedieLGBMRegressor().fit(with_numbers(table), [0, 1, 2])


@pytest.mark.parametrize("table", [pl.DataFrame({"c": TEXT}), pd.DataFrame({"c": MOMENTS})])
def test_prediction_refuses_them_too(table):
    numbers = with_numbers(type(table)({"c": [1.0, 2.0, 3.0]}))
    model = TweedieLGBMRegressor().fit(numbers, [0, 1, 2])
    with pytest.raises(ValueError, match="1 columns hold"):
        model.predict(with_numbers(table))


def test_an_array_of_dates_is_refused():
    with pytest.raises(ValueError, match=r"array of datetime64\[D\].*days before the cutoff"):
        TweedieLGBMRegressor().fit(np.array(DAYS, dtype="M8[D]")[:, None], [0, 1, 2])


def test_the_remedy_for_polars_works():
    X = with_numbers(pl.DataFrame({"c": TEXT})).to_pandas().astype({"c": "category"})
    assert TweedieLGBMRegressor().fit(X, [0, 1, 2]).categories_ == {"c": TEXT}


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame(
            {
                "n": [1, 2, None],
                "flag": [True, None, False],
                "price": pl.Series([1, 2, 3], dtype=pl.Decimal(10, 2)),
                "nothing": [None, None, None],
            }
        ),
        pd.DataFrame(
            {
                "n": pd.array([1, 2, None], dtype="Int64"),
                "flag": [True, False, True],
                "objects": np.array([1, None, 2.5], dtype=object),
                "price": np.array([0.5, 0.0, 1.0], dtype=np.float32),
            }
        ),
    ],
    ids=["polars", "pandas"],
)
def test_numbers_of_any_dtype_are_welcome(table):
    assert TweedieLGBMRegressor().fit(table, [0, 1, 2]).n_features_in_ == 4
