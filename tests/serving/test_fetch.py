"""A registered model whose files were exchanged, by somebody more or less careful."""

import hashlib
import json
import shutil
from pathlib import Path

import mlflow
import pytest
import yaml

from clvkit.baselines import HistoricalRate
from clvkit.errors import ModelFormatError, UntrustedModelError
from clvkit.serving import CLVModel, load
from clvkit.tracking._digest import DIGEST_TAG, digest_of_folder


@pytest.fixture
def registered(track, btyd, request):
    """A registered model and the place of its files, which are the store's own."""
    where = track(btyd, "exchanged")
    return where, Path(mlflow.artifacts.download_artifacts(where.model_uri))


@pytest.fixture
def other(X, tmp_path):
    """Files of another model, in themselves without fault."""
    CLVModel(HistoricalRate(), horizon="13W").fit(X).save(tmp_path / "other")
    return tmp_path / "other"


def exchange(root, other):
    shutil.rmtree(root / "artifacts" / "clv_model")
    shutil.copytree(other, root / "artifacts" / "clv_model")


def rewrite_metadata(root, digest):
    described = yaml.safe_load((root / "MLmodel").read_text())
    described["metadata"][DIGEST_TAG] = digest
    (root / "MLmodel").write_text(yaml.safe_dump(described))


def model_id_of(version):
    return version.source.rpartition("/")[2]


def test_the_digest_is_in_the_metadata_and_in_the_database(registered, store):
    where, root = registered
    digest = digest_of_folder(root / "artifacts" / "clv_model")
    version = store.get_model_version("exchanged", str(where.version))
    assert version.tags[DIGEST_TAG] == digest
    assert store.get_logged_model(model_id_of(version)).tags[DIGEST_TAG] == digest
    assert yaml.safe_load((root / "MLmodel").read_text())["metadata"][DIGEST_TAG] == digest


def test_another_model_in_its_place_is_refused_wherever_it_is_loaded(registered, other):
    where, root = registered
    exchange(root, other)
    assert load(other).horizon == "13W"  # by itself there is nothing wrong with it
    for read in (load, mlflow.pyfunc.load_model):
        with pytest.raises(UntrustedModelError, match="changed after it was registered"):
            read(where.model_uri)


def test_with_the_metadata_rewritten_the_database_still_knows(registered, other, store):
    where, root = registered
    exchange(root, other)
    rewrite_metadata(root, digest_of_folder(other))
    version = store.get_model_version("exchanged", str(where.version))
    for uri in (where.model_uri, f"models:/{model_id_of(version)}"):
        with pytest.raises(UntrustedModelError, match="not the one in MLflow's database"):
            load(uri)


def test_a_version_registered_by_mlflow_itself_is_known_by_its_logged_model(store, track, btyd):
    where = track(btyd, "by-clvkit")
    model_id = model_id_of(store.get_model_version("by-clvkit", str(where.version)))
    version = mlflow.register_model(f"models:/{model_id}", "by-mlflow")
    assert DIGEST_TAG not in version.tags
    root = Path(mlflow.artifacts.download_artifacts(where.model_uri))
    assert load(f"models:/by-mlflow/{version.version}").horizon == "13W"
    (root / "artifacts" / "clv_model" / "note.txt").write_text("more than was there")
    with pytest.raises(UntrustedModelError, match="changed after it was registered"):
        load(f"models:/by-mlflow/{version.version}")


def test_metadata_that_cannot_be_read_are_an_error_of_ours(registered):
    _, root = registered
    (root / "MLmodel").write_text("[")
    with pytest.raises(ModelFormatError, match="could not be read"):
        load(root / "artifacts" / "clv_model")


def test_a_plain_folder_needs_no_metadata(btyd, tmp_path):
    btyd.save(tmp_path / "artifacts" / "clv_model")
    assert load(tmp_path / "artifacts" / "clv_model").horizon == btyd.horizon


def test_a_rewritten_checksum_inside_the_folder_does_not_help(registered):
    """Checksum and file agree again, and are still not what was registered."""
    where, root = registered
    folder = root / "artifacts" / "clv_model"
    card = json.loads((folder / "model.json").read_text())
    data = (folder / "model.skops").read_bytes() + b"x"
    (folder / "model.skops").write_bytes(data)
    card["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(UntrustedModelError, match="changed after it was registered"):
        load(where.model_uri)
