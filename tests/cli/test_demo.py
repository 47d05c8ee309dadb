"""``clvkit demo``: what a newcomer runs first leaves what it says, and nothing else."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.image import imread

from clvkit.cli import main
from clvkit.serving import load

pytestmark = pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning")

CUTOFF = "1998-03-31"


def uris(mlflow):
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    return mlflow.get_tracking_uri(), mlflow.get_registry_uri(), *map(os.environ.get, names)


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory):
    """MLflow, set to a place where the demo must write nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        import mlflow

        yield mlflow


@pytest.fixture(scope="module")
def demo(mlflow, tmp_path_factory):
    """The folder of a demo that was run twice, and what it changed in the process."""
    folder = tmp_path_factory.mktemp("demo") / "results"
    before = uris(mlflow), plt.get_fignums()
    codes = [main(["demo", "--n-trials", "3", "--out", str(folder)]) for _ in range(2)]
    after = uris(mlflow), plt.get_fignums()
    assert codes == [0, 0]
    return folder, before, after


@pytest.fixture(scope="module")
def folder(demo):
    return demo[0]


def test_it_leaves_what_it_says(folder):
    files = {entry.name for entry in folder.iterdir()}
    assert files == {
        "predictions.csv",
        "leaderboard.csv",
        "holdout.csv",
        "decile_calibration.png",
        "cumulative_gains.png",
        "model",
        "mlflow.db",
        "mlartifacts",
    }
    assert all(entry.stat().st_size > 0 for entry in folder.rglob("*") if entry.is_file())


def test_mlflow_and_the_working_folder_are_left_as_they_were(demo):
    _, before, after = demo
    assert after == before
    assert os.listdir() == []


def test_every_customer_has_a_value(folder):
    values = pd.read_csv(folder / "predictions.csv", index_col="customer_id")
    assert len(values) == 2357
    assert values.index.is_unique
    assert (values["lower"] <= values["clv"]).all()
    assert (values["clv"] <= values["upper"]).all()
    assert values["segment"].between(1, 10).all()


def test_the_leaderboard_compares_all_families_out_of_time(folder):
    board = pd.read_csv(folder / "leaderboard.csv", index_col="candidate")
    assert set(board["regime"]) == {"rolling"}
    assert {"baseline", "btyd", "boosting"} <= set(board["family"])
    assert board["score"].iloc[1:].is_monotonic_decreasing  # the champion stands first


def test_the_holdout_names_the_champion_first(folder):
    holdout = pd.read_csv(folder / "holdout.csv", index_col="model")
    board = pd.read_csv(folder / "leaderboard.csv", index_col="candidate")
    assert holdout.index[0] == f"champion: {board.index[0]}"
    assert len(holdout) > 4
    assert np.isfinite(holdout.to_numpy()).all()


@pytest.mark.parametrize("name", ["decile_calibration.png", "cumulative_gains.png"])
def test_the_figures_can_be_looked_at(folder, name):
    image = imread(folder / name)
    assert image.ndim == 3
    assert min(image.shape[:2]) > 300
    assert image[..., :3].std() > 0.01  # something is drawn on the paper


def test_the_registered_model_gives_the_values_of_the_table(folder, mlflow_at, cdnow):
    past = cdnow[cdnow["date"] <= CUTOFF]
    expected = pd.read_csv(folder / "predictions.csv")
    with mlflow_at(f"sqlite:///{folder}/mlflow.db") as mlflow:
        versions = mlflow.MlflowClient().search_model_versions("name='cdnow-clv'")
        model = mlflow.pyfunc.load_model("models:/cdnow-clv/2")
        loaded = load("models:/cdnow-clv/2").predict_customers(past)
    assert os.environ.get("MLFLOW_REGISTRY_URI") != f"sqlite:///{folder}/mlflow.db"
    assert sorted(int(version.version) for version in versions) == [1, 2]  # it was run twice
    served = model.predict(past[["customer_id", "date", "amount"]])
    pd.testing.assert_frame_equal(served[list(expected)], expected, check_dtype=False)
    pd.testing.assert_frame_equal(loaded.reset_index(), expected, check_dtype=False)


def test_the_saved_model_is_ready_for_predict(folder, cdnow, tmp_path):
    log = tmp_path / "log.csv"
    cdnow[cdnow["date"] <= CUTOFF].to_csv(log, index=False)
    out = tmp_path / "values.csv"
    assert main(["predict", str(folder), str(log), "--out", str(out)]) == 0
    again, expected = pd.read_csv(out), pd.read_csv(folder / "predictions.csv")
    pd.testing.assert_frame_equal(again, expected)


def test_mlflow_is_put_back_where_the_user_had_it(mlflow, folder, monkeypatch):
    """Also when the fit fails."""
    from clvkit import AutoCLV

    seen = []

    def broken(self, X, y=None):
        seen.extend(uris(mlflow))
        raise RuntimeError("a defect")

    monkeypatch.setattr(AutoCLV, "fit", broken)
    before = uris(mlflow)
    with pytest.raises(RuntimeError, match="a defect"):
        main(["demo", "--out", str(folder)])
    assert seen == [f"sqlite:///{folder}/mlflow.db"] * 4
    assert uris(mlflow) == before


def test_a_folder_with_something_else_is_refused_at_once(tmp_path, capsys):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.tex").touch()
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "holds something else (thesis.tex)" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
