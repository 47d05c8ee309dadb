import hashlib
import io
import json
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from skops.io._protocol import PROTOCOL

from clvkit.baselines import HistoricalRate
from clvkit.errors import ModelFormatError, OutputError, UntrustedModelError
from clvkit.features import RFMFeatures
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, check_save_folder, load
from clvkit.serving._store import SCHEMA_VERSION


@pytest.fixture
def folder(btyd, tmp_path):
    """A folder with a saved model."""
    btyd.save(tmp_path / "model")
    return tmp_path / "model"


def rewrite(folder, data):
    """Put other bytes into a saved model, with a checksum that fits."""
    (folder / "model.skops").write_bytes(data)
    card = json.loads((folder / "model.json").read_text())
    card["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / "model.json").write_text(json.dumps(card))


def test_every_family_comes_back_exactly(model, log, tmp_path):
    model.save(tmp_path / "model")
    for loaded in (load(tmp_path / "model"), CLVModel.load(str(tmp_path / "model"))):
        pd.testing.assert_frame_equal(
            loaded.predict_customers(log), model.predict_customers(log), check_exact=True
        )
        assert repr(loaded) == repr(model)
        assert loaded.refit(log).training_end_ == str(log["date"].max().date())


def test_the_folder_is_two_small_files_without_customers(folder, log):
    assert sorted(file.name for file in folder.iterdir()) == ["model.json", "model.skops"]
    assert sum(file.stat().st_size for file in folder.iterdir()) < 20_000
    with zipfile.ZipFile(folder / "model.skops") as archive:
        names = archive.namelist()
    assert not [name for name in names if name.endswith((".pkl", ".pickle"))]


def test_the_card_says_what_a_person_wants_to_know(folder):
    card = json.loads((folder / "model.json").read_text())
    data = (folder / "model.skops").read_bytes()
    assert card["schema_version"] == SCHEMA_VERSION
    assert (card["horizon"], card["training_end"]) == ("13W", "1998-03-31")
    assert card["door"]["customer_id"] == "customer_id"
    assert {"python", "clvkit-automl", "scikit-learn", "skops"} <= set(card["versions"])
    assert card["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_model_replaces_a_model_and_nothing_else(btyd, X, folder, tmp_path):
    other = CLVModel(HistoricalRate(), horizon="26W").fit(X)
    other.save(folder)
    assert load(folder).horizon == "26W"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        btyd.save(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    with pytest.raises(OutputError, match="exists"):
        btyd.save(folder / "notes.txt")


def test_a_failed_save_leaves_the_old_model(btyd, folder, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        btyd.save(folder)
    monkeypatch.undo()
    assert load(folder).horizon == btyd.horizon
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_parents_are_made(btyd, tmp_path):
    btyd.save(tmp_path / "a" / "b")
    assert load(tmp_path / "a" / "b").n_customers_ == btyd.n_customers_


def test_what_cannot_be_stored_is_refused_at_once(X, tmp_path):
    def double(values):
        return 2 * values

    odd = TransformedTargetRegressor(
        HistoricalRate(horizon="13W"), func=double, inverse_func=double, check_inverse=False
    )
    model = CLVModel(odd, horizon="13W").fit(X, np.ones(len(X)))
    with pytest.raises((ModelFormatError, UntrustedModelError), match=r"stored|refused"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


# --- refusing -------------------------------------------------------------------------------


def test_a_changed_file_is_refused(folder):
    data = bytearray((folder / "model.skops").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.skops").write_bytes(data)
    with pytest.raises(UntrustedModelError, match="changed after it was saved"):
        load(folder)


class Evil:
    """Would leave a mark if it were ever rebuilt."""

    marker = ""

    def __init__(self, marker):
        self.marker = marker

    def __setstate__(self, state):
        Path(state["marker"]).write_text("run")

    def __reduce__(self):
        return (Path(self.marker).write_text, ("run",))


def node(module, name, loader, content=None):
    """What skops stores of an object, with the class of one's choice."""
    return {
        "__module__": module,
        "__class__": name,
        "__loader__": loader,
        "content": content,
        "__id__": 1,
    }


def skops_file(content):
    buffer = io.BytesIO()
    schema = {**content, "protocol": PROTOCOL, "_skops_version": skops.__version__}
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", "FunctionNode"),
        ("os", "system", "ObjectNode"),
        ("builtins", "eval", "FunctionNode"),
        ("subprocess", "Popen", "ObjectNode"),
        ("clvkit.serving._store", "save_folder", "FunctionNode"),
    ],
    ids=lambda value: str(value),
)
def test_types_off_the_list_are_named(folder, module, name, loader):
    content = {"module_path": module, "function": name}
    if loader == "ObjectNode":
        content = node("builtins", "str", "JsonNode", '"true"') | {"is_json": True, "__id__": 2}
    rewrite(folder, skops_file(node(module, name, loader, content)))
    with pytest.raises(UntrustedModelError, match=rf"does not trust.*{module}.{name}"):
        load(folder)


def test_an_object_that_acts_when_rebuilt_does_not(folder, tmp_path):
    marker = tmp_path / "marker"
    rewrite(folder, skops.io.dumps(Evil(str(marker))))
    with pytest.raises(UntrustedModelError, match="Evil"):
        load(folder)
    assert not marker.exists()
    skops.io.loads((folder / "model.skops").read_bytes(), trusted=[f"{__name__}.Evil"])
    assert marker.exists()  # the bait works


def test_a_pickle_is_not_opened(folder, tmp_path):
    marker = tmp_path / "marker"
    rewrite(folder, pickle.dumps(Evil(str(marker))))
    with pytest.raises(UntrustedModelError, match="no readable skops file"):
        load(folder)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Evil(str(marker))))
    assert marker.exists()  # the bait works


def test_another_object_is_no_model(folder):
    rewrite(folder, skops.io.dumps(HistoricalRate(horizon="13W")))
    with pytest.raises(ModelFormatError, match="HistoricalRate, no CLVModel"):
        load(folder)


def test_a_later_schema_is_named(folder):
    card = json.loads((folder / "model.json").read_text())
    card |= {"schema_version": 99, "versions": {"clvkit-automl": "7.1"}}
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelFormatError, match=r"schema version 99.*clvkit 7\.1"):
        load(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "no JSON"), ("[]", "does not describe"), ('{"format": "x"}', "does not describe")],
    ids=["broken", "list", "foreign"],
)
def test_a_card_of_something_else_is_refused(folder, text, message):
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelFormatError, match=message):
        load(folder)


