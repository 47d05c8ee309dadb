"""Loading a model from a folder or from MLflow, without unpickling."""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from clvkit.errors import ModelFormatError
from clvkit.serving._fetch import check_metadata, fetch
from clvkit.serving._store import load_folder

if TYPE_CHECKING:
    from clvkit.serving._clv_model import CLVModel

__all__ = ["load"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def load(uri: str | os.PathLike[str]) -> CLVModel:
    """Load a :class:`CLVModel` from a folder or from MLflow.

    Nothing is unpickled, and no code from the model is run: objects are made of a fixed list of
    types only. (``mlflow.pyfunc.load_model`` reads the same model in the same way, but runs the
    Python file that lies beside it.) The files are compared with the SHA-256 in the model's own
    metadata and, for ``models:`` URIs, with the one in MLflow's database, which whoever may write
    files where the model lies cannot change.

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
        If a file was changed, or holds a type that is not on the list.

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
        folder = Path(uri)
        check_metadata(folder)
        return _checked(load_folder(folder), uri)
    with TemporaryDirectory() as place:
        folder = fetch(str(uri), place)
        check_metadata(folder)
        return _checked(load_folder(folder), uri)


def _is_uri(uri: Any) -> bool:
    return isinstance(uri, str) and bool(_SCHEME.match(uri)) and not Path(uri).exists()


def _checked(model: Any, uri: Any) -> CLVModel:
    from clvkit.serving._clv_model import CLVModel

    if not isinstance(model, CLVModel):
        raise ModelFormatError(f"{str(uri)!r} holds a {type(model).__name__}, no CLVModel.")
    return model
