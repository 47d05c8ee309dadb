import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvkit.errors import DataWarning, DateError, LogError, MissingColumnError
from clvkit.history import latest_histories, make_samples

LOG = pd.DataFrame(
    {
        "customer_id": [1, 1, 2, 2, 3],
        "date": pd.to_datetime(
            ["2023-01-05", "2023-03-01", "2023-01-20", "2023-05-01", "2023-02-10"]
        ),
        "amount": [10.0, 20.0, 7.0, 8.0, 9.0],
    }
)
STATIC = pd.DataFrame(
    {
        "customer_id": [3, 1, 99],
        "age": [33, 11, 99],
        "country": pd.Categorical(["UK", "FR", "DE"]),
        "since": pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"]),
    }
)
TIERS = pd.DataFrame(
    {
        "customer_id": [1, 1, 1, 2],
        "valid_from": pd.to_datetime(["2023-04-01", "2022-01-01", "2023-02-01", "2023-03-15"]),
        "tier": ["gold", "none", "silver", "silver"],
    }
)


def test_static(tmp_path):
    X = latest_histories(LOG, covariates=STATIC)
    assert list(X.columns) == ["history", "age", "country", "since"]
    assert X.index.get_level_values("customer_id").tolist() == [1, 2, 3]
    np.testing.assert_array_equal(X["age"], [11, np.nan, 33])
    assert X["country"].tolist()[0::2] == ["FR", "UK"]
    assert isinstance(X["country"].dtype, pd.CategoricalDtype)
    assert X["since"].iloc[0] == pd.Timestamp("2021-01-01")
    STATIC.to_parquet(tmp_path / "covariates.parquet")
    for other in (pl.from_pandas(STATIC), tmp_path / "covariates.parquet"):
        again = latest_histories(LOG, covariates=other)
        assert again["country"].tolist()[0::2] == ["FR", "UK"]
        np.testing.assert_array_equal(again["age"], X["age"])


@pytest.mark.parametrize(
    ("cutoff", "tiers"),
    [
        ("2023-01-31", ["none", None]),
        ("2023-02-01", ["silver", None]),
        ("2023-03-14", ["silver", None, None]),
        ("2023-03-15", ["silver", "silver", None]),
        ("2023-05-01", ["gold", "silver", None]),
    ],
)
def test_what_was_valid_at_the_cutoff(cutoff, tiers):
    X = latest_histories(LOG, cutoff, covariates=TIERS)
    assert list(X.columns) == ["history", "tier"]
    assert X["tier"].astype(object).where(X["tier"].notna(), None).tolist() == tiers


def test_every_sample_gets_what_was_valid_at_its_own_cutoff():
    cutoffs = ["2023-04-01", "2023-01-25"]
    X, _ = make_samples(LOG, "30D", cutoffs, covariates=TIERS, target="active")
    tiers = {key: tier for key, tier in X["tier"].items() if pd.notna(tier)}
    early, late = pd.Timestamp("2023-01-25"), pd.Timestamp("2023-04-01")
    assert tiers == {(1, early): "none", (1, late): "gold", (2, late): "silver"}


def test_changes_after_the_cutoff_change_nothing():
    later = TIERS.assign(tier="platinum", valid_from=pd.Timestamp("2023-04-02"))
    later = later.drop_duplicates("customer_id")
    both = pd.concat([TIERS, later])
    X = latest_histories(LOG, "2023-04-01", covariates=both)
    pd.testing.assert_frame_equal(X, latest_histories(LOG, "2023-04-01", covariates=TIERS))


def test_numbers_match_text_and_floats():
    text = LOG.assign(customer_id=LOG["customer_id"].astype(str))
    np.testing.assert_array_equal(
        latest_histories(text, covariates=STATIC)["age"], [11, np.nan, 33]
    )
    floats = pd.concat([STATIC.astype({"customer_id": float}), pd.DataFrame({"age": [0]})])
    with pytest.warns(DataWarning, match="1 of 4 rows of the covariates table have no customer"):
        X = latest_histories(LOG, covariates=floats)
    np.testing.assert_array_equal(X["age"], [11, np.nan, 33])


