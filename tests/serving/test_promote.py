from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from clvkit.baselines import HistoricalRate, LastPeriod
from clvkit.btyd import BTYDRegressor
from clvkit.errors import (
    ArgumentError,
    ModelFormatError,
    OutputError,
    UnknownNameError,
    UntrustedModelError,
)
from clvkit.history import latest_histories
from clvkit.serving import CLVModel, load, promote, refresh, register, rollback

ESTIMATORS = {"rate": HistoricalRate, "last": LastPeriod, "bg_nbd": BTYDRegressor}

# In the grocery log all baskets cost the same, which the spend model says.
pytestmark = pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning")


def fitted(log, name, cutoff="1998-03-31", **settings):
    model = CLVModel(ESTIMATORS[name](), horizon="13W", **settings)
    return model.fit(latest_histories(log, cutoff))


@pytest.fixture(scope="module")
def models(cdnow):
    """Fitted on the whole CDNOW log up to three months before its end."""
    return {name: fitted(cdnow, name) for name in ESTIMATORS}


def crowned(name, model, log):
    result = promote(name, model, log)
    assert (result.promoted, result.champion) == (True, None)
    return result


def champion(name):
    return int(mlflow.MlflowClient().get_model_version_by_alias(name, "champion").version)


# --- who wins -------------------------------------------------------------------------------


def test_the_first_is_champion_without_a_fight(store, models, cdnow):
    result = crowned("first", models["rate"], cdnow)
    assert (champion("first"), result.challenger) == (1, 1)
    assert result.reason == "There was no champion."
    assert np.isnan(result.gain)
    assert store.get_run(result.run_id).data.tags["promoted"] == "true"
    with pytest.raises(ArgumentError, match="no version to roll back to"):
        rollback("first")


def test_a_better_challenger_takes_over_and_can_be_rolled_back(store, models, cdnow):
    crowned("better", models["rate"], cdnow)
    result = promote("better", models["bg_nbd"], cdnow)
    assert result.promoted
    assert 0 < result.lower < result.gain < result.upper
    assert (result.champion, result.challenger, champion("better")) == (1, 2, 2)
    assert (result.origin, result.n_customers, result.horizon) == ("1998-03-31", 2357, "13W")
    values = load("models:/better@champion").predict_customers(cdnow)
    assert values.equals(models["bg_nbd"].predict_customers(cdnow))
    assert rollback("better") == 1
    assert champion("better") == 1


def test_a_worse_challenger_is_refused(store, models, cdnow):
    crowned("worse", models["bg_nbd"], cdnow)
    result = promote("worse", models["last"], cdnow)
    assert not result.promoted
    assert result.upper < 0
    assert "is worse" in result.reason
    assert champion("worse") == 1
    assert store.get_registered_model("worse").aliases.keys() == {"champion"}


@pytest.mark.filterwarnings("ignore::clvkit.errors.DataWarning")
def test_a_gain_within_noise_is_refused(store, shared_data):
    """On the online retail log BG/NBD is ahead of the past rate, but not for sure."""
    log = pd.read_parquet(shared_data / "online_retail_II.parquet")
    log = log.loc[log["customer_id"].notna(), ["customer_id", "date", "amount"]]
    old, new = (fitted(log, name, "2011-09-09") for name in ("rate", "bg_nbd"))
    crowned("noise", old, log)
    result = promote("noise", new, log)
    assert result.gain > 0
    assert result.lower < 0 < result.upper
    assert not result.promoted
    assert "not better beyond the noise" in result.reason
    assert champion("noise") == 1


@pytest.mark.parametrize(("n_buyers", "wins"), [(29, False), (30, True)])
def test_of_a_few_buyers_no_challenger_wins(store, models, cdnow, n_buyers, wins):
    """However far ahead it is: all but so many customers stop to buy at the origin."""
    name = f"buyers-{n_buyers}"
    crowned(name, models["rate"], cdnow)
    late = cdnow["date"] > "1998-03-31"
    kept = cdnow.loc[late & (cdnow["amount"] > 0), "customer_id"].unique()[:n_buyers]
    few = cdnow[~late | cdnow["customer_id"].isin(kept)]
    result = promote(name, models["bg_nbd"], few, scoring="mae", end="1998-06-30")
    assert result.lower > 0
    assert (result.promoted, champion(name)) == (wins, 2 if wins else 1)
    assert (
        "Only 29 of the customers bought anything in the test period" in result.reason
    ) is not wins


