import numpy as np
import pytest

from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.btyd._btyd_regressor import BTYDRegressor
from clvkit.calibration import LevelIntervals
from clvkit.datasets import load_cdnow
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, model_record, pipeline_record
from clvkit.tracking import FitRecord, MLflowWriter

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
