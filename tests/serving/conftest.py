import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import clvkit
from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.btyd._btyd_regressor import BTYDRegressor
from clvkit.calibration import LevelIntervals
from clvkit.datasets import load_cdnow
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, model_record, pipeline_record
from clvkit.tracking import FitRecord, MLflowWriter

#: Processes start in other folders, where another clvkit may be installed.
REPOSITORY = Path(clvkit.__file__).parents[1]

ESTIMATORS = {
    "baseline": lambda: HistoricalRate(),
    "btyd": lambda: BTYDRegressor(),
    "snapshots": lambda: SnapshotRegressor(PopulationMean(), n_snapshots=2),
}


@pytest.fixture(scope="session")
def log():
    """One customer in four, for speed."""
    whole = load_cdnow()
    return whole[whole["customer_id"] % 4 == 1].reset_index(drop=True)


@pytest.fixture(scope="session")
def X(log):
    return latest_histories(log, cutoff="1998-03-31")


@pytest.fixture(scope="session")
def interval():
    rng = np.random.default_rng(3)
    p = rng.gamma(0.7, 10, 400)
    return LevelIntervals().fit(np.where(rng.random(400) < 0.3, 3 * p, 0), p)


@pytest.fixture(scope="session", params=list(ESTIMATORS))
def model(request, X, interval):
    """A fitted model of each family."""
    return CLVModel(ESTIMATORS[request.param](), horizon="13W", interval=interval).fit(X)


@pytest.fixture(scope="session")
def btyd(X, interval):
    return CLVModel(BTYDRegressor(), horizon="13W", interval=interval).fit(X)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A tracking store of its own; a fresh database takes seconds, so there is one."""
    folder = tmp_path_factory.mktemp("serving")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(folder)  # MLflow puts the artifacts of a local store into ./mlruns
        import mlflow

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        yield mlflow.MlflowClient()
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def track(store):
    """Write and register a model and its pipeline."""

    def write(model, name):
        records = [
            FitRecord("serving"),
            model_record(model, register_as=name),
            pipeline_record(model.pipeline_),
        ]
        return MLflowWriter().write(records)

    return write


@pytest.fixture(scope="session")
def tracked(store, track, btyd):
    where = track(btyd, "cdnow")
    store.set_registered_model_alias("cdnow", "champion", where.version)
    return where


@pytest.fixture(scope="session")
def served(tracked):
    import mlflow

    return mlflow.pyfunc.load_model(tracked.model_uri)


@pytest.fixture(scope="session")
def serving(tmp_path_factory):
    """Return a context in which ``clvkit serve`` runs; it is the URL, and the process id.

    The process ends at once, and the test with it, where it does not import the clvkit under test.
    """

    @contextmanager
    def served_at(place, **environment):
        script = (
            f"import sys, clvkit; assert clvkit.__file__ == {clvkit.__file__!r}, clvkit.__file__; "
            "from clvkit.cli import main; sys.exit(main(sys.argv[1:]))"
        )
        errors = tmp_path_factory.mktemp("server") / "errors.txt"
        with errors.open("w") as stderr, pytest.MonkeyPatch.context() as patch:
            patch.setenv("NO_PROXY", "127.0.0.1")
            patch.setenv("PYTHONPATH", str(REPOSITORY), prepend=os.pathsep)
            for name, value in environment.items():
                patch.setenv(name, value)
            process = subprocess.Popen(
                [sys.executable, "-c", script, "serve", str(place), "--port", "0"],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
            try:
                line = process.stdout.readline()
                assert "http://127.0.0.1:" in line, errors.read_text()
                yield next(word for word in line.split() if word.startswith("http")), process.pid
                assert process.poll() is None, errors.read_text()
            finally:
                process.terminate()
                process.wait()
                process.stdout.close()

    return served_at