@pytest.mark.filterwarnings("ignore::clvkit.errors.DataWarning")
@pytest.mark.parametrize("name", ["online_retail_II", "grocery_elog", "complete_journey_baskets"])
def test_worse_ones_are_refused_on_real_logs(store, shared_data, name):
    log = pd.read_parquet(shared_data / f"{name}.parquet")
    log = log.loc[log["customer_id"].notna(), ["customer_id", "date", "amount"]]
    cutoff = str((log["date"].max() - pd.Timedelta(days=91)).date())
    crowned(name, fitted(log, "bg_nbd", cutoff), log)
    result = promote(name, fitted(log, "last", cutoff), log, n_bootstrap=200)
    assert not result.promoted
    assert result.gain < 0


def test_the_first_champion_must_be_a_version_that_can_be_loaded(store, models):
    """Nobody fights it, and still it is read before it is put into use, or recorded as such."""
    register(models["rate"], "guarded")
    runs = len(store.search_runs([store.get_experiment_by_name("guarded").experiment_id]))
    with pytest.raises(ModelFormatError, match=r"models:/guarded/9.* not found"):
        promote("guarded", 9, None)
    root = Path(mlflow.artifacts.download_artifacts("models:/guarded/1"))
    file = root / "artifacts" / "clv_model" / "model.skops"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(UntrustedModelError):
        promote("guarded", 1, None)
    assert not store.get_registered_model("guarded").aliases
    found = store.search_runs([store.get_experiment_by_name("guarded").experiment_id])
    assert len(found) == runs


# --- the least gain -------------------------------------------------------------------------


def test_the_lower_end_must_exceed_the_least_gain(models, cdnow):
    crowned("least", models["rate"], cdnow)
    free = promote("least", models["bg_nbd"], cdnow, n_bootstrap=100)
    rollback("least")
    margin = (free.lower + free.gain) / 2  # the gain is above it, its lower end is not
    held = promote("least", 2, cdnow, margin, n_bootstrap=100)
    assert (held.gain, held.lower) == (free.gain, free.lower)
    assert not held.promoted
    assert f"where {margin:+g} is the least" in held.reason
    less = free.lower - 1e-6
    assert promote("least", "models:/least/2", cdnow, less, n_bootstrap=100).promoted


def test_a_negative_least_gain_takes_what_is_as_good(models, cdnow):
    crowned("as good", models["bg_nbd"], cdnow)
    assert not promote("as good", models["bg_nbd"], cdnow, n_bootstrap=100).promoted
    result = promote("as good", 2, cdnow, -0.01, n_bootstrap=100)
    assert result.promoted
    assert "not worse than allowed" in result.reason


def test_another_score_may_decide(models, cdnow):
    crowned("scores", models["last"], cdnow)

    def accuracy(estimator, X, y):
        return -float(np.abs(estimator.predict(X) - y).mean())

    few = {"min_gain": 1e9, "n_bootstrap": 50}
    own = promote("scores", models["bg_nbd"], cdnow, scoring=accuracy, **few)
    named = promote("scores", 2, cdnow, scoring="mae", **few)
    assert (own.scoring, named.scoring) == ("accuracy", "mae")
    assert own.gain == pytest.approx(named.gain)
    assert own.gain == pytest.approx(-np.subtract(*named.frame()["mae"][::-1]))


# --- the record -----------------------------------------------------------------------------


