from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from clvkit import AutoCLV
from clvkit.errors import ArgumentError, OutputError, UntrustedModelError
from clvkit.serving import load, model_record, register, rollback
from clvkit.tracking import FitRecord, MLflowWriter


def alias(store, name, which):
    return int(store.get_model_version_by_alias(name, which).version)


def test_a_model_is_registered_in_a_run_of_its_own(store, btyd, log):
    assert (register(btyd, "untracked"), register(btyd, "untracked")) == (1, 2)
    version = store.get_model_version("untracked", "2")
    run = store.get_run(version.run_id)
    assert store.get_experiment(run.info.experiment_id).name == "untracked"
    assert run.data.params["horizon"] == "13W"
    assert load("models:/untracked/2").predict_customers(log).equals(btyd.predict_customers(log))
    assert store.get_registered_model("untracked").aliases == {}


def test_a_tracked_fit_is_registered_from_its_own_run(store, log):
    auto = AutoCLV("13W", candidates="baseline", n_trials=2, random_state=0, tracking="own run")
    auto.fit(log)
    assert auto.tracked_run_.version is None
    assert register(auto, "tracked") == 1
    assert store.get_model_version("tracked", "1").run_id == auto.tracked_run_.run_id
    assert load("models:/tracked/1").predict_customers(log).equals(auto.predict_customers(log))


def test_a_fit_that_was_tracked_elsewhere_is_registered_anew(store, btyd):
    from types import SimpleNamespace

    gone = SimpleNamespace(model_uri="models:/m-" + 32 * "0")
    auto = SimpleNamespace(model_=btyd, tracked_run_=gone)
    assert register(auto, "elsewhere", experiment="anew") == 1
    run = store.get_run(store.get_model_version("elsewhere", "1").run_id)
    assert store.get_experiment(run.info.experiment_id).name == "anew"


@pytest.mark.parametrize("name", ["a/b", ""], ids=repr)
def test_a_name_that_mlflow_cannot_take_is_refused(btyd, name):
    with pytest.raises(OutputError, match="cannot be the name"):
        register(btyd, name)


def test_what_is_no_model_is_refused(btyd):
    with pytest.raises(ArgumentError, match="got a BTYDRegressor"):
        register(btyd.estimator_, "pipeline")


def test_a_registry_that_refuses_is_an_error_of_ours(btyd, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError("read only")

    monkeypatch.setattr("mlflow.MlflowClient.create_run", refuse)
    with pytest.raises(OutputError, match=r"could not be registered as 'no'.*read only"):
        register(btyd, "no")


def test_a_rollback_swaps_and_can_be_taken_back(store, track, btyd):
    for _ in range(3):
        track(btyd, "swapped")
    store.set_registered_model_alias("swapped", "champion", "3")
    store.set_registered_model_alias("swapped", "previous", "1")
    assert rollback("swapped") == 1
    assert (alias(store, "swapped", "champion"), alias(store, "swapped", "previous")) == (1, 3)
    assert rollback("swapped") == 3


def test_a_damaged_version_is_not_put_into_use(store, track, btyd):
    for which in ("previous", "champion"):
        version = track(btyd, "damaged").version
        store.set_registered_model_alias("damaged", which, version)
    root = Path(mlflow.artifacts.download_artifacts("models:/damaged/1"))
    file = root / "artifacts" / "clv_model" / "model.skops"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(UntrustedModelError, match=r"no alias was moved: version 1 .* was changed"):
        rollback("damaged")
    assert (alias(store, "damaged", "champion"), alias(store, "damaged", "previous")) == (2, 1)
    assert rollback("damaged", check=False) == 1
    assert alias(store, "damaged", "champion") == 1


@pytest.mark.parametrize("aliases", [{}, {"champion": "1"}, {"champion": "1", "previous": "1"}])
def test_without_a_previous_version_there_is_no_rollback(store, track, btyd, aliases):
    name = f"alone-{len(aliases)}"
    track(btyd, name)
    for which, version in aliases.items():
        store.set_registered_model_alias(name, which, version)
    with pytest.raises(ArgumentError, match="no version to roll back to"):
        rollback(name)


def test_a_model_that_is_not_there_has_no_rollback(store):
    with pytest.raises(ArgumentError, match="'nobody' has no version to roll back to"):
        rollback("nobody")


@pytest.mark.parametrize("method", ["get_model_version_by_alias", "set_registered_model_alias"])
def test_a_registry_out_of_reach_is_an_error_of_ours(store, track, btyd, monkeypatch, method):
    name = f"unreached-{method[:3]}"
    for which in ("previous", "champion"):
        track(btyd, name)
        version = len(store.search_model_versions(f"name = '{name}'"))
        store.set_registered_model_alias(name, which, version)

    def refuse(*args, **kwargs):
        raise MlflowException("Max retries exceeded")

    monkeypatch.setattr(f"mlflow.MlflowClient.{method}", refuse)
    with pytest.raises(OutputError, match=rf"'{name}' could not be .*Max retries exceeded"):
        rollback(name)


def test_a_tracked_model_without_registration_is_found_by_its_id(store, btyd):
    tracked = MLflowWriter().write([FitRecord("by id"), model_record(btyd)])
    assert load(tracked.model_uri).horizon == btyd.horizon