def test_half_a_folder_is_refused(folder, tmp_path):
    (folder / "model.skops").unlink()
    with pytest.raises(ModelFormatError, match="could not be read"):
        load(folder)
    with pytest.raises(ModelFormatError, match="it has no model"):
        load(tmp_path)


def test_the_folder_around_a_model_is_told_from_it(folder):
    with pytest.raises(ModelFormatError, match=f"There is one inside: '{folder}'"):
        load(folder.parent)


# --- places ---------------------------------------------------------------------------------


@pytest.mark.parametrize("litter", [".DS_Store", "Thumbs.db", "desktop.ini", "._model.json"])
def test_what_file_managers_leave_is_in_nobodys_way(btyd, folder, tmp_path, litter):
    (folder / litter).write_bytes(b"\0")
    btyd.save(folder)
    assert load(folder).n_customers_ == btyd.n_customers_
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / litter).touch()
    btyd.save(empty)
    assert load(empty).n_customers_ == btyd.n_customers_


@pytest.mark.parametrize("place", ["file", "file/model", "file/a/model", "full", "full/notes.txt"])
def test_a_place_that_cannot_take_a_model_is_named_before_and_at_the_time(btyd, tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    for attempt in (check_save_folder, btyd.save):
        with pytest.raises(OutputError, match=re.escape(f"'{tmp_path / place}'")):
            attempt(tmp_path / place)
    assert sorted(tmp_path.rglob("*")) == before


def test_checking_writes_nothing(folder, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    check_save_folder(folder)
    check_save_folder(str(tmp_path / "a" / "b"))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is write-protected for root")
def test_a_write_protected_place_is_named(btyd, tmp_path):
    tmp_path.chmod(0o500)
    for attempt in (check_save_folder, btyd.save):
        with pytest.raises(OutputError, match="may not be written to"):
            attempt(tmp_path / "model")


def test_a_folder_that_cannot_be_made_is_named(btyd, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(OutputError, match="cannot be written \\(Permission denied\\)"):
        btyd.save(tmp_path / "model")


def test_what_skops_cannot_rebuild_is_no_traceback_of_skops(folder, monkeypatch):
    def fail(*args, **kwargs):
        raise TypeError("another version")

    monkeypatch.setattr(skops.io, "loads", fail)
    with pytest.raises(ModelFormatError, match=r"TypeError: another version.*model\.json"):
        load(folder)


@pytest.mark.parametrize(
    "regressor",
    [
        make_pipeline(RFMFeatures(), SimpleImputer(), Ridge()),
        make_pipeline(RFMFeatures(), RandomForestRegressor(5, random_state=0)),
        make_pipeline(RFMFeatures(), HistGradientBoostingRegressor(max_iter=5, random_state=0)),
    ],
    ids=["ridge", "forest", "boosting"],
)
def test_a_pipeline_of_scikit_learn_is_stored_and_comes_back(regressor, X, log, tmp_path):
    model = CLVModel(SnapshotRegressor(regressor, n_snapshots=2), horizon="13W").fit(X)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(
        load(tmp_path / "model").predict_customers(log), model.predict_customers(log)
    )
