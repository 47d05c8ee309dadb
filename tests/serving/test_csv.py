"""CSV requests: what was text in training is read as text."""

import json

import pandas as pd
import pytest
import requests

from clvkit.baselines import HistoricalRate
from clvkit.history import latest_histories
from clvkit.serving import CLVModel
from clvkit.serving._csv import read_csv_request, text_columns


def lines_of(*customers):
    """A log of a few customers, each with days, amounts and a shop of his own."""
    rows = [
        {
            "customer_id": who,
            "date": f"2024-0{month}-03",
            "amount": 10.0 * k + month,
            "shop": f"0{k}",
        }
        for k, who in enumerate(customers, 1)
        for month in range(1, 5)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def model():
    X = latest_histories(lines_of("a1", "a2", "003"), attributes=["shop"])
    return CLVModel(HistoricalRate(), horizon="4W", attributes=["shop"]).fit(X)


@pytest.fixture(scope="module")
def ask(model, serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("csv") / "model"
    model.save(folder)

    def post(body, kind="text/csv"):
        return requests.post(url, data=body, headers={"Content-Type": kind}, timeout=60)

    with serving(folder) as (url, _):
        yield post


@pytest.mark.parametrize("kind", ["text/csv", "text/csv; charset=utf-8"])
def test_customers_that_differ_in_zeros_are_as_many_as_in_json(ask, kind):
    lines = lines_of("001", "1", "NA", "1e3")
    split = json.dumps({"dataframe_split": lines.to_dict("split", index=False)})
    want = ask(split, "application/json").json()["predictions"]
    assert sorted(row["customer_id"] for row in want) == ["001", "1", "1e3", "NA"]
    assert ask(lines.to_csv(index=False), kind).json()["predictions"] == want


def test_the_text_columns_are_those_of_training(model, btyd):
    assert text_columns(model) == ["customer_id", "shop"]
    assert text_columns(btyd) == []


def test_text_is_as_written_and_the_rest_as_pandas_finds_it():
    got = read_csv_request("who,shop,amount\n001,NA,1.5\n,01,NA\n\n1,,2\n", {"who", "shop"})
    assert got["who"].fillna("-").tolist() == ["001", "-", "1"]
    assert got["shop"].fillna("-").tolist() == ["NA", "01", "-"]
    assert got["amount"].fillna(-1.0).tolist() == [1.5, -1.0, 2.0]


def test_rows_longer_than_the_header_are_refused(ask):
    response = ask("customer_id,date,amount\n1,2024-01-03,2.0,9\n")
    assert response.status_code == 400
    assert "more fields than the header" in response.json()["message"]
