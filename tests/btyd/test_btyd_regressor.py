"""BTYDRegressor: expected purchases times expected spend, from histories."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import InvalidParameterError

from clvkit.baselines import HistoricalRate
from clvkit.btyd import BetaGeoNBD, BTYDRegressor, GammaGamma
from clvkit.datasets import load_cdnow
from clvkit.errors import BoundaryWarning, HorizonError, SummaryError
from clvkit.history import get_histories, latest_histories, make_samples, rfm_summary
from clvkit.serving._trust import TRUSTED_TYPES

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared/reference/reference_numbers.csv"
COMPONENTS = ["expected_purchases", "probability_alive", "probability_active", "expected_spend"]


@pytest.fixture(scope="module")
def log():
    return load_cdnow()


@pytest.fixture(scope="module")
def X(log):
    return latest_histories(log, cutoff="1997-09-30")


@pytest.fixture(scope="module")
def fitted(X):
    return BTYDRegressor(horizon="39W").fit(X)


def test_the_prediction_is_the_product_of_both_models(X, fitted):
    summary = rfm_summary(X)
    purchases, spend = BetaGeoNBD().fit(summary), GammaGamma().fit(summary)
    assert fitted.purchase_model_.params_ == purchases.params_
    assert fitted.spend_model_.params_ == spend.params_
    expected = purchases.expected_purchases(summary, "39W") * spend.expected_spend(summary)
    assert np.array_equal(fitted.predict(X), expected)


def test_models_of_its_own_are_used_and_left_as_they_are(X):
    purchases, spend = BetaGeoNBD(tol=1e-6), GammaGamma(tol=1e-6)
    model = BTYDRegressor(purchases, spend, "39W").fit(X)
    assert (model.purchase_model_.tol, model.spend_model_.tol) == (1e-6, 1e-6)
    assert not hasattr(purchases, "params_")
    assert not hasattr(spend, "params_")


def test_known_parameters_are_kept_in_a_frozen_model(X):
    purchases = BetaGeoNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    spend = GammaGamma.from_params(p=6.25, q=3.74, gamma=15.44)
    model = BTYDRegressor(FrozenEstimator(purchases), FrozenEstimator(spend), "39W").fit(X)
    summary = rfm_summary(X)
    expected = purchases.expected_purchases(summary, 39.0) * spend.expected_spend(summary)
    assert np.array_equal(model.predict(X), expected)


@pytest.mark.parametrize("quantity", ["total_CET", "MAE", "RMSE"])
def test_the_published_holdout_of_cdnow(log, X, fitted, quantity):
    """Purchases in the 39 weeks after 1997-09-30, of which 1,882 came."""
    if not REFERENCE.exists():
        pytest.skip("the reference numbers are not beside the repository")
    with REFERENCE.open(newline="", encoding="utf-8") as file:
        (row,) = (
            row
            for row in csv.DictReader(file)
            if (row["dataset"], row["model"]) == ("cdnow_exact", "BG/NBD")
            and row["quantity"] == f"holdout39_{quantity}"
        )
    came = make_samples(log, "39W", cutoffs="1997-09-30", target="purchases")
    assert came.y.sum() == 1882
    purchases = fitted.predict_components(X)["expected_purchases"]
    error = purchases.to_numpy() - came.y.to_numpy()
    measured = {
        "total_CET": purchases.sum(),
        "MAE": np.abs(error).mean(),
        "RMSE": np.sqrt((error**2).mean()),
    }
    tolerance = float(row["tolerance"].removeprefix("rel="))
    assert measured[quantity] == pytest.approx(float(row["value"]), rel=tolerance)


def test_components_have_a_name_a_range_and_the_index_of_the_rows(X, fitted):
    parts = fitted.predict_components(X)
    assert list(parts) == COMPONENTS
    assert parts.index.equals(X.index)
    assert np.isfinite(parts.to_numpy()).all()
    assert (parts["expected_purchases"] > 0).all()
    assert (parts["expected_spend"] > 0).all()
    assert parts["probability_alive"].between(0, 1).all()
    assert (parts["probability_active"] <= parts["probability_alive"]).all()
    # At least one purchase cannot be likelier than the number of purchases to be expected.
    assert (parts["probability_active"] <= parts["expected_purchases"] + 1e-12).all()
    product = parts["expected_purchases"] * parts["expected_spend"]
    assert np.array_equal(product, fitted.predict(X))


@pytest.mark.parametrize(
    ("horizon", "cutoff", "days"),
    [
        ("1M", "1998-01-31", 28),
        ("1M", "1998-03-31", 30),
        ("1M", "1998-05-31", 30),
        ("1M", "1998-06-30", 30),
        ("1Q", "1998-02-28", 89),
        ("1Y", "1998-06-30", 365),
    ],
)
def test_calendar_horizons_are_counted_in_days_from_the_cutoff(log, horizon, cutoff, days):
    X = latest_histories(log, cutoff=cutoff)
    by_calendar = BTYDRegressor(horizon=horizon).fit(X)
    in_days = BTYDRegressor(horizon=f"{days}D").fit(X)
    assert by_calendar.predict(X) == pytest.approx(in_days.predict(X), rel=1e-12)


def test_rows_of_one_table_have_each_the_length_of_their_own_month(log):
    cutoffs = {"1998-01-31": "28D", "1998-03-31": "30D", "1998-04-15": "30D", "1998-05-01": "31D"}
    X = make_samples(log, "1M", cutoffs=list(cutoffs)).X
    model = BTYDRegressor().fit(X)
    parts = model.predict_components(X)
    for cutoff, length in cutoffs.items():
        rows = X.index.get_level_values("cutoff") == pd.Timestamp(cutoff)
        summary = rfm_summary(X[rows])
        expected = model.purchase_model_.expected_purchases(summary, length)
        assert parts["expected_purchases"][rows].to_numpy() == pytest.approx(expected, rel=1e-12)
        active = model.purchase_model_.probability_active(summary, length)
        assert parts["probability_active"][rows].to_numpy() == pytest.approx(active, rel=1e-12)


def test_the_horizon_is_that_of_the_samples_unless_given(log, X):
    samples = make_samples(log, "13W", cutoffs="1997-09-30").X
    taken = BTYDRegressor().fit(samples)
    assert taken.horizon_ == "13W"
    given = BTYDRegressor(horizon="13W").fit(X)
    assert np.array_equal(taken.predict(samples), given.predict(X))
    with pytest.raises(HorizonError, match="predicts horizon='26W', but the samples were made"):
        BTYDRegressor(horizon="26W").fit(samples)
    with pytest.raises(HorizonError, match="predicts horizon='39W'"):
        BTYDRegressor(horizon="39W").fit(X).predict(samples)
    with pytest.raises(HorizonError, match="no horizon is known"):
        BTYDRegressor().fit(X)


def test_the_latest_row_of_each_customer_is_fitted_on(log):
    samples = make_samples(log, "13W").X
    cutoff = samples.index.get_level_values("cutoff")
    assert cutoff.nunique() > 3
    latest = samples[cutoff == cutoff.max()]
    shuffled = samples.sample(frac=1.0, random_state=0)
    params = [BTYDRegressor().fit(rows).purchase_model_.params_ for rows in (samples, latest)]
    assert params[0] == params[1]
    again = BTYDRegressor().fit(shuffled).purchase_model_.params_
    assert again == pytest.approx(params[0], rel=1e-6)
    assert len(BTYDRegressor().fit(samples).predict(samples)) == len(samples)


def test_days_and_weeks_agree(X, fitted):
    daily = BTYDRegressor(BetaGeoNBD(time_unit="1D"), horizon="39W").fit(X)
    weekly = BTYDRegressor(BetaGeoNBD(time_unit="7D"), horizon="39W").fit(X)
    assert daily.purchase_model_.params_["alpha"] == pytest.approx(
        7 * weekly.purchase_model_.params_["alpha"], rel=1e-5
    )
    parts = [model.predict_components(X).to_numpy() for model in (daily, weekly)]
    assert parts[0] == pytest.approx(parts[1], rel=1e-5)
    assert np.array_equal(weekly.predict(X), fitted.predict(X))


def test_customers_with_refunds_only_are_newcomers_of_their_age(log):
    extra = pd.DataFrame(
        [
            ("refunds", "1997-03-03", -20.0, 1),
            ("refunds", "1997-05-01", -5.0, 1),
            ("newcomer", "1997-03-03", 12.0, 1),
        ],
        columns=["customer_id", "date", "amount", "quantity"],
    )
    texts = log.assign(customer_id=log["customer_id"].astype(str))
    whole = pd.concat([texts, extra.assign(date=pd.to_datetime(extra["date"]))])
    X = latest_histories(whole, cutoff="1997-09-30")
    model = BTYDRegressor(horizon="39W").fit(X)
    parts = model.predict_components(X).droplevel("cutoff")
    assert parts.loc["refunds"].tolist() == parts.loc["newcomer"].tolist()
    weeks = (pd.Timestamp("1997-09-30") - pd.Timestamp("1997-03-03")).days / 7
    by_hand = model.purchase_model_.expected_purchases([[0.0, 0.0, weeks]], 39.0)
    assert parts.loc["refunds", "expected_purchases"] == pytest.approx(by_hand[0], rel=1e-12)


def test_weekly_histories_count_purchases_by_the_week(log):
    X = latest_histories(log, cutoff="1997-09-28", granularity="W")
    model = BTYDRegressor(horizon="39W").fit(X)
    summary = rfm_summary(X)
    assert np.array_equal(summary["T"], np.round(summary["T"]))
    daily = rfm_summary(latest_histories(log, cutoff="1997-09-28"))
    assert summary["frequency"].sum() < daily["frequency"].sum()
    expected = BetaGeoNBD().fit(summary).expected_purchases(summary, 39.0)
    assert np.array_equal(model.predict_components(X)["expected_purchases"], expected)


@pytest.mark.parametrize("way", ["pickle", "skops"])
def test_it_is_the_same_after_a_round_trip(X, fitted, way):
    if way == "pickle":
        again = pickle.loads(pickle.dumps(fitted))
    else:
        again = skops.io.loads(skops.io.dumps(fitted), trusted=list(TRUSTED_TYPES))
    assert again.horizon_ == fitted.horizon_
    assert np.array_equal(again.predict(X), fitted.predict(X))
    pd.testing.assert_frame_equal(again.predict_components(X), fitted.predict_components(X))


def test_rows_are_predicted_one_by_one(X, fitted):
    whole = fitted.predict_components(X).to_numpy()
    order = np.random.default_rng(0).permutation(len(X))
    assert np.array_equal(fitted.predict_components(X.iloc[order]).to_numpy(), whole[order])
    for row in (0, 17, len(X) - 1):
        assert np.array_equal(fitted.predict_components(X.iloc[[row]]).to_numpy(), whole[[row]])
    assert fitted.predict(X.iloc[:0]).shape == (0,)


def test_nothing_after_the_cutoff_matters(log, X, fitted):
    cut = latest_histories(log)
    cut["history"] = get_histories(cut).cut_back("1997-09-30")
    assert np.array_equal(fitted.predict(cut), fitted.predict(X))


def test_a_clone_has_the_parameters_and_no_fit(fitted):
    model = BTYDRegressor(BetaGeoNBD(time_unit="1D"), GammaGamma(), "4W")
    again = clone(model)
    assert again.get_params()["purchase_model__time_unit"] == "1D"
    assert again.purchase_model is not model.purchase_model
    assert not hasattr(clone(fitted), "purchase_model_")
    assert not fitted.__sklearn_tags__().target_tags.required


class WithoutUnit(BaseEstimator):
    """A purchase model by name, which counts time in nobody knows what."""

    def fit(self, summary, y=None):
        return self

    def expected_purchases(self, summary, horizon):
        return np.ones(len(summary))

    probability_alive = probability_active = expected_purchases


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"purchase_model": WithoutUnit()}, r"purchase_model=WithoutUnit has no time_unit.*'7D'"),
        ({"purchase_model": BetaGeoNBD}, r"purchase_model=BetaGeoNBD is a class.*BetaGeoNBD\(\)"),
        ({"spend_model": GammaGamma}, r"spend_model=GammaGamma is a class.*GammaGamma\(\)"),
    ],
    ids=["unit", "purchase class", "spend class"],
)
def test_models_that_cannot_be_used_are_named(X, parameters, message):
    with pytest.raises(TypeError, match=message):
        BTYDRegressor(**parameters, horizon="4W").fit(X)


@pytest.mark.parametrize(
    "parameters",
    [{"purchase_model": GammaGamma()}, {"spend_model": HistoricalRate()}, {"horizon": 13}],
    ids=["purchase_model", "spend_model", "horizon"],
)
def test_parameters_of_another_kind_are_refused(X, parameters):
    (name,) = parameters
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of BTYDRegressor"):
        BTYDRegressor(**{"horizon": "4W"} | parameters).fit(X)


@pytest.fixture(scope="module")
def once():
    """Thirty customers of whom nobody came back."""
    days = pd.date_range("2024-01-01", periods=30)
    log = pd.DataFrame({"customer_id": range(30), "date": days, "amount": 10.0})
    return latest_histories(log, cutoff="2024-03-01")


def test_without_repeat_buyers_the_message_says_what_helps(once):
    message = "none of 30 customers has bought again.*Wait for repeat purchases.*FrozenEstimator"
    with pytest.raises(SummaryError, match=message):
        BTYDRegressor(horizon="4W").fit(once)


def test_without_repeat_buyers_the_remedy_in_the_message_works(once):
    spend = FrozenEstimator(GammaGamma.from_params(p=6, q=4, gamma=15))
    model = BTYDRegressor(spend_model=spend, horizon="4W")
    with pytest.warns(BoundaryWarning, match="no customer has bought again"):
        model.fit(once)
    assert (model.predict(once) < 1e-3).all()


def test_free_orders_alone_are_no_spend_to_learn_from(log):
    """Customers came back, but for nothing: their purchases can be fitted, their spend not."""
    free = log.assign(amount=0.0)
    with pytest.raises(SummaryError, match="none of 2357 customers has bought again for an amount"):
        BTYDRegressor(horizon="4W").fit(latest_histories(free))


def test_no_rows_are_no_customers(X):
    with pytest.raises(SummaryError, match="none of 0 customers"):
        BTYDRegressor(horizon="4W").fit(X.iloc[:0])
