"""Models fetched from MLflow, and compared with what MLflow knows of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from clvkit.errors import ModelFormatError, UntrustedModelError
from clvkit.tracking._digest import DIGEST_TAG, digest_of_folder
from clvkit.tracking._quiet import quiet_mlflow
from clvkit.utils._imports import try_import

__all__ = ["ARTIFACT", "check_metadata", "fetch"]

#: Where the folder of the model lies inside the MLflow model.
ARTIFACT = "clv_model"

#: URIs of what a run logged; others name registered models.
_LOGGED_MODEL = re.compile(r"models:/+m-[0-9a-f]{32}$")
_LOGGED = re.compile(f"runs:|{_LOGGED_MODEL.pattern}")


def fetch(uri: str, place: str) -> Path:
    """Copy an MLflow model into ``place``; return the folder of the model inside it.

    Raises
    ------
    ModelFormatError
        If there is no such model, or it is none of clvkit.
    UntrustedModelError
        If the files are not those that were registered.
    """
    mlflow = try_import("mlflow", install="pip install mlflow", purpose="load a registered model")
    with quiet_mlflow():
        stores = {"tracking": mlflow.get_tracking_uri(), "registry": mlflow.get_registry_uri()}
        asked = " and ".join(f"{name} URI {store!r}" for name, store in stores.items())
        remedy = f"MLflow was asked at the {asked}: check these and the name of the model."
        # MLflow would make an empty database rather than say that there is none.
        first = stores["tracking" if _LOGGED.match(uri) else "registry"]
        if uri.startswith(("models:", "runs:")) and _is_absent(first):
            raise ModelFormatError(f"{uri!r} was not found: there is no {first}. {remedy}")
        try:
            exact, digest = _look_up(mlflow.MlflowClient(), uri)
            root = Path(mlflow.artifacts.download_artifacts(artifact_uri=exact, dst_path=place))
        except Exception as error:  # stores raise what they like
            raise ModelFormatError(
                f"{uri!r} could not be fetched: {type(error).__name__}: {str(error)[:300]} {remedy}"
            ) from error
    folder = root / "artifacts" / ARTIFACT
    if not folder.is_dir():
        raise ModelFormatError(
            f"{uri!r} is an MLflow model, but no CLVModel. Give the one that was registered (the "
            "artifact 'model' of the run); a pipeline is loaded by mlflow.sklearn.load_model."
        )
    _compare(folder, digest, uri, "MLflow's database")
    return folder


def check_metadata(folder: Path) -> None:
    """Raise if a model inside an MLflow model is not the one that its ``MLmodel`` file describes.

    Raises
    ------
    UntrustedModelError
    """
    described = folder.parent.parent / "MLmodel"
    if folder.name != ARTIFACT or not described.is_file():
        return
    models = try_import("mlflow.models", install="pip install mlflow", purpose="read its models")
    try:
        metadata = models.Model.load(str(described)).metadata or {}
    except Exception as error:  # it may hold anything
        raise ModelFormatError(
            f"'{described}' could not be read: {type(error).__name__}: {str(error)[:300]}"
        ) from error
    _compare(folder, metadata.get(DIGEST_TAG), str(folder), "the metadata of its MLflow model")


def _look_up(client: Any, uri: str) -> tuple[str, str | None]:
    """Return the URI with its version, and the digest that the database has of that version.

    The alias is resolved once: it may move between two questions.
    """
    if not uri.startswith("models:"):
        return uri, None
    if _LOGGED_MODEL.match(uri):
        return uri, client.get_logged_model(uri.rpartition("/")[2]).tags.get(DIGEST_TAG)
    from mlflow.store.artifact.utils.models import get_model_name_and_version

    name, number = get_model_name_and_version(client, uri)
    version = client.get_model_version(name, number)
    digest = version.tags.get(DIGEST_TAG)
    source = version.source or ""
    if digest is None and _LOGGED_MODEL.match(source):  # registered by other means than clvkit's
        digest = client.get_logged_model(source.rpartition("/")[2]).tags.get(DIGEST_TAG)
    return f"models:/{name}/{number}", digest


def _compare(folder: Path, digest: str | None, uri: str, where: str) -> None:
    if digest is not None and digest_of_folder(folder) != digest:
        raise UntrustedModelError(
            f"'{uri}' was changed after it was registered: its SHA-256 is not the one in {where}. "
            "Register the model again from where it was made, and find out who may write there."
        )


def _is_absent(store: str) -> bool:
    """Tell whether a store is a database file that does not exist."""
    file = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", store)
    return file is not None and file[1] != ":memory:" and not Path(file[1]).exists()
