"""Baselines against sums made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from clvkit.baselines import HistoricalRate, LastPeriod, PopulationMean
from clvkit.errors import HistoryTypeError, HorizonError
from clvkit.history import latest_histories, make_samples

LOG = pd.DataFrame(
    [
        ("old", "2020-01-01", 100.0),
        ("old", "2020-12-30", 30.0),
        ("young", "2020-12-30", 50.0),
        ("refunded", "2020-12-01", 20.0),
        ("refunded", "2020-12-30", -60.0),
        ("today", "2020-12-31", 8.0),
    ],
    columns=["customer_id", "date", "amount"],
)


@pytest.fixture(scope="module")
def X():
    return latest_histories(LOG, cutoff="2020-12-31")


def predict(model, X):
    return dict(zip(X.index.get_level_values(0), model.fit(X).predict(X), strict=True))


def test_historical_rate_carries_the_rate_of_a_life_forward(X):
    value = predict(HistoricalRate(horizon="30D"), X)
    assert value["old"] == pytest.approx(130 * 30 / 366)  # 2020-01-01..2020-12-31 are 366 days
    # Younger than a horizon: taken to have been watched for a whole one.
    assert value["young"] == 50.0
    assert value["today"] == 8.0
    assert value["refunded"] == 0.0


def test_last_period_is_the_spend_of_the_last_horizon(X):
    value = predict(LastPeriod(horizon="2D"), X)
    assert value == {"old": 30.0, "young": 50.0, "refunded": 0.0, "today": 8.0}
    assert predict(LastPeriod(horizon="1D"), X) == {**dict.fromkeys(value, 0.0), "today": 8.0}


def test_calendar_horizons_count_from_each_cutoff():
    log = LOG.assign(date=pd.to_datetime(LOG["date"]))
    X = make_samples(log, "1M", cutoffs=["2020-01-31", "2020-10-31"], end="2020-12-31").X
    rate = HistoricalRate().fit(X).predict(X)
    # One month after 31 January 2020 has 29 days, and after 31 October 30.
    assert rate == pytest.approx([100 * 29 / 31, 100 * 30 / 305])


def test_population_mean_learns_the_mean_of_y(X):
    model = PopulationMean().fit(X, [1.0, 2.0, 3.0, 6.0])
    assert model.predict(X).tolist() == [3.0] * 4
    weighted = PopulationMean().fit(X, [1.0, 2.0, 3.0, 6.0], sample_weight=[0, 0, 1, 1])
    assert weighted.mean_ == 4.5


@pytest.mark.parametrize("baseline", [HistoricalRate, LastPeriod])
def test_a_horizon_is_needed_and_must_agree(baseline, X):
    with pytest.raises(HorizonError, match="no horizon is known"):
        baseline().fit(X)
    samples = make_samples(LOG, "30D", cutoffs="2020-11-30", end="2020-12-31").X
    assert baseline().fit(samples).horizon_ == "30D"
    with pytest.raises(HorizonError, match="the samples were made with '30D'"):
        baseline(horizon="60D").fit(samples)
    with pytest.raises(HorizonError, match="predicts horizon='60D'"):
        baseline(horizon="60D").fit(X).predict(samples)


@pytest.mark.parametrize("baseline", [HistoricalRate(horizon="4W"), LastPeriod(horizon="4W")])
def test_baselines_work_row_by_row(baseline, cdnow_histories):
    X = cdnow_histories.iloc[:300]
    model = clone(baseline).fit(X)
    order = np.random.default_rng(0).permutation(len(X))
    assert np.array_equal(model.predict(X)[order], model.predict(X.iloc[order]))
    assert np.array_equal(model.predict(X)[:7], model.predict(X.iloc[:7]))


def test_a_log_is_no_table_of_histories():
    with pytest.raises(HistoryTypeError, match=r"X has no column 'history'.*latest_histories"):
        HistoricalRate(horizon="4W").fit(LOG)
