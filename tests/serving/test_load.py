import os
import subprocess
import sys

import pandas as pd
import pytest

from clvkit.errors import ModelFormatError
from clvkit.serving import load
from clvkit.serving._fetch import _is_absent


def table(model, log):
    return model.predict_customers(log).reset_index()


def close(left, right):
    pd.testing.assert_frame_equal(left, right, rtol=1e-12, atol=1e-12, check_dtype=False)


def test_load_takes_any_uri_of_the_model(tracked, btyd, log):
    version = f"models:/cdnow/{tracked.version}"
    for uri in (version, "models:/cdnow@champion", f"runs:/{tracked.run_id}/model"):
        close(table(load(uri), log), table(btyd, log))


def test_the_exported_pipeline_is_no_model(tracked):
    with pytest.raises(ModelFormatError, match=r"mlflow\.sklearn\.load_model"):
        load(tracked.pipeline_uri)


@pytest.mark.parametrize(
    "uri",
    ["models:/nobody/1", "models:/nobody@champion", "runs:/nothing/model", "modles:/cdnow/1"],
)
def test_what_is_not_there_is_said_in_one_error_of_ours(store, uri):
    with pytest.raises(ModelFormatError) as caught:
        load(uri)
    assert repr(uri) in str(caught.value)
    assert f"tracking URI '{store.tracking_uri}'" in str(caught.value)
    assert f"registry URI '{store.tracking_uri}'" in str(caught.value)


def test_asking_makes_no_database(tmp_path):
    script = """
from clvkit.errors import ModelFormatError
from clvkit.serving import load
try:
    load("models:/nobody@champion")
except ModelFormatError as error:
    print(error)
"""
    clean = {name: v for name, v in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**clean, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("'models:/nobody@champion' was not found: there is no sqlite:")
    assert (done.stderr, list(tmp_path.iterdir())) == ("", [])


def test_only_a_missing_database_file_is_absent(tmp_path):
    (tmp_path / "there.db").touch()
    assert _is_absent(f"sqlite:///{tmp_path}/gone.db")
    assert _is_absent(f"sqlite+pysqlite:///{tmp_path}/gone.db?mode=ro")
    assert not _is_absent(f"sqlite:///{tmp_path}/there.db")
    assert not _is_absent("http://localhost:5000")
    assert not _is_absent("sqlite:///:memory:")


@pytest.mark.parametrize("missing", ["tracking", "registry"])
def test_the_store_that_holds_the_model_is_the_one_to_be_there(
    tracked, tmp_path, missing, monkeypatch
):
    logged, registered = f"runs:/{tracked.run_id}/model", f"models:/cdnow/{tracked.version}"
    absent, there = (logged, registered) if missing == "tracking" else (registered, logged)
    gone = f"sqlite:///{tmp_path}/gone.db"
    # MLflow's own setters leave traces in the environment that nothing takes back.
    monkeypatch.setattr(f"mlflow.get_{missing}_uri", lambda: gone)
    with pytest.raises(ModelFormatError, match=f"there is no {gone}"):
        load(absent)
    assert load(there).horizon == "13W"
    assert not (tmp_path / "gone.db").exists()


def test_a_folder_whose_name_looks_like_a_uri_is_a_folder(btyd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    btyd.save("models:")
    assert load("models:").horizon == "13W"
