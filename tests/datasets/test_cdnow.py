import pandas as pd

from clvkit.datasets import load_cdnow


def test_equals_the_published_sample(shared_data):
    published = pd.read_parquet(shared_data / "cdnow_sample.parquet")
    loaded = load_cdnow()
    columns = list(loaded.columns)
    published = published.rename(columns={"cds": "quantity"})[columns]
    pd.testing.assert_frame_equal(
        loaded.sort_values(columns, ignore_index=True),
        published.sort_values(columns, ignore_index=True),
    )


def test_is_as_described():
    log = load_cdnow()
    assert log.shape == (6919, 4)
    assert log["customer_id"].nunique() == 2357
    assert str(log["date"].min().date()) == "1997-01-01"
    assert str(log["date"].max().date()) == "1998-06-30"
    assert (log["amount"] == 0).sum() == 8
    assert (log["amount"] >= 0).all()


def test_every_call_returns_its_own_frame():
    del load_cdnow()["amount"]
    assert "amount" in load_cdnow()
