"""Logs are read from files, the package and simulators, and come out alike."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.logs import COLUMNS, _cleaned, data_folder, load_log, logs_in

LOG = pd.DataFrame(
    {
        "customer_id": pd.array([7, None, 8], dtype="Int64"),
        "date": pd.to_datetime(["2024-01-01 10:30", "2024-01-02 00:00", "2024-01-03 00:00"]),
        "amount": [10, 20, -5],
        "channel": ["web", "web", "shop"],
    }
)


@pytest.fixture
def folder(tmp_path):
    LOG.to_parquet(tmp_path / "shop.parquet")
    LOG.to_csv(tmp_path / "till.csv.gz", index=False)
    LOG.rename(columns={"customer_id": "client", "amount": "value"}).to_csv(
        tmp_path / "renamed.csv", index=False
    )
    (tmp_path / "notes.txt").write_text("no log")
    return tmp_path


@pytest.mark.parametrize("name", ["shop", "till", "till.csv.gz"])
def test_rows_without_a_customer_are_dropped_and_columns_kept(name, folder):
    log = load_log(name, folder)
    assert log["customer_id"].tolist() == [7, 8]
    assert log["amount"].tolist() == [10.0, -5.0]
    assert log["amount"].dtype == "float64"
    assert log["date"].tolist() == [pd.Timestamp("2024-01-01 10:30"), pd.Timestamp("2024-01-03")]
    assert log["channel"].tolist() == ["web", "shop"]


def test_a_file_can_be_named_by_its_path(folder):
    assert len(load_log(str(folder / "shop.parquet"), None)) == 2


def test_columns_can_have_other_names(folder):
    names = {"customer_id": "client", "amount": "value"}
    assert load_log("renamed", folder, names)["amount"].tolist() == [10.0, -5.0]
    assert load_log("shop", folder, names)["amount"].tolist() == [10.0, -5.0]
    LOG.assign(client=[1, 2, 3]).to_csv(folder / "both.csv", index=False)
    assert load_log("both", folder, names)["customer_id"].tolist() == [1, 2, 3]
    with pytest.raises(BenchmarkError, match=r"no column 'customer_id'.*--customer-id"):
        load_log("renamed", folder)


def test_ids_of_several_kinds_become_text(tmp_path):
    pd.DataFrame(
        {"customer_id": ["07", "x", "9"], "date": "2024-01-01T00:00:00+01:00", "amount": 1}
    ).to_csv(tmp_path / "mixed.csv", index=False)
    log = load_log("mixed", tmp_path)
    assert log["customer_id"].tolist() == ["07", "x", "9"]
    assert log["date"].tolist() == [pd.Timestamp("2024-01-01")] * 3  # the day of the shop


def test_the_package_and_simulators_have_logs_too():
    assert len(load_log("cdnow_sample", None)) == 6919
    assert set(COLUMNS) <= set(load_log("sim:bg_nbd", None))


def test_a_log_in_the_folder_comes_before_that_of_the_package(tmp_path):
    LOG.to_csv(tmp_path / "cdnow_sample.csv", index=False)
    assert len(load_log("cdnow_sample", tmp_path)) == 2


def test_messages_say_what_is_there(folder):
    assert logs_in(folder) == ["renamed", "shop", "till"]
    assert logs_in(None) == []
    with pytest.raises(BenchmarkError, match=r"no log 'shoop'.*renamed, shop, till"):
        load_log("shoop", folder)
    with pytest.raises(BenchmarkError, match=r"no simulated log 'x'.*pareto_nbd"):
        load_log("sim:x", folder)


def test_days_and_times_may_be_mixed(tmp_path):
    days = ["2024-01-01", "2024-01-02 08:00", "2024-01-03T09:00:01"]
    LOG.assign(date=days).to_csv(tmp_path / "shop.csv", index=False)
    assert load_log("shop", tmp_path)["date"].iloc[-1] == pd.Timestamp("2024-01-03 09:00:01")


@pytest.mark.parametrize("date", ["soon", "31/12/2024", None])
def test_dates_that_are_no_iso_dates_are_refused(date, tmp_path):
    LOG.assign(date=date).to_parquet(tmp_path / "shop.parquet")
    with pytest.raises(BenchmarkError, match=r"'shop' cannot be read.*YYYY-MM-DD"):
        load_log("shop", tmp_path)


def test_amounts_must_be_numbers(tmp_path):
    LOG.assign(amount=["1 EUR", "2", "3"]).to_csv(tmp_path / "shop.csv", index=False)
    with pytest.raises(BenchmarkError, match="'shop' cannot be read"):
        load_log("shop", tmp_path)
    for amount in (None, float("inf")):
        LOG.assign(amount=[1.0, 2.0, amount]).to_csv(tmp_path / "shop.csv", index=False)
        with pytest.raises(BenchmarkError, match="1 rows without a date or a finite amount"):
            load_log("shop", tmp_path)


@pytest.mark.parametrize("name", ["shop.csv", "shop.parquet"])
def test_files_that_are_no_tables_are_refused(name, tmp_path):
    (tmp_path / name).touch()
    with pytest.raises(BenchmarkError, match=f"{name} cannot be read"):
        load_log("shop", tmp_path)


def test_levels_of_a_category_do_not_tell_of_later_rows(tmp_path):
    kinds = LOG.astype({"channel": "category"}).assign(customer_id=pd.Categorical(["x", None, "y"]))
    kinds.to_parquet(tmp_path / "shop.parquet")
    log = load_log("shop", tmp_path)
    assert log["channel"].tolist() == ["web", "shop"]
    assert not [name for name in log if isinstance(log[name].dtype, pd.CategoricalDtype)]


def test_the_folder_is_given_or_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("CLVKIT_DATA", raising=False)
    assert data_folder(None) is None
    monkeypatch.setenv("CLVKIT_DATA", str(tmp_path))
    assert data_folder(None) == tmp_path
    with pytest.raises(BenchmarkError, match="does not exist"):
        data_folder(str(tmp_path / "nowhere"))


def test_an_absent_file_and_one_without_customers_are_said(tmp_path):
    with pytest.raises(BenchmarkError, match=r"no log 'shop\.csv': no such file here"):
        load_log("shop.csv", tmp_path)
    (tmp_path / "shop.csv").write_text("customer_id,date,amount\n,2024-01-01,3\n")
    with pytest.raises(BenchmarkError, match=r"'shop\.csv' has no row with a customer"):
        load_log("shop.csv", tmp_path)


@pytest.mark.parametrize(
    "notes",
    [[1, "a", None], [[1], ["x"], None], [{"a": 1}, 3, "b"]],
    ids=["numbers and words", "lists", "anything"],
)
def test_further_columns_of_all_sorts_can_be_handed_on(notes, tmp_path):
    log = pd.DataFrame({"customer_id": [1, 2, 1], "date": "2024-01-01", "amount": 1.0})
    log["note"] = pd.Series(notes, dtype=object)
    cleaned = _cleaned(log, "shop")
    cleaned.to_parquet(tmp_path / "log.parquet")
    assert cleaned["note"].map(str, na_action="ignore").tolist()[0] == str(notes[0])
    assert cleaned["note"].isna().tolist() == [value is None for value in notes]


def test_a_column_of_a_long_file_has_one_type(tmp_path):
    """Where pandas reads a file in pieces, each piece has its own: 7 in one and "7" in another."""
    rows = ["7,2024-01-01,1"] * 300_000 + ["x,2024-01-01,1"]
    (tmp_path / "shop.csv").write_text("\n".join(["customer_id,date,amount", *rows]))
    assert load_log("shop", tmp_path)["customer_id"].unique().tolist() == ["7", "x"]
