"""Artifacts that would run code if they were unpickled, on every way that a model is read.

Whoever made them could write anywhere: files, checksums, metadata and MLflow's database agree.
"""

import hashlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
import skops.io
import yaml
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from clvkit.cli import main
from clvkit.errors import UntrustedModelError
from clvkit.features import RFMFeatures
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, load, make_app
from clvkit.tracking._digest import DIGEST_TAG, digest_of_folder


class Bait:
    """Touches a file when it is unpickled, or when skops sets its state."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return (subprocess.check_call, ([sys.executable, "-c", f"open({self.marker!r}, 'w')"],))

    def __setstate__(self, state):
        Path(state["marker"]).touch()


CRAFTED = {"pickle": pickle.dumps, "skops": skops.io.dumps}


@pytest.fixture(params=list(CRAFTED))
def crafted(request, track, store, btyd, tmp_path):
    """A registered model with such an artifact, and the file that would be touched."""
    where = track(btyd, "crafted")
    root = Path(mlflow.artifacts.download_artifacts(where.model_uri))
    folder = root / "artifacts" / "clv_model"
    marker = tmp_path / "marker"
    data = CRAFTED[request.param](Bait(marker))
    (folder / "model.skops").write_bytes(data)
    card = json.loads((folder / "model.json").read_text())
    card["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / "model.json").write_text(json.dumps(card))
    digest = digest_of_folder(folder)
    described = yaml.safe_load((root / "MLmodel").read_text())
    described["metadata"][DIGEST_TAG] = digest
    (root / "MLmodel").write_text(yaml.safe_dump(described))
    store.set_model_version_tag("crafted", str(where.version), DIGEST_TAG, digest)
    return where.model_uri, folder, marker


def command(*arguments):
    assert main([str(argument) for argument in arguments]) == 2


def predict(place, tmp_path):
    (tmp_path / "log.csv").write_text("customer_id,date,amount\n1,1998-01-03,2\n")
    command("predict", place, tmp_path / "log.csv", "--out", tmp_path / "values.csv")


def refused(read):
    def attempt(place, tmp_path):
        with pytest.raises(UntrustedModelError):
            read(place)

    return attempt


WAYS = {
    "load": refused(load),
    "serve": refused(lambda place: make_app(load(place))),
    "clvkit serve": lambda place, tmp_path: command("serve", place, "--port", "0"),
    "clvkit predict": predict,
}


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("place", ["uri", "folder"])
def test_a_crafted_artifact_runs_nothing(crafted, way, place, tmp_path):
    uri, folder, marker = crafted
    WAYS[way](uri if place == "uri" else folder, tmp_path)
    assert not marker.exists()


def test_a_crafted_artifact_runs_nothing_in_mlflows_own_server(crafted):
    """``mlflow models serve`` begins with this."""
    uri, _, marker = crafted
    with pytest.raises(UntrustedModelError):
        mlflow.pyfunc.load_model(uri)
    assert not marker.exists()


def test_the_bait_works(crafted):
    _, folder, marker = crafted
    data = (folder / "model.skops").read_bytes()
    if data[:2] == b"PK":
        skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    else:
        pickle.loads(data)
    assert marker.exists()


# --- a model that reads pickles when it is fitted again -------------------------------------------


@pytest.fixture
def caching(X, log, tmp_path, monkeypatch):
    """A stored model whose pipeline names a cache that was filled by others, and the bait."""
    pipeline = Pipeline([("f", RFMFeatures()), ("i", SimpleImputer()), ("r", Ridge())],
                        memory=str(tmp_path / "cache"))  # fmt: skip
    model = CLVModel(SnapshotRegressor(pipeline, n_snapshots=2), horizon="13W").fit(X)
    marker = tmp_path / "marker"
    outputs = list((tmp_path / "cache").rglob("output.pkl"))
    assert outputs
    for file in outputs:
        file.write_bytes(pickle.dumps(Bait(marker)))
    with monkeypatch.context() as patch:
        patch.setattr("clvkit.serving._store.cached", lambda model: [])
        model.save(tmp_path / "model")
        trusting = load(tmp_path / "model")
    return model, trusting, tmp_path / "model", marker


def test_a_model_with_a_cache_is_neither_saved_nor_loaded(caching, tmp_path):
    model, _, folder, marker = caching
    with pytest.raises(UntrustedModelError, match="Pipeline with a cache on disk"):
        load(folder)
    with pytest.raises(UntrustedModelError, match="Fit it with memory=None"):
        model.save(tmp_path / "another")
    assert not marker.exists()


def test_the_bait_in_the_cache_works(caching, log):
    _, trusting, _, marker = caching
    with pytest.raises(TypeError):  # what the pickle makes is no output of a step
        trusting.refit(log, cutoff="1998-03-31")
    assert marker.exists()


# --- a model that names a pickle, or code, instead ------------------------------------------------


@pytest.fixture
def renamed(track, btyd, log, tmp_path):
    """A registered model whose metadata send MLflow to a pickle, and whose code was changed."""
    where = track(btyd, "renamed")
    root = Path(mlflow.artifacts.download_artifacts(where.model_uri))
    marker = tmp_path / "marker"
    (root / "python_model.pkl").write_bytes(pickle.dumps(Bait(marker)))
    (root / "_pyfunc.py").write_text(f"open({str(marker)!r}, 'w')\n")
    described = yaml.safe_load((root / "MLmodel").read_text())
    flavor = described["flavors"]["python_function"]
    del flavor["model_code_path"]
    flavor |= {"python_model": "python_model.pkl", "cloudpickle_version": "3.1.1"}
    (root / "MLmodel").write_text(yaml.safe_dump(described))
    return where.model_uri, marker


def test_clvkit_reads_neither_the_pickle_nor_the_code(renamed, btyd, log):
    uri, marker = renamed
    model = load(uri)
    make_app(model)
    assert model.predict_customers(log).equals(btyd.predict_customers(log))
    assert not marker.exists()


def test_mlflow_can_be_told_to_leave_pickles_alone(renamed, monkeypatch):
    from mlflow.exceptions import MlflowException

    uri, marker = renamed
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with pytest.raises(MlflowException, match="using pickle is disallowed"):
        mlflow.pyfunc.load_model(uri)
    assert not marker.exists()
