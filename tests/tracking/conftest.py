import pytest

from clvkit.baselines import HistoricalRate
from clvkit.datasets import load_cdnow
from clvkit.history import latest_histories
from clvkit.serving import CLVModel


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A tracking store of its own; a fresh database takes seconds, so there is one."""
    folder = tmp_path_factory.mktemp("tracking")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(folder)  # MLflow puts the artifacts of a local store into ./mlruns
        import mlflow

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        yield mlflow.MlflowClient()
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def X():
    log = load_cdnow()
    return latest_histories(log[log["customer_id"] % 8 == 1])


@pytest.fixture(scope="session")
def model(X):
    return CLVModel(HistoricalRate(), horizon="13W").fit(X)
