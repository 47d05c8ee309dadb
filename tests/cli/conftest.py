"""MLflow, pointed elsewhere for one test and back again."""

from __future__ import annotations

from contextlib import contextmanager

import pytest


@pytest.fixture(scope="session")
def mlflow_at():
    """Return a context in which MLflow writes to a store; None is as if nobody had set one."""
    with pytest.MonkeyPatch.context() as telemetry:
        telemetry.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield _pointed


@contextmanager
def _pointed(store):
    import mlflow

    was_set, tracking = mlflow.is_tracking_uri_set(), mlflow.get_tracking_uri()
    registry = mlflow.get_registry_uri()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            patch.setenv(name, "")  # so that it is put back even where it was not set
            patch.delenv(name)
        mlflow.set_tracking_uri(store)
        mlflow.set_registry_uri(store)
        try:
            yield mlflow
        finally:
            mlflow.set_tracking_uri(tracking if was_set else None)
            mlflow.set_registry_uri(registry if registry != tracking else None)
