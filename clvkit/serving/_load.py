"""Loading a model from a folder or from MLflow, without unpickling."""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from clvkit.errors import ModelFormatError
from clvkit.serving._store import load_folder
from clvkit.tracking._quiet import quiet_mlflow
from clvkit.utils._imports import try_import

if TYPE_CHECKING:
    from clvkit.serving._clv_model import CLVModel

__all__ = ["ARTIFACT", "load"]

#: Where the folder of the model lies inside the MLflow model.
ARTIFACT = "clv_model"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")

#: URIs of what a run logged; others name registered models.
_LOGGED = re.compile(r"runs:|models:/+m-[0-9a-f]{32}$")


def load(uri: str | os.PathLike[str]) -> CLVModel:
    """Load a :class:`CLVModel` from a folder or from MLflow.

    Nothing is unpickled, and no code from the model is run: objects are made of a fixed list of
    types only. (``mlflow.pyfunc.load_model`` reads the same model in the same way, but runs the
    Python file that lies beside it.)

    Parameters
    ----------
    uri : str or path-like
        A folder that :meth:`CLVModel.save` wrote, or an MLflow model URI:
        ``"models:/name@champion"``, ``"models:/name/1"``, ``"runs:/<run>/model"``. MLflow's
        tracking and registry URIs apply.

    Returns
    -------
    CLVModel
        Fitted.

    Raises
    ------
    ModelFormatError
        If there is no such model, if it is no model of clvkit, or one of a version that this
        clvkit cannot read.
    UntrustedModelError
        If the file was changed, or holds a type that is not on the list.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> from clvkit.serving import CLVModel, load
    >>> model = CLVModel(HistoricalRate(), horizon="13W").fit(latest_histories(load_cdnow()))
    >>> with TemporaryDirectory() as place:
    ...     model.save(f"{place}/model")
    ...     load(f"{place}/model")
    CLVModel(HistoricalRate, horizon='13W', 2,357 customers to 1998-06-30)
    >>> load("no/such/folder")
    Traceback (most recent call last):
        ...
    clvkit.errors.ModelFormatError: 'no/such/folder' is no folder of a model: ...
    """
    if not _is_uri(uri):
        return _checked(load_folder(Path(uri)), uri)
    with TemporaryDirectory() as place:
        folder = _fetch(str(uri), place) / "artifacts" / ARTIFACT
        if not folder.is_dir():
            raise ModelFormatError(
                f"{str(uri)!r} is an MLflow model, but no CLVModel. Give the one that was "
                "registered (the artifact 'model' of the run); a pipeline is loaded by "
                "mlflow.sklearn.load_model."
            )
        return _checked(load_folder(folder), uri)


def _fetch(uri: str, place: str) -> Path:
    """Copy an MLflow model into ``place``."""
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
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=place))
        except Exception as error:  # stores raise what they like
            raise ModelFormatError(
                f"{uri!r} could not be fetched: {type(error).__name__}: {str(error)[:300]} {remedy}"
            ) from error


def _is_absent(store: str) -> bool:
    """Tell whether a store is a database file that does not exist."""
    file = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", store)
    return file is not None and file[1] != ":memory:" and not Path(file[1]).exists()


def _is_uri(uri: Any) -> bool:
    return isinstance(uri, str) and bool(_SCHEME.match(uri)) and not Path(uri).exists()


def _checked(model: Any, uri: Any) -> CLVModel:
    from clvkit.serving._clv_model import CLVModel

    if not isinstance(model, CLVModel):
        raise ModelFormatError(f"{str(uri)!r} holds a {type(model).__name__}, no CLVModel.")
    return model