def test_other_names():
    log = LOG.rename(columns={"customer_id": "who"})
    table = STATIC.rename(columns={"customer_id": "who"})
    X = latest_histories(log, customer_id="who", covariates=table)
    np.testing.assert_array_equal(X["age"], [11, np.nan, 33])


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (
            STATIC.rename(columns={"customer_id": "id"}),
            MissingColumnError,
            r"the covariates table has no column 'customer_id'",
        ),
        (
            pd.concat([STATIC, STATIC.head(2)]),
            LogError,
            r"the covariates table has several rows for 2 customers, such as [13]. Keep one row a "
            r"customer, or add a column valid_from",
        ),
        (
            pd.concat([TIERS, TIERS.head(1)]),
            LogError,
            r"several rows for 1 customers, such as 1. Keep one row a customer and valid_from",
        ),
        (
            STATIC.assign(history=1, cutoff=2),
            LogError,
            r"columns of reserved names: \['history', 'cutoff'\]. Rename them",
        ),
        (
            TIERS.assign(valid_from="soon"),
            DateError,
            r"column 'valid_from' cannot be read as dates in 4 of 4 rows",
        ),
        (
            TIERS.assign(valid_from=TIERS["valid_from"].where(TIERS["tier"] != "gold")),
            DateError,
            r"column 'valid_from' has no date in 1 of 4 rows, such as one of customer 1",
        ),
        (
            STATIC.assign(customer_id=["a", "b", "c"]),
            LogError,
            r"customers of the covariates table are String, such as 'a', those of the log Int64",
        ),
        (
            STATIC.assign(customer_id=[1.5, 2.5, 3.5]),
            LogError,
            r"customers of the covariates table are Float64, such as 1.5, those of the log Int64",
        ),
        ([1], TypeError, r"the covariates table must be a pandas, Polars"),
    ],
    ids=["key", "twice", "dated twice", "names", "dates", "no date", "text", "float", "list"],
)
def test_bad_tables(table, error, message):
    with pytest.raises(error, match=message):
        latest_histories(LOG, covariates=table)


SMALL = pd.DataFrame({"customer_id": [1, 2], "date": ["2023-01-01", "2023-02-01"], "amount": 1.0})


@pytest.mark.parametrize("name", ["row", "customers", "valid_from_right", "row_"])
def test_a_covariate_may_have_any_name(name):
    table = pd.DataFrame({"customer_id": [1, 2], "valid_from": "2022-01-01", name: [7, 8]})
    X = latest_histories(SMALL, covariates=table)
    assert X[name].tolist() == [7, 8]
    assert list(X.columns) == ["history", name]


@pytest.mark.parametrize("dated", [False, True])
def test_a_table_without_rows_has_no_value_for_anybody(dated):
    table = pd.DataFrame({"customer_id": ["a"], "valid_from": ["2022-01-01"], "tier": ["gold"]})
    table = table.iloc[:0] if dated else table.iloc[:0].drop(columns="valid_from")
    assert latest_histories(SMALL, covariates=table)["tier"].isna().all()


def test_rows_of_covariates_without_a_customer_are_counted():
    table = pd.DataFrame({"customer_id": [1, None], "tier": ["gold", "blue"]})
    message = r"1 of 2 rows of the covariates table have no customer.*covariates.dropna"
    with pytest.warns(DataWarning, match=message):
        X = latest_histories(SMALL, covariates=table)
    assert X["tier"].isna().tolist() == [False, True]


def test_customers_of_another_type_name_the_call():
    table = pd.DataFrame({"customer_id": ["1", "2"], "tier": ["gold", "blue"]})
    with pytest.raises(LogError, match=r"covariates.astype\(\{'customer_id': int\}\)"):
        latest_histories(SMALL, covariates=table)
