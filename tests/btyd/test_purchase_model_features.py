"""PurchaseModelFeatures: what purchase models expect, learnt by the cutoff of each row."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.btyd import (
    NBD,
    BetaGeoNBD,
    BTYDRegressor,
    GammaGamma,
    ModifiedBetaGeoNBD,
    PurchaseModelFeatures,
)
from clvkit.datasets import load_cdnow
from clvkit.errors import BoundaryWarning, EmptyLogError, HorizonError, IndependenceWarning
from clvkit.features import default_features
from clvkit.history import get_histories, latest_histories, make_samples
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving._trust import TRUSTED_TYPES
from clvkit.testing import check_history_transformer
from clvkit.testing._history_logs import CUTOFFS as CHECKED
from clvkit.testing._history_logs import Rows, another_future, random_logs
from clvkit.testing._history_properties import (
    check_comparison,
    check_row_by_row,
    date_shift,
    line_order,
    no_future,
)

NAMES = ["expected_purchases", "probability_alive", "probability_active", "expected_spend", "clv"]
CUTOFFS = ["1997-06-30", "1997-09-30", "1997-12-31"]


@pytest.fixture(scope="module")
def log():
    return load_cdnow()


@pytest.fixture(scope="module")
def X(log):
    return make_samples(log, "13W", cutoffs=CUTOFFS).X


@pytest.fixture(scope="module")
def fitted(X):
    return PurchaseModelFeatures().fit(X)


def rows_at(X, cutoff):
    return X[X.index.get_level_values("cutoff") == cutoff]


KNOWN = PurchaseModelFeatures(
    FrozenEstimator(BetaGeoNBD.from_params(r=0.24, alpha=4.4, a=0.8, b=2.4)),
    FrozenEstimator(GammaGamma.from_params(p=6.25, q=3.74, gamma=15.4)),
    horizon="13W",
    step="60D",
)

# The small logs of the suite end on a boundary as often as not.
of_small_logs = [
    pytest.mark.filterwarnings("ignore::clvkit.errors.BoundaryWarning"),
    pytest.mark.filterwarnings("ignore::clvkit.errors.IndependenceWarning"),
]


def apply(marks):
    return lambda test: marks[0](marks[1](test))


def test_it_is_a_transformer_over_histories():
    """With known parameters, because the suite fits some hundred times."""
    check_history_transformer(
        KNOWN, scales_with_money=False, ignores_dates=True, granularities=("D",), n_logs=1
    )


@pytest.mark.long
@apply(of_small_logs)
@pytest.mark.parametrize("spend_model", [None, "conditional"])
def test_it_is_a_transformer_over_histories_whatever_it_learns(spend_model):
    step = PurchaseModelFeatures(None, spend_model, horizon="5W", step="60D")
    # A search by steps ends a little elsewhere for other amounts, so the currency has its own test.
    check_history_transformer(step, scales_with_money=False, ignores_dates=True, n_logs=2)


LOGS = random_logs(3, n_customers=30)
ROWS = Rows(LOGS)


@apply(of_small_logs)
@pytest.mark.parametrize("one_each", [False, True], ids=["all cutoffs", "a cutoff each"])
@pytest.mark.parametrize("purchase_model", [BetaGeoNBD(), ModifiedBetaGeoNBD()], ids=str)
def test_no_future_is_learnt(purchase_model, one_each):
    other = Rows(another_future(LOGS, CHECKED[1], np.random.default_rng(0)))
    step = PurchaseModelFeatures(purchase_model, horizon="2M", step="20D")
    comparison = no_future(ROWS, other, CHECKED[1], CHECKED, one_each=one_each)
    fitted = step.fit(comparison.fit)
    assert not np.isnan(fitted.transform(comparison.rows)).any()
    check_comparison(step, comparison)


@apply(of_small_logs)
def test_neither_order_nor_dates_nor_other_rows_matter():
    step = PurchaseModelFeatures(horizon="5W")
    cutoffs = CHECKED[1:]
    check_comparison(step, line_order(LOGS, cutoffs))
    check_comparison(step, date_shift(LOGS, cutoffs))
    check_row_by_row(step, ROWS.at(cutoffs))


def test_each_cutoff_has_the_model_of_what_was_known_by_then(log, X, fitted):
    for cutoff in CUTOFFS:
        known = latest_histories(log, cutoff=cutoff)
        model = BTYDRegressor(horizon="13W").fit(known)
        features = fitted.set_output(transform="pandas").transform(rows_at(X, cutoff))
        expected = model.predict_components(known)
        assert list(features) == NAMES
        np.testing.assert_allclose(features[NAMES[:-1]], expected, rtol=1e-9)
        np.testing.assert_allclose(features["clv"], model.predict(known), rtol=1e-9)


def test_the_latest_model_is_that_of_each_customers_latest_row(X, fitted):
    latest = BTYDRegressor(horizon="13W").fit(X)
    for name in ("purchase_model_", "spend_model_"):
        params = getattr(fitted.models_[-1], name).params_
        assert params == pytest.approx(getattr(latest, name).params_, rel=1e-9)


def test_money_in_another_currency_is_multiplied(log, X, fitted):
    cents = make_samples(log.assign(amount=100 * log["amount"]), "13W", cutoffs=CUTOFFS).X
    actual = PurchaseModelFeatures().fit(cents).transform(cents)
    expected = np.asarray(fitted.transform(X)) * [1, 1, 1, 100, 100]
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_rows_between_and_beyond_the_cutoffs_are_shown_the_model_before(log, X, fitted):
    later = latest_histories(log, cutoff="1998-05-31")
    between = latest_histories(log, cutoff="1997-11-11")
    for rows, k in ((later, 2), (between, 1)):
        expected = fitted.models_[k].predict(rows)
        np.testing.assert_array_equal(fitted.transform(rows)["clv"], expected)


def test_rows_before_the_first_cutoff_have_no_model(log, fitted):
    assert np.isnan(fitted.transform(latest_histories(log, cutoff="1997-06-29"))).all(axis=None)


def test_cutoffs_that_are_near_to_each_other_share_a_model(log):
    cutoffs = ["1997-09-01", "1997-09-05", "1997-09-08", "1997-09-12", "1997-09-15"]
    X = make_samples(log, "13W", cutoffs=cutoffs).X
    moments = np.array([cutoffs[0], cutoffs[2], cutoffs[4]], dtype="M8[D]").astype(np.int64)
    assert np.array_equal(PurchaseModelFeatures().fit(X).cutoffs_, moments)
    assert len(PurchaseModelFeatures(step="1D").fit(X).cutoffs_) == 5
    # What comes later does not change which cutoffs are taken.
    early = X[X.index.get_level_values("cutoff") < "1997-09-12"]
    assert np.array_equal(PurchaseModelFeatures().fit(early).cutoffs_, moments[:2])


def test_where_nobody_has_bought_again_nothing_is_known():
    log = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 1, 2, 3, 3],
            "date": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-02-20", *["2024-03-01"] * 3],
            "amount": [5.0, 7.0, 9.0, 4.0, 8.0, 8.0, 1.0],
        }
    )
    X = make_samples(log, "5D", cutoffs=["2024-01-10", "2024-03-02"], end="2024-03-31").X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        step = PurchaseModelFeatures().fit(X)
    assert len(step.models_) == 1
    features = pd.DataFrame(step.transform(X), index=X.index)
    assert rows_at(features, "2024-01-10").isna().all(axis=None)
    assert rows_at(features, "2024-03-02").notna().all(axis=None)
    nothing = PurchaseModelFeatures().fit(rows_at(X, "2024-01-10"))
    assert np.isnan(nothing.transform(X)).all()


def test_it_warns_of_the_latest_model_only(log):
    """A finding about the log is told once, and not for each of the cutoffs."""
    often = log.groupby("customer_id")["date"].transform("size")
    noise = np.random.default_rng(0).gamma(4.0, size=len(log))
    X = make_samples(log.assign(amount=noise * often), "13W", cutoffs=CUTOFFS).X
    for cutoff in CUTOFFS:
        with pytest.warns(IndependenceWarning):
            BTYDRegressor().fit(rows_at(X, cutoff))
    with pytest.warns(IndependenceWarning) as caught:
        PurchaseModelFeatures().fit(X)
    assert len(caught) == 1
    PurchaseModelFeatures(spend_model="conditional").fit(X)


def test_covariates_stand_beside_the_history(X):
    rng = np.random.default_rng(0)
    X = X.assign(loyal=rng.integers(0, 2, len(X)).astype(float))
    step = PurchaseModelFeatures(BetaGeoNBD(covariates=["loyal"])).fit(X)
    expected = BTYDRegressor(BetaGeoNBD(covariates=["loyal"])).fit(X).predict(X)
    last = (X.index.get_level_values("cutoff") == CUTOFFS[-1]).nonzero()[0]
    np.testing.assert_allclose(step.transform(X)[last, -1], expected[last], rtol=1e-12)


def test_in_a_pipeline_on_snapshots(log):
    X = latest_histories(log, cutoff="1998-03-31")
    features = ColumnTransformer(
        [
            ("own", default_features(), ["history"]),
            ("models", PurchaseModelFeatures(NBD(), GammaGamma()), ["history"]),
        ],
        verbose_feature_names_out=False,
    )
    pipeline = make_pipeline(features, TweedieLGBMRegressor(n_estimators=20, random_state=0))
    model = SnapshotRegressor(pipeline, "13W").fit(X)
    assert len(model.pipeline_[0].named_transformers_["models"].models_) == len(model.snapshots_)
    prediction = model.predict(X)
    # Events after the cutoff of X are in the store of these, and change nothing.
    later = latest_histories(log)
    later["history"] = get_histories(later).cut_back("1998-03-31")
    assert np.array_equal(SnapshotRegressor(pipeline, "13W").fit(later).predict(later), prediction)
    again = skops.io.loads(skops.io.dumps(model), trusted=list(TRUSTED_TYPES))
    assert np.array_equal(again.predict(X), prediction)


def test_what_cannot_be_used_is_refused(log, X):
    with pytest.raises(EmptyLogError, match="no rows"):
        PurchaseModelFeatures().fit(X.iloc[:0])
    with pytest.raises(HorizonError, match="no horizon"):
        PurchaseModelFeatures().fit(latest_histories(log))
    with pytest.raises(HorizonError):
        PurchaseModelFeatures(horizon="26W").fit(X)
    with pytest.raises(TypeError, match="is a class"):
        PurchaseModelFeatures(BetaGeoNBD).fit(X)
    with pytest.raises(ValueError, match="step"):
        PurchaseModelFeatures(step="0D").fit(X)
