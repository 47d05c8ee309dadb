import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from clvkit.baselines import HistoricalRate
from clvkit.btyd import BTYDRegressor
from clvkit.calibration import (
    ConformalInterval,
    MeanCalibration,
    SeasonCalibration,
    TotalCalibration,
)
from clvkit.calibration._spend_shape import learn_spend_shape, predicted_distribution
from clvkit.datasets import load_cdnow, simulate_log
from clvkit.errors import ArgumentError, CalibrationWarning, ShortLogError
from clvkit.history import latest_histories
from clvkit.model_selection import AverageRegressor
from clvkit.serving import CLVModel


@pytest.fixture(scope="module")
def X():
    return latest_histories(load_cdnow(), "1998-01-31")


@pytest.fixture(scope="module")
def model(X):
    return ConformalInterval(BTYDRegressor(horizon="13W")).fit(X)


def future_spend(X, cutoff, days):
    log = load_cdnow()
    start = pd.Timestamp(cutoff)
    later = log[(log["date"] > start) & (log["date"] <= start + pd.Timedelta(days=days))]
    spent = later.groupby("customer_id")["amount"].sum()
    return spent.reindex(X.index.get_level_values(0), fill_value=0.0).to_numpy()


def test_intervals_hold_out_of_time(model, X):
    y = future_spend(X, "1998-01-31", 91)
    table = model.predict_interval(X)
    held = (table["lower"] <= y) & (y <= table["upper"])
    assert 0.85 <= held.mean() <= 0.96
    best = model.predict(X) > np.quantile(model.predict(X), 0.9)
    assert held[best].mean() >= 0.75
    total = model.total_interval(X).loc["all"]
    assert total["lower"] <= y.sum() <= total["upper"]


def test_predictions_are_those_of_the_estimator(model, X):
    plain = BTYDRegressor(horizon="13W").fit(X)
    assert_allclose(model.predict(X), plain.predict(X))
    table = model.predict_interval(X, coverage=0.5)
    assert ((table["lower"] <= model.predict(X)) & (model.predict(X) <= table["upper"])).all()
    assert_allclose(model.predict_components(X), plain.predict_components(X))


def test_a_row_depends_on_no_other(model, X):
    whole = model.predict_interval(X)
    part = model.predict_interval(X.iloc[[5, 700, 3]])
    assert_allclose(part, whole.iloc[[5, 700, 3]], rtol=1e-9)


def test_quantiles_rise_and_agree_with_the_interval(model, X):
    levels = [0.95, 0.05, 0.5]
    quantiles = model.predict_quantiles(X, levels)
    assert list(quantiles.columns) == levels
    assert (quantiles[0.05] <= quantiles[0.5]).all()
    assert (quantiles[0.5] <= quantiles[0.95]).all()
    lower = np.minimum(quantiles[0.05], model.predict(X))
    assert_allclose(model.predict_interval(X)["lower"], lower)


def test_groups_are_a_column_or_values(model, X):
    named = X.assign(country=np.where(np.arange(len(X)) % 2, "a", "b"))
    assert_allclose(
        model.total_interval(named, "country"), model.total_interval(X, named["country"])
    )
    with pytest.raises(ArgumentError, match="groups='land' is no column of X"):
        model.total_interval(X, "land")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda r: r,
        make_pipeline,
        lambda r: MeanCalibration(r),
        lambda r: SeasonCalibration(r, on_missing="ignore"),
    ],
    ids=["itself", "pipeline", "mean", "season"],
)
def test_the_distribution_is_found_inside_and_stretched(X, wrap):
    fitted = wrap(BTYDRegressor(horizon="13W")).fit(X)
    predicted = fitted.predict(X)
    told = predicted_distribution(fitted, X, predicted, learn_spend_shape(fitted, X))
    exact = BTYDRegressor(horizon="13W").fit(X)
    rows = np.arange(0, len(X), 40)
    quantile = exact.predict_quantiles(X.iloc[rows], [0.95])[0.95].to_numpy()
    expected = quantile * predicted[rows] / exact.predict(X.iloc[rows])
    got = told.quantile(0.95, rows)
    some = (expected > 0) & (got > 0)
    assert np.mean((expected > 0) == (got > 0)) > 0.98
    assert np.quantile(np.abs(np.log(got[some] / expected[some])), 0.9) < 0.05


