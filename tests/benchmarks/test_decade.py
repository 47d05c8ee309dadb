"""The log of ten years that large runs are measured on."""

from __future__ import annotations

import polars as pl

from benchmarks.decade import decade_log, fit_champion, write_decade_log


def test_everybody_is_in_it_and_it_covers_ten_years():
    log = decade_log(3_000, 30_000)
    assert len(log) == 30_000
    assert log["customer_id"].n_unique() == 3_000
    assert log["date"].is_sorted()
    assert (log["date"].dt.year().min(), log["date"].dt.year().max()) == (2015, 2024)
    assert 0.02 < (log["amount"] < 0).mean() < 0.04
    assert log.equals(decade_log(3_000, 30_000))
    assert not log.equals(decade_log(3_000, 30_000, seed=1))


def test_a_champion_is_fitted_on_the_customers_asked_for(tmp_path):
    write_decade_log(600, 6_000, tmp_path / "log.parquet")
    model = fit_champion("btyd", tmp_path / "log.parquet", 300)
    assert model.n_customers_ == 300
    values = model.predict_customers(tmp_path / "log.parquet")
    assert len(values) == 600
    assert values["clv"].sum() > 0
    assert pl.scan_parquet(tmp_path / "log.parquet").select(pl.len()).collect().item() == 6_000
