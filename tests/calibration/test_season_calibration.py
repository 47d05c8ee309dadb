import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from clvkit.btyd import BetaGeoNBD, BTYDRegressor
from clvkit.calibration import SeasonCalibration
from clvkit.calibration._shrinkage import shrunk_log_ratio
from clvkit.datasets import load_cdnow, simulate_log
from clvkit.errors import ArgumentError, CalibrationWarning, HorizonError
from clvkit.features import RFMFeatures
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor

CUTOFF, HORIZON = "2022-10-31", "61D"  # November and December
PARAMS = {"r": 0.8, "alpha": 8.0, "a": 0.6, "b": 3.0}


def world(seed, season, n_customers=4_000):
    """Simulate almost three years of customers who keep coming in."""
    return simulate_log(
        "bg_nbd",
        n_customers=n_customers,
        params=PARAMS,
        start="2020-01-01",
        cutoff=CUTOFF,
        horizon=HORIZON,
        entry="140W",
        season=season,
        random_state=seed,
    )


def biases(seed, season):
    """Return the bias of the total without and with the calibration."""
    simulated = world(seed, season, n_customers=15_000)
    X = latest_histories(simulated.log, CUTOFF)
    model = SeasonCalibration(BTYDRegressor(BetaGeoNBD(), horizon=HORIZON)).fit(X)
    known = simulated.truth.loc[X.index.get_level_values(0)]
    truth = known["expected_spend"].sum()
    plain = model.estimator_.predict(X).sum() / truth - 1.0
    return plain, model.predict(X).sum() / truth - 1.0, model.factor_


@pytest.fixture(scope="module")
def X():
    return latest_histories(world(0, {12: 2.0}).log, CUTOFF)


@pytest.fixture(scope="module")
def model(X):
    return SeasonCalibration(BTYDRegressor(horizon=HORIZON)).fit(X)


# A season that the model does not know may look as if nobody ever dropped out.
@pytest.mark.filterwarnings("ignore::clvkit.errors.BoundaryWarning")
@pytest.mark.parametrize("n_runs", [6, pytest.param(100, marks=pytest.mark.long)])
def test_a_planted_season_is_found(n_runs):
    runs = np.array([biases(seed, {12: 2.0}) for seed in range(n_runs)])
    assert np.mean(runs[:, 0]) < -0.2
    # One of a few runs may miss; of a hundred fifteen.
    assert np.sum(np.abs(runs[:, 1]) >= 0.05) <= max(1, 0.15 * n_runs), runs


@pytest.mark.parametrize("n_runs", [6, pytest.param(100, marks=pytest.mark.long)])
def test_without_a_season_little_changes(n_runs):
    factors = np.array([biases(seed, None)[2] for seed in range(n_runs)])
    assert np.mean(np.abs(factors - 1.0)) < 0.02, factors


# Half a year of a wholesaler's customers is too little to see any of them drop out.
@pytest.mark.filterwarnings("ignore::clvkit.errors.BoundaryWarning")
@pytest.mark.parametrize(
    ("cutoff", "days"),
    [("2011-06-09", 183), ("2011-09-09", 91)],
)
def test_totals_of_a_real_log(shared_data, cutoff, days):
    log = pd.read_parquet(shared_data / "online_retail_II.parquet").dropna(subset="customer_id")
    known = log[log["date"] < pd.Timestamp(cutoff) + pd.Timedelta(days=1)]
    X = latest_histories(known, cutoff)
    later = log[log["date"] >= pd.Timestamp(cutoff) + pd.Timedelta(days=1)]
    later = later[later["date"] < pd.Timestamp(cutoff) + pd.Timedelta(days=days + 1)]
    spent = later.groupby("customer_id")["amount"].sum().clip(lower=0.0)
    y = spent.reindex(X.index.get_level_values(0), fill_value=0.0).sum()
    model = SeasonCalibration(BTYDRegressor(horizon=f"{days}D")).fit(X)
    assert abs(model.predict(X).sum() / y - 1.0) < 0.06
    assert abs(model.estimator_.predict(X).sum() / y - 1.0) > 0.12