def test_the_comparison_is_a_run(store, models, cdnow, tmp_path):
    crowned("recorded", models["rate"], cdnow)
    result = promote("recorded", models["bg_nbd"], cdnow, experiment="duels", n_bootstrap=100)
    run = store.get_run(result.run_id)
    assert store.get_experiment(run.info.experiment_id).name == "duels"
    told = {name: run.data.metrics[name] for name in ("gain", "lower", "upper")}
    assert told == {name: getattr(result, name) for name in told}
    table = result.frame()
    assert run.data.metrics["champion_mae"] == table.loc["champion", "mae"]
    assert run.data.params["champion"] == "1"
    assert run.data.params["n_bootstrap"] == "100"
    assert run.data.tags["reason"] == result.reason
    file = store.download_artifacts(result.run_id, "comparison.csv", str(tmp_path))
    pd.testing.assert_frame_equal(pd.read_csv(file, index_col="model"), table)
    names = {entry.path for entry in store.list_artifacts(result.run_id, "plots")}
    assert names == {"plots/gain.png"}


def test_no_alias_moves_where_the_run_cannot_be_written(models, cdnow, monkeypatch):
    crowned("unwritten", models["rate"], cdnow)
    version = register(models["bg_nbd"], "unwritten")

    def refuse(*args, **kwargs):
        raise ConnectionError("server is gone")

    monkeypatch.setattr("mlflow.MlflowClient.log_batch", refuse)
    with pytest.raises(OutputError, match=r"no alias was moved.*server is gone"):
        promote("unwritten", version, cdnow, n_bootstrap=50)
    assert champion("unwritten") == 1


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("challenger", "message"),
    [
        (1, "version 1 of 'refusals' is the champion already"),
        ("1", "is the champion already"),
        ("models:/other/1", "is no version of 'refusals'"),
        ("newest", "is no version of 'refusals'"),
        (object(), "got a object"),
    ],
    ids=["champion", "text", "other", "word", "object"],
)
def test_what_cannot_be_a_challenger_is_refused(models, cdnow, challenger, message):
    if mlflow.MlflowClient().search_registered_models("name = 'refusals'") == []:
        crowned("refusals", models["rate"], cdnow)
    with pytest.raises(ArgumentError, match=message):
        promote("refusals", challenger, cdnow)


def test_settings_are_checked_before_anything_is_registered(store, models, cdnow):
    with pytest.raises(UnknownNameError):
        promote("unchecked", models["rate"], cdnow, scoring="best")
    with pytest.raises(ArgumentError, match="confidence must be"):
        promote("unchecked", models["rate"], cdnow, confidence=95)
    # Of few draws none lies beyond the ends of an interval, and noise would win.
    with pytest.raises(ArgumentError, match="needs 40 draws of customers or more"):
        promote("unchecked", models["rate"], cdnow, n_bootstrap=39)
    assert not store.search_registered_models("name = 'unchecked'")


# --- the monthly routine ----------------------------------------------------------------------


def test_a_refresh_refits_registers_and_compares(store, cdnow):
    crowned("monthly", fitted(cdnow, "bg_nbd", "1998-05-31"), cdnow)
    result = refresh("monthly", cdnow, n_bootstrap=100)
    assert (result.champion, result.challenger) == (1, 2)
    # Judged by fits of their age: the champion's a month before the origin, the other's at it.
    assert result.frame()["trained_to"].tolist() == ["1998-03-01", "1998-03-31"]
    assert load("models:/monthly/2").training_end_ == "1998-06-30"
    assert champion("monthly") == (2 if result.lower > 0 else 1)


def test_a_refresh_that_is_as_good_may_take_over(cdnow):
    crowned("as fresh", fitted(cdnow, "bg_nbd", "1998-05-31"), cdnow)
    result = refresh("as fresh", cdnow, -0.05, n_bootstrap=100)
    assert result.promoted
    assert champion("as fresh") == 2


def test_without_a_champion_there_is_nothing_to_refresh(store, cdnow):
    with pytest.raises(ArgumentError, match="'nobody' has no champion to refresh"):
        refresh("nobody", cdnow)


def test_a_refresh_knows_the_end_of_observation(cdnow):
    crowned("ends", fitted(cdnow, "rate", "1998-05-31"), cdnow)
    refresh("ends", cdnow, end="1998-07-31", n_bootstrap=50)
    assert load("models:/ends/2").training_end_ == "1998-07-31"
