"""The total of one model, the shares of another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from clvkit import latest_histories
from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.btyd import BTYDRegressor
from clvkit.calibration import SeasonCalibration, TotalCalibration
from clvkit.calibration._season_calibration import find_season
from clvkit.datasets import simulate_log
from clvkit.errors import CalibrationWarning, HorizonError
from clvkit.history import get_histories, replace_histories
from clvkit.model_selection import SnapshotRegressor


@pytest.fixture(scope="module")
def X(cdnow):
    return latest_histories(cdnow[cdnow["customer_id"] % 5 == 0], cutoff="1998-03-31")


@pytest.fixture(scope="module")
def shop():
    """Three years of a shop whose December has twice the rate, up to the end of October."""
    return simulate_log(
        "bg_nbd", n_customers=1_500, start="2020-01-01", cutoff="2022-10-31", horizon="61D",
        season={12: 2.0}, random_state=1,
    )  # fmt: skip


def test_shares_are_the_estimators_and_the_total_is_the_others(X):
    own, total = HistoricalRate(horizon="13W"), BTYDRegressor(horizon="13W")
    model = TotalCalibration(own, total).fit(X)
    shares, level = own.fit(X).predict(X), total.fit(X).predict(X)
    predicted = model.predict(X)
    assert predicted.sum() == pytest.approx(level.sum())
    assert predicted / predicted.sum() == pytest.approx(shares / shares.sum())
    assert model.factor_ == pytest.approx(level.sum() / shares.sum())
    assert model.reason_ == ""


def test_a_season_of_the_year_before_is_in_the_default_total(shop):
    X = latest_histories(shop.log, "2022-10-31")
    truth = shop.truth["expected_spend"].sum()
    model = TotalCalibration(BTYDRegressor(horizon="61D")).fit(X)
    plain = BTYDRegressor(horizon="61D").fit(X)
    assert abs(plain.predict(X).sum() / truth - 1) > 0.15
    assert abs(model.predict(X).sum() / truth - 1) < 0.12
    later = latest_histories(shop.log, "2022-10-31")
    earlier = get_histories(later).cut_back("2022-06-30")
    known = earlier.n_events > 0
    with pytest.warns(CalibrationWarning, match="another cutoff"):
        model.predict(replace_histories(later[known], earlier[known]))


def test_the_season_in_the_total_is_the_one_that_sums_are_unsure_of(shop):
    X = latest_histories(shop.log, "2022-10-31")
    model = TotalCalibration(HistoricalRate(horizon="61D")).fit(X)
    season = find_season(make_pipeline(model))
    assert season is model.total_
    assert season.factor_error_ > 0
    seasonal = SeasonCalibration(HistoricalRate(horizon="61D"), on_missing="ignore")
    plain = TotalCalibration(seasonal, BTYDRegressor(horizon="61D")).fit(X)
    assert find_season(plain) is None
    short = TotalCalibration(seasonal, BTYDRegressor(horizon="61D"))
    once = latest_histories(shop.log.drop_duplicates("customer_id"), "2022-10-31")
    short.fit(once)
    assert short.total_ is None
    assert find_season(short) is short.estimator_


def test_the_factor_hangs_on_the_latest_row_of_each_customer(X):
    histories = get_histories(X)
    earlier = histories.cut_back("1997-12-31")
    known = earlier.n_events > 0
    both = pd.concat([replace_histories(X[known], earlier[known]), X])
    alone = TotalCalibration(HistoricalRate(horizon="13W")).fit(X)
    together = TotalCalibration(HistoricalRate(horizon="13W")).fit(both)
    assert together.factor_ == pytest.approx(alone.factor_)


def test_a_total_that_cannot_be_fitted_leaves_predictions_alone(X):
    once = latest_histories(
        pd.DataFrame(
            {
                "customer_id": range(30),
                "date": pd.date_range("2020-01-01", periods=30),
                "amount": 5.0,
            }
        ),
        "2020-12-31",
    )
    model = TotalCalibration(HistoricalRate(horizon="13W")).fit(once)
    assert model.factor_ == 1.0
    assert model.total_ is None
    assert "cannot be fitted" in model.reason_
    expected = HistoricalRate(horizon="13W").fit(once).predict(once)
    assert np.array_equal(model.predict(once), expected)


class Nothing(HistoricalRate):
    """Predicts 0 for everybody."""

    def predict(self, X):
        return np.zeros(len(X))


def test_nothing_is_scaled_to_or_from_a_total_of_nothing(X):
    for model in (
        TotalCalibration(Nothing(horizon="13W")),
        TotalCalibration(HistoricalRate(horizon="13W"), Nothing(horizon="13W")),
    ):
        model.fit(X)
        assert model.factor_ == 1.0
        assert "nothing to scale" in model.reason_


def test_components_are_scaled_through_pipelines(X):
    inner = make_pipeline(BTYDRegressor(horizon="13W"))
    model = TotalCalibration(inner, HistoricalRate(horizon="13W")).fit(X)
    plain = BTYDRegressor(horizon="13W").fit(X).predict_components(X)
    scaled = model.predict_components(X)
    expected = plain["expected_purchases"] * model.factor_
    pd.testing.assert_series_equal(scaled["expected_purchases"], expected)
    pd.testing.assert_series_equal(scaled["probability_alive"], plain["probability_alive"])
    assert not hasattr(TotalCalibration(HistoricalRate(horizon="13W")), "predict_components")


def test_a_horizon_is_needed_for_the_default_total(X):
    with pytest.raises(HorizonError):
        TotalCalibration(SnapshotRegressor(PopulationMean(), horizon=None)).fit(X)
    model = TotalCalibration(PopulationMean(), horizon="13W")
    assert model.fit(X, np.ones(len(X))).factor_ > 0


def test_it_clones_and_is_stored(X, tmp_path):
    from clvkit.serving import CLVModel

    total = SeasonCalibration(BTYDRegressor(horizon="13W"), on_missing="ignore")
    model = TotalCalibration(HistoricalRate(horizon="13W"), total)
    assert clone(model).get_params()["total__on_missing"] == "ignore"
    served = CLVModel(model, horizon="13W").fit(X)
    served.save(tmp_path / "model")
    assert np.array_equal(CLVModel.load(tmp_path / "model").predict(X), served.predict(X))


def test_rows_do_not_influence_each_other(X):
    model = TotalCalibration(HistoricalRate(horizon="13W")).fit(X)
    together = model.predict(X)
    alone = [model.predict(X.iloc[[i]])[0] for i in range(5)]
    assert alone == pytest.approx(together[:5], rel=1e-11)
