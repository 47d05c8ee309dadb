"""A model behind HTTP: MLflow's scoring server around what :func:`clvkit.serving.load` read."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clvkit.errors import OutputError
from clvkit.serving._clv_model import CLVModel
from clvkit.serving._csv import TypedCSV, text_columns
from clvkit.serving._load import load
from clvkit.serving._records import model_record
from clvkit.serving._requests import SERVING, with_nulls
from clvkit.tracking._mlflow_models import save_model
from clvkit.tracking._quiet import environment, quiet_mlflow
from clvkit.utils._imports import try_import

__all__ = ["make_app", "serve"]

_INVALID = {"error_code": "INVALID_PARAMETER_VALUE"}


def serve(
    uri: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 5001,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a model over HTTP with MLflow's scoring server, until it is interrupted.

    ``mlflow models serve`` runs the Python file that lies beside the model, and would unpickle a
    model that was exchanged for a pickle. This reads the model by :func:`load` and runs the code
    of the installed clvkit only. Use MLflow's own where it belongs to your deployment.

    Parameters
    ----------
    uri : str or path-like
        See :func:`load`: a folder, or an MLflow URI such as ``"models:/shop-clv@champion"``.
    host : str, default="127.0.0.1"
        Address to listen at. The default is reachable from this machine only: the server asks
        nobody for a password.
    port : int, default=5001
        0 takes any free one.
    on_ready : callable or None, default=None
        Called with the address, such as ``"http://127.0.0.1:5001"``, when the model is loaded.

    Raises
    ------
    ModelFormatError, UntrustedModelError
        See :func:`load`.
    OutputError
        If nothing can listen there.
    """
    app = make_app(load(uri))
    uvicorn = try_import("uvicorn", install="pip install mlflow", purpose="serve a model")
    with _listening(host, port) as place:
        address = f"http://{host}:{place.getsockname()[1]}"
        if on_ready is not None:
            on_ready(address)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[place])


def make_app(model: CLVModel) -> Any:
    """Return MLflow's scoring server as an ASGI application.

    Parameters
    ----------
    model : CLVModel
        Fitted. It is exported anew, with the code of the installed clvkit. The signature names no
        columns, so that requests may be CSV: clvkit's own door checks them.

    Returns
    -------
    FastAPI
    """
    try_import("mlflow.pyfunc", install="pip install mlflow", purpose="serve a model")
    from mlflow.pyfunc import load_model, scoring_server

    record = replace(model_record(model), inputs=None)
    with TemporaryDirectory() as place, quiet_mlflow(), environment(SERVING, "true"):
        save_model(record, Path(place) / "model")
        app = scoring_server.init(_StrictModel(load_model(f"{place}/model")))
    app.add_middleware(TypedCSV, text=text_columns(model))
    app.middleware("http")(_refuse_politely)
    return app


class _StrictModel:
    """An MLflow model that answers in JSON, and refuses what MLflow drops: unknown parameters.

    Parameters
    ----------
    model : PyFuncModel
    """

    def __init__(self, model: Any) -> None:
        self.metadata = model.metadata
        self._model = model

    def predict(self, data: Any, params: Any = None) -> Any:
        """Predict, if all parameters are known."""
        from mlflow.exceptions import MlflowException

        known = [param.name for param in self.metadata.get_params_schema().params]
        strange = sorted(set(params) - set(known)) if isinstance(params, dict) else []
        if strange:
            raise MlflowException.invalid_parameter_value(
                f"the parameters {', '.join(map(repr, strange))} are not known. There are "
                f"{', '.join(map(repr, known))}."
            )
        return with_nulls(self._model.predict(data, params=params))


async def _refuse_politely(request: Any, answer: Any) -> Any:
    """Answer requests that MLflow's server fails on, and leave the rows out of its messages."""
    from fastapi.responses import Response

    if request.method == "POST" and not request.headers.get("content-type"):
        refusal = {**_INVALID, "message": "the request has no Content-Type: application/json."}
        return Response(json.dumps(refusal), status_code=415, media_type="application/json")
    try:
        response = await answer(request)
    except RecursionError:
        refusal = {**_INVALID, "message": "the JSON of the request is nested too deeply."}
        return Response(json.dumps(refusal), status_code=400, media_type="application/json")
    if response.status_code != 400:
        return response
    told = b"".join([part async for part in response.body_iterator])
    return Response(_in_short(told), status_code=400, media_type="application/json")


def _in_short(told: bytes) -> bytes:
    """Take what the client sent, and lines of the server's code, out of MLflow's message."""
    try:
        refusal = json.loads(told)
    except ValueError:
        return told
    message = str(refusal.get("message", ""))
    if message.startswith("Failed to predict data"):
        message = message.partition("\nError: ")[2]
    kept = {name: refusal[name] for name in ("error_code",) if name in refusal}
    return json.dumps({**kept, "message": message}).encode()


def _listening(host: str, port: int) -> socket.socket:
    """Return a bound socket, so that a port that is taken is an error of ours."""
    try:
        return socket.create_server((host, port), backlog=128)
    except (OSError, OverflowError) as error:
        raise OutputError(
            f"nothing can listen at {host}:{port} ({error}). Give another port, or 0 for any free "
            "one."
        ) from error