@pytest.mark.parametrize(
    "wrap",
    [
        lambda r: AverageRegressor([("a", HistoricalRate(horizon="13W")), ("b", r)]),
        lambda r: TotalCalibration(HistoricalRate(horizon="13W"), r),
    ],
    ids=["average", "total"],
)
def test_where_another_model_has_a_say_they_meet_in_the_middle(X, wrap):
    """The number of purchases is the geometric mean of both, and with it the chance of none."""
    fitted = wrap(BTYDRegressor(horizon="13W")).fit(X)
    predicted = fitted.predict(X)
    exact = BTYDRegressor(horizon="13W").fit(X)
    active = exact.predict_components(X)["probability_active"].to_numpy()
    times = np.sqrt(np.clip(predicted / exact.predict(X), 1e-3, 1e3))
    told = predicted_distribution(fitted, X, predicted, learn_spend_shape(fitted, X))
    assert_allclose(told.zeros, (1.0 - active) ** times, rtol=1e-9)
    assert (told.zeros[times > 1] < 1.0 - active[times > 1]).all()
    alone = predicted_distribution(exact, X, exact.predict(X))
    more = times > 1.05
    assert (told.quantile(0.9)[more] >= alone.quantile(0.9)[more] * (1 - 1e-9)).all()


def test_an_estimator_without_a_distribution_has_levels_alone(X):
    model = ConformalInterval(HistoricalRate(horizon="13W")).fit(X)
    assert model.shape_ is None
    assert not model.intervals_.distributional_
    assert model.predict_interval(X).notna().all(axis=None)


def test_a_log_without_an_origin_is_refused(X):
    with pytest.raises(ShortLogError, match="too short for an origin with a horizon of 300D"):
        ConformalInterval(BTYDRegressor(horizon="300D")).fit(X)


def test_noise_gains_nothing():
    """Amounts and days drawn anew, whoever the customer: no interval is narrower for some."""
    rng = np.random.default_rng(0)
    n = 30_000
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 2_000, n),
            "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 730, n), "D"),
            "amount": rng.gamma(2.0, 10.0, n),
        }
    )
    known = log[log["date"] <= "2021-10-01"]
    X = latest_histories(known, "2021-10-01")
    later = log[(log["date"] > "2021-10-01") & (log["date"] <= "2021-12-01")]
    spent = later.groupby("customer_id")["amount"].sum()
    y = spent.reindex(X.index.get_level_values(0), fill_value=0.0).to_numpy()
    model = ConformalInterval(MeanCalibration(HistoricalRate(horizon="61D"))).fit(X)
    table = model.predict_interval(X)
    held = ((table["lower"] <= y) & (y <= table["upper"])).mean()
    assert 0.86 <= held <= 0.95
    assert np.sum((y - model.predict(X)) ** 2) >= 0.98 * np.sum((y - y.mean()) ** 2)


def test_a_season_that_origins_did_not_know_leaves_their_level_out():
    world = simulate_log(
        "bg_nbd",
        n_customers=2_000,
        params={"r": 0.8, "alpha": 8.0, "a": 0.6, "b": 3.0},
        start="2021-08-01",
        cutoff="2022-10-31",
        horizon="61D",
        season={12: 2.0},
        random_state=0,
    )
    X = latest_histories(world.log, "2022-10-31")
    seasonal = SeasonCalibration(BTYDRegressor(horizon="61D"))
    model = ConformalInterval(seasonal).fit(X)
    assert model.estimator_.reason_ == ""
    assert model.level_error_ > 0.0
    assert len(model.intervals_.log_ratios_) < len(model.origins_)


def test_a_served_model_has_the_same_methods(model, X, tmp_path):
    served = CLVModel(ConformalInterval(BTYDRegressor()), horizon="13W").fit(X)
    own = CLVModel(BTYDRegressor(), horizon="13W", interval=model.intervals_).fit(X)
    for one in (served, own):
        one.save(tmp_path / "model")
        again = CLVModel.load(tmp_path / "model")
        for loaded in (one, again):
            assert_allclose(loaded.predict_interval(X), model.predict_interval(X), rtol=1e-6)
            assert_allclose(loaded.total_interval(X), model.total_interval(X), rtol=1e-6)
            assert_allclose(
                loaded.predict_quantiles(X, [0.5, 0.9]),
                model.predict_quantiles(X, [0.5, 0.9]),
                rtol=1e-6,
            )


def test_an_interval_of_distributions_needs_an_estimator_that_tells_one(model, X):
    with pytest.raises(ArgumentError, match="HistoricalRate tells none"):
        CLVModel(HistoricalRate(), horizon="13W", interval=model.intervals_).fit(X)


def test_it_is_cloned_with_its_parameters(model):
    assert clone(model).get_params()["coverage"] == 0.9
    with pytest.warns(CalibrationWarning, match="no origin with a horizon of 300D"):
        MeanCalibration(HistoricalRate(horizon="300D")).fit(
            latest_histories(load_cdnow(), "1998-01-31")
        )