def test_order_of_customers_is_left_alone(model, X):
    plain = model.estimator_.predict(X)
    assert_allclose(model.predict(X), plain * model.factor_)
    assert 1.2 < model.factor_ < 2.0
    assert model.year_ago_ == "2021-10-31"
    assert (model.reason_, model.target_cutoff_, model.horizon_) == ("", CUTOFF, HORIZON)


def test_components_multiply_to_the_prediction(model, X):
    parts = model.predict_components(X)
    product = parts["expected_purchases"] * parts["expected_spend"]
    assert_allclose(product, model.predict(X))
    assert parts["probability_active"].max() <= 1.0


def test_a_short_log_is_left_alone_and_told_of():
    X = latest_histories(load_cdnow(), "1998-01-31")
    with pytest.warns(CalibrationWarning, match=r"left without a season: the year-ago cutoff is 1"):
        model = SeasonCalibration(BTYDRegressor(horizon="150D")).fit(X)
    assert "reach back to 1996-11-17" in model.reason_
    assert model.factor_ == 1.0
    assert np.isnan(model.ratio_)
    assert_allclose(model.predict(X), model.estimator_.predict(X))


def test_an_estimator_with_labels_needs_more_of_the_past(X):
    pipeline = make_pipeline(RFMFeatures(), DecisionTreeRegressor(max_depth=3))
    boosting = SnapshotRegressor(pipeline, HORIZON, n_snapshots=2)
    model = SeasonCalibration(boosting).fit(X)
    assert model.reason_ == ""
    first = X["history"].array.flat_events().time.min()
    year_and_a_quarter = str(np.datetime64(int(first) + 365 + 80, "D"))
    known = X["history"].array
    short = X.assign(history=known.cut_back(np.datetime64(year_and_a_quarter, "D").astype(int)))
    short = short[short["history"].array.n_events > 0]
    with pytest.warns(CalibrationWarning, match="cannot be fitted at the year-ago cutoff"):
        SeasonCalibration(boosting).fit(short)


def test_another_cutoff_is_warned_of(model, X):
    earlier = int(np.datetime64("2022-06-30", "D").astype(int))
    known = X["history"].array
    seen = known.cut_back(earlier).n_events > 0
    past = X[seen].assign(history=known[seen].cut_back(earlier))
    with pytest.warns(CalibrationWarning, match=r"have another cutoff, such as 2022-06-30"):
        model.predict(past)


def test_a_later_target_looks_at_its_own_window(X):
    later = SeasonCalibration(BTYDRegressor(horizon=HORIZON), target_cutoff="2022-12-31").fit(X)
    assert later.year_ago_ == "2021-12-31"
    assert later.factor_ < 1.0  # January and February, after a Christmas in the history
    with pytest.warns(CalibrationWarning, match="have another cutoff"):
        later.predict(X)


def test_a_target_in_the_past_is_refused(X):
    model = SeasonCalibration(BTYDRegressor(horizon=HORIZON), target_cutoff="2022-01-31")
    with pytest.raises(ArgumentError, match="before the latest cutoff of fit, 2022-10-31"):
        model.fit(X)


def test_a_window_that_is_not_over_is_told_of(X):
    with pytest.warns(CalibrationWarning, match=r"the window after 2022-12-31 is not over"):
        model = SeasonCalibration(BTYDRegressor(horizon=HORIZON), target_cutoff="2023-12-31").fit(X)
    assert model.factor_ == 1.0


