"""The door on a real log of a million lines: returns, missing customers, times of day."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvkit.errors import DataWarning
from clvkit.history import get_histories, latest_histories, make_samples, rfm_summary


@pytest.fixture(scope="module")
def path(shared_data):
    return shared_data / "online_retail_II.parquet"


@pytest.fixture(scope="module")
def log(path):
    return pd.read_parquet(path)


@pytest.fixture(scope="module")
def X(log):
    with pytest.warns(DataWarning) as caught:
        X = latest_histories(log, attributes=["country"])
    assert len(caught) == 1
    missing = log["customer_id"].isna()
    assert str(caught[0].message).startswith(
        f"{missing.sum()} of {len(log)} rows have no customer in column 'customer_id' (the first "
        f"one is row {np.flatnonzero(missing)[0]}) and were left out."
    )
    assert missing.mean() == pytest.approx(0.22, abs=0.01)
    return X


def test_every_line_with_a_customer_is_in_the_histories(log, X):
    known = log.dropna(subset=["customer_id"])
    assert len(get_histories(X).store) == len(known)
    assert X.index.get_level_values("customer_id").tolist() == sorted(
        known["customer_id"].astype(int).unique()
    )
    amounts = known.groupby("customer_id")["amount"].sum()
    array = get_histories(X)
    net = array.net_amount(array._begin, array._end)
    np.testing.assert_allclose(net, amounts, atol=1e-6)


@pytest.mark.parametrize("kind", ["polars", "lazy", "path"])
def test_other_kinds_give_the_same_frame(path, X, kind):
    kinds = {"polars": pl.read_parquet, "lazy": pl.scan_parquet, "path": lambda path: path}
    with pytest.warns(DataWarning, match="rows have no customer in column 'customer_id'"):
        other = latest_histories(kinds[kind](path), attributes=["country"])
    pd.testing.assert_frame_equal(other, X)


def test_days_of_purchase(log, X):
    days = log.dropna(subset=["customer_id"]).assign(day=log["date"].dt.floor("D"))
    days = days.groupby(["customer_id", "day"])["amount"].agg(["sum", "min"]).round(6)
    bought = (days["sum"] > 0) | ((days["sum"] == 0) & (days["min"] >= 0))
    counts = bought.groupby(level="customer_id").sum()
    frequency = np.maximum(counts - 1, 0)
    np.testing.assert_array_equal(rfm_summary(X)["frequency"], frequency)


def test_spend_after_a_cutoff(log):
    known = log.dropna(subset=["customer_id"])
    X, y = make_samples(known, "183D", "2011-06-09", floor=None)
    after = known[known["date"] >= "2011-06-10"].groupby("customer_id")["amount"].sum()
    seen = X.index.get_level_values("customer_id")
    np.testing.assert_allclose(y, after.reindex(seen, fill_value=0.0), atol=1e-6)
    assert seen.tolist() == sorted(
        known.loc[known["date"] < "2011-06-10", "customer_id"].astype(int).unique()
    )
