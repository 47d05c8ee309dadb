import pickle

import numpy as np
import pandas as pd
import pytest

from clvkit import AutoCLV
from clvkit.baselines import HistoricalRate
from clvkit.btyd import (
    BetaGeoCNBD,
    BTYDRegressor,
    ConditionalGammaGamma,
    GammaGamma,
    ParetoNBD,
    ShiftedBetaGeo,
)
from clvkit.datasets import load_cdnow
from clvkit.errors import ArgumentError, HorizonError, SummaryError, UnknownNameError
from clvkit.features import default_features
from clvkit.history import latest_histories, rfm_summary
from clvkit.serving import CLVModel
from clvkit.spark import fit


@pytest.fixture(scope="module")
def cdnow_there(to_spark):
    return to_spark(load_cdnow()).cache()


@pytest.mark.parametrize(
    "model",
    [ParetoNBD(), BetaGeoCNBD(k=2, time_unit="1D"), GammaGamma(), ConditionalGammaGamma()],
    ids=lambda model: type(model).__name__,
)
def test_models_of_summaries_are_fitted_as_on_one_machine(model, cdnow_there, cdnow_histories):
    summary = rfm_summary(
        cdnow_histories,
        time_unit=getattr(model, "time_unit", "7D"),
        gaps=isinstance(model, BetaGeoCNBD),
    )
    own = fit(model, cdnow_there, n_partitions=3)
    want = type(model)(**model.get_params()).fit(summary)
    assert own.params_ == pytest.approx(want.params_, rel=1e-6)
    assert own.log_likelihood_ == pytest.approx(want.log_likelihood_, rel=1e-9)
    assert not hasattr(model, "params_")


def test_a_regressor_of_both_models_is_fitted_in_one_pass(cdnow_there, cdnow_histories):
    own = fit(BTYDRegressor(horizon="13W"), cdnow_there)
    want = BTYDRegressor(horizon="13W").fit(cdnow_histories)
    assert own.horizon_ == want.horizon_
    np.testing.assert_allclose(
        own.predict(cdnow_histories), want.predict(cdnow_histories), rtol=1e-6
    )
    with pytest.raises(HorizonError, match="no horizon is known"):
        fit(BTYDRegressor(), cdnow_there)


def test_covariates_of_models_count_too(cdnow_there, cdnow):
    ids = cdnow["customer_id"].unique()
    table = pd.DataFrame({"customer_id": ids, "plan": np.where(ids % 3 == 0, "a", "b")})
    X = latest_histories(cdnow, covariates=table)
    model = ParetoNBD(covariates=["plan"])
    summary = pd.concat([rfm_summary(X), X[["plan"]]], axis=1)
    summary.attrs["time_unit"] = "7D"
    own = fit(model, cdnow_there, covariates=table)
    assert own.params_ == pytest.approx(model.fit(summary).params_, rel=1e-6)
    with pytest.raises(UnknownNameError, match="no covariate 'plan', which ParetoNBD names"):
        fit(ParetoNBD(covariates=["plan"]), cdnow_there)


def test_others_are_fitted_on_all_histories_where_these_fit(sdf, log):
    X = latest_histories(log, attributes=["shop"], refunds="drop")
    own = fit(default_features(), sdf, attributes=["shop"], refunds="drop")
    want = default_features().fit(X)
    np.testing.assert_array_equal(own.transform(X), want.transform(X))


def test_the_settings_of_an_estimator_are_its_own_unless_told_otherwise(sdf, log):
    odd = sdf.withColumnRenamed("amount", "paid")
    model = CLVModel(HistoricalRate(), horizon="13W", refunds="drop", attributes=["shop"])
    own = fit(model, odd, "2021-06-30", amount="paid")
    assert own.amount == "paid"
    assert own.training_end_ == "2021-06-30"
    X = latest_histories(log, "2021-06-30", refunds="drop", attributes=["shop"])
    np.testing.assert_array_equal(own.predict(X), model.fit(X).predict(X))


def test_a_search_runs_on_a_log_of_spark(cdnow_there, cdnow):
    auto = AutoCLV("13W", candidates=["baseline"], n_trials=3, random_state=0, verbose=0)
    own = fit(auto, cdnow_there, end="1998-06-30")
    want = auto.fit(cdnow)
    assert own.best_params_ == want.best_params_
    assert own.best_score_ == pytest.approx(want.best_score_, rel=1e-9)


def test_a_fitted_search_holds_no_frame_of_spark(to_spark, cdnow):
    log = cdnow[cdnow["customer_id"] < 200]
    ids = log["customer_id"].unique()
    table = to_spark(pd.DataFrame({"customer_id": ids, "age": np.arange(len(ids))}))
    auto = AutoCLV("13W", candidates=["baseline"], n_trials=1, random_state=0, verbose=0)
    own = fit(auto, to_spark(log), covariates=table)
    again = pickle.loads(pickle.dumps(own))
    assert again.best_params_ == own.best_params_
    assert own.model_.feature_names_in_.tolist() == ["history", "age"]


def test_what_cannot_be_fitted_is_refused(sdf):
    with pytest.raises(ArgumentError, match="n_partitions=0 must be a whole number from 1 on"):
        fit(ParetoNBD(), sdf, n_partitions=0)
    with pytest.raises(ArgumentError, match="Give an instance, such as ParetoNBD"):
        fit(ParetoNBD, sdf)
    with pytest.raises(ArgumentError, match="ShiftedBetaGeo is fitted neither on histories"):
        fit(ShiftedBetaGeo(), sdf)


def test_nobody_who_came_again_leaves_nothing_to_learn_of_spend(to_spark):
    once = pd.DataFrame(
        {
            "customer_id": np.arange(20),
            "date": np.datetime64("2021-01-01", "us") + np.arange(20).astype("m8[D]"),
            "amount": 1.0,
        }
    )
    with pytest.raises(SummaryError, match="none of 20 customers has bought again"):
        fit(BTYDRegressor(horizon="4W"), to_spark(once))