def test_groups_have_their_own_season():
    quiet, festive = (world(seed, season).log for seed, season in ((1, None), (2, {12: 3.0})))
    log = pd.concat([quiet, festive.assign(customer_id=festive["customer_id"] + 10_000)])
    X = latest_histories(log, CUTOFF)
    late = X.index.get_level_values(0) >= 10_000
    X = X.assign(country=np.where(late, "festive", "quiet"))
    model = SeasonCalibration(BTYDRegressor(horizon=HORIZON), group="country").fit(X)
    assert set(model.factors_) == {"festive", "quiet"}
    assert model.factors_["festive"] > 1.4 > 1.15 > model.factors_["quiet"]
    unknown = model.predict(X.head(3).assign(country="new"))
    assert_allclose(unknown, model.estimator_.predict(X.head(3)) * model.factor_)
    with pytest.raises(ArgumentError, match="group='land' is no column of X"):
        clone(model).set_params(group="land").fit(X)


def test_a_group_of_one_customer_tells_little():
    """He alone has no spread around his own ratio, which is no reason to believe it."""
    X = latest_histories(world(1, None).log, CUTOFF)
    group = np.full(len(X), "large", dtype=object)
    group[:100] = [f"alone {k}" for k in range(100)]
    model = SeasonCalibration(BTYDRegressor(horizon=HORIZON), group="country")
    model.fit(X.assign(country=group))
    alone = [factor for name, factor in model.factors_.items() if name != "large"]
    assert len(alone) > 10
    # Their own ratios are up to three times that of all.
    assert_allclose(np.array(alone) / model.factor_, 1.0, atol=0.25)


def test_growth_shows_where_it_is_asked_for():
    """Customers who buy ever more often: a model of constant rates is too low each time."""
    X = latest_histories(world(3, None).log, CUTOFF)
    model = SeasonCalibration(BTYDRegressor(horizon=HORIZON), trend=True).fit(X)
    assert 0.9 < model.trend_factor_ < 1.1
    assert clone(model).set_params(trend=False).fit(X).trend_factor_ == 1.0


def test_horizon_is_that_of_the_estimator_or_the_samples(X):
    with pytest.raises(HorizonError):
        SeasonCalibration(BTYDRegressor(horizon="30D"), horizon=None).fit(
            X.assign(
                history=X["history"].array.with_dtype(
                    X["history"].array.dtype.replace(horizon=HORIZON, target="spend", floor="0.0")
                )
            )
        )
    with pytest.raises(HorizonError, match="no horizon is known"):
        SeasonCalibration(BTYDRegressor()).fit(X)


def test_nothing_after_the_cutoff_matters(X):
    simulated = world(0, {12: 2.0})
    later = simulated.log.assign(
        amount=simulated.log["amount"].where(simulated.log["date"] <= pd.Timestamp(CUTOFF), 9e6)
    )
    changed = SeasonCalibration(BTYDRegressor(horizon=HORIZON)).fit(latest_histories(later, CUTOFF))
    assert changed.factor_ == SeasonCalibration(BTYDRegressor(horizon=HORIZON)).fit(X).factor_


def test_rows_do_not_depend_on_one_another(model, X):
    some = X.sample(40, random_state=0)
    assert_allclose(model.predict(some), pd.Series(model.predict(X), X.index).loc[some.index])


def test_noise_is_shrunk_and_signal_is_not():
    assert abs(shrunk_log_ratio(0.05, 0.05)) < 0.015
    assert_allclose(shrunk_log_ratio(0.4, 0.03), 0.4, rtol=0.02)
    assert shrunk_log_ratio(-0.2, 0.04) == -shrunk_log_ratio(0.2, 0.04)
    assert shrunk_log_ratio(0.3, 0.0) == 0.3
    assert_allclose(shrunk_log_ratio(0.3, 10.0), 0.0, atol=1e-3)


def test_skops_round_trip(model, X):
    from skops.io import dumps, loads

    from clvkit.serving._trust import TRUSTED_TYPES

    stored = loads(dumps(model), trusted=list(TRUSTED_TYPES))
    assert_allclose(stored.predict(X), model.predict(X), rtol=1e-15)
