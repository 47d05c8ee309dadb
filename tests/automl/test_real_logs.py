"""The same job on logs that it was not made for: returns, missing customers, no amounts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvkit import AutoCLV, make_samples
from clvkit.errors import DataWarning
from clvkit.metrics import clv_metrics

pytestmark = [
    pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning"),
    pytest.mark.filterwarnings("default::clvkit.errors.RegimeWarning"),
]


def until(log: pd.DataFrame, day: str) -> pd.DataFrame:
    return log[log["date"] < pd.Timestamp(day) + pd.Timedelta(days=1)]


@pytest.mark.long
def test_a_million_lines_with_returns_missing_customers_and_times_of_day(shared_data):
    """The job of the demo, unchanged, from a pandas and from a Polars frame."""
    log = pd.read_parquet(shared_data / "online_retail_II.parquet")
    past = until(log, "2011-06-09")
    settings = {"n_trials": 5, "random_state": 0, "end": "2011-06-09"}
    with pytest.warns(DataWarning, match="163466 of 724762 rows have no customer"):
        auto = AutoCLV("183D", **settings).fit(past)
    assert auto.regime_ == "rolling"
    families = {"baseline", "btyd", "boosting", "hybrid", "regressor", "ensemble"}
    assert set(auto.leaderboard_["family"]) == families
    with pytest.warns(DataWarning):
        values = auto.predict_customers(past)
    assert len(values) == past["customer_id"].nunique()
    assert np.isfinite(values[["clv", "lower", "upper"]]).all().all()
    with pytest.warns(DataWarning):
        X, y = make_samples(log, "183D", cutoffs="2011-06-09")
    metrics = clv_metrics(y, auto.predict(X))
    # A purchase model with its parameters from published code reaches .567 and .860 here.
    assert metrics["d2_tweedie"] > 0.5
    assert metrics["normalized_gini"] > 0.84
    with pytest.warns(DataWarning):
        polars = AutoCLV("183D", **settings).fit(pl.from_pandas(past))
    times = ["fit_seconds", "predict_seconds", "feature_seconds"]
    pd.testing.assert_frame_equal(
        auto.leaderboard_.drop(columns=times), polars.leaderboard_.drop(columns=times)
    )
    with pytest.warns(DataWarning):
        again = polars.predict_customers(pl.from_pandas(past))
    pd.testing.assert_frame_equal(values, again)


@pytest.mark.parametrize(
    ("name", "end", "horizon", "regime"),
    [
        pytest.param("cdnow", "1998-01-31", "150D", "rolling", marks=pytest.mark.long),
        ("grocery_elog", "2006-12-31", "52W", "short"),
        ("grocery_elog", "2007-06-30", "6M", "rolling"),
        ("complete_journey_baskets", "2017-06-30", "92D", "single"),
        pytest.param("apparel_sim", "2009-12-20", "1Y", "rolling", marks=pytest.mark.long),
    ],
)
def test_every_log_gets_a_value_for_everybody(shared_data, name, end, horizon, regime):
    log = until(pd.read_parquet(shared_data / f"{name}.parquet"), end)
    auto = AutoCLV(horizon, n_trials=5, random_state=0, end=end).fit(log)
    assert auto.regime_ == regime
    assert (auto.leaderboard_["error"] == "").all()
    assert auto.best_score_ > 0.1
    values = auto.predict_customers(log)
    assert len(values) == log["customer_id"].nunique()
    assert np.isfinite(values[["clv", "lower", "upper"]]).all().all()
    assert (values["clv"] >= 0).all()
